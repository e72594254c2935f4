import { describe, expect, it } from 'vitest';
import type { Fault } from '../support/fault-server.ts';
import { customer, dialectOf, type First, rig } from '../support/fault-server-rig.ts';
import { begun, end, fault, pause, reset, SSE, write } from '../support/fault-server-words.ts';

const parts = rig();

const said = (first: First) => SSE + begun(dialectOf(first), 3).join('');
const DEATHS: readonly (readonly [string, (first: First) => Fault])[] = [
  ['a reset', (first) => fault(write(said(first)), ...reset)],
  ['a bare end', (first) => fault(write(said(first)), pause(30), end)],
  ['silence', (first) => fault(write(said(first)))],
];
const inTheMiddle = (first: First) => fault(write(`${said(first)}data: {"id`), pause(30), end);

/** Asks in another dialect than OpenAI's chat; what came, event by event: its name and its data. */
async function asked(first: First, path: string, body: object, death: Fault) {
  await parts.faulty.script(death);
  const user = await customer(parts, first);
  const response = await parts.gateway.fetch(path, {
    method: 'POST',
    key: user.key,
    body: JSON.stringify({ model: `${first}/two`, stream: true, ...body }),
  });
  const events = (await response.text())
    .split('\n\n')
    .filter((event) => event.startsWith('event: '))
    .map((event) => event.split('\n'))
    .map(([name = '', data = '']) => ({ name: name.slice(7), data: JSON.parse(data.slice(6)) as object }));
  return { status: response.status, events, row: (await user.logs())[0] };
}

describe.each(['compatible', 'openai', 'anthropic'] as const)(
  'three words of %s to a client of Anthropic’s',
  (first) => {
    const body = { max_tokens: 100, messages: [{ role: 'user', content: 'Say hello.' }] };
    const dies = async (death: Fault) => {
      const { status, events, row } = await asked(first, '/v1/messages', body, death);
      expect([
        status,
        JSON.stringify(events)
          .match(/One |two |three /g)
          ?.join(''),
      ]).toEqual([200, 'One two three ']);
      expect(events.at(-1)).toMatchObject({
        name: 'error',
        data: { type: 'error', error: { type: expect.any(String) } },
      });
      expect(events.map(({ name }) => name)).not.toContain('message_stop');
      expect(row).toMatchObject({ status: 'error', provider: first });
    };

    it.each(DEATHS)('%s is an error event, and no message_stop', (_, death) => dies(death(first)));

    // raw bytes are sent on without a line end behind them, and what follows is glued to them
    it('an end in the middle of an event is an error event of its own', () => dies(inTheMiddle(first)));
  },
);

describe.each(['compatible', 'anthropic'] as const)('three words of %s to a client of responses', (first) => {
  it.each([...DEATHS, ['an end in the middle of an event', inTheMiddle] as const])(
    '%s is a response that failed, and none that is completed',
    async (_, death) => {
      const { status, events, row } = await asked(
        first,
        '/v1/responses',
        { input: 'Say hello.' },
        death(first),
      );
      expect(status).toBe(200);
      expect(['error', 'response.failed']).toContain(events.at(-1)?.name);
      expect(events.map(({ name }) => name)).not.toContain('response.completed');
      expect(row).toMatchObject({ status: 'error', provider: first });
    },
  );
});
