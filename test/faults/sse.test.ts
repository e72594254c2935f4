import { describe, expect, it } from 'vitest';
import type { Fault } from '../support/fault-server.ts';
import { type Failing, passedOver, stillServes } from '../support/fault-server-cases.ts';
import {
  ask,
  dialectOf,
  FIRSTS,
  type First,
  rig,
  rssOf,
  SECOND,
  type Told,
} from '../support/fault-server-rig.ts';
import {
  answer,
  begun,
  end,
  eventsIn,
  fault,
  head,
  pause,
  reset,
  SSE,
  stream,
  write,
} from '../support/fault-server-words.ts';

const parts = rig();

const sse = (...text: readonly string[]) => write(SSE + text.join(''));
const role = begun('openai', 0)[0] ?? '';
const every20Ms = (text: string) => Array.from({ length: 60 }, () => [write(text), pause(20)]).flat();
const MALFORMED = { outcome: 'malformed', status: 502, only: 'stream' } as const;
const FAILED = { outcome: 'server_error', status: 502, only: 'stream' } as const;
const LATE = { outcome: 'timeout', status: 504, only: 'stream' } as const;
const errorEvent = (error: object, name = '') => `${name}data: ${JSON.stringify({ error })}\n\n`;
const boom = { message: 'boom', type: 'server_error', code: null };

passedOver(parts, [
  { name: 'a stream without a byte', fault: stream(), ...MALFORMED },
  { name: '[DONE] alone', fault: stream('data: [DONE]\n\n'), ...MALFORMED },
  { name: 'comments alone', fault: stream(': one\n\n: two\n\n'), ...MALFORMED },
  { name: 'a role and the end', fault: stream(role), ...MALFORMED },
  { name: 'a role and a reset', fault: fault(sse(role), ...reset), ...MALFORMED },
  { name: 'half an event', fault: fault(sse(role, 'data: {"id":"x","cho'), pause(20), end), ...MALFORMED },
  { name: 'usage alone', fault: stream(eventsIn('openai').at(-2) ?? '', 'data: [DONE]\n\n'), ...MALFORMED },
  { name: 'events that are no JSON', fault: stream('data: {oops\n\ndata: <b>\n\n'), ...MALFORMED },
  {
    name: 'events of another kind',
    fault: stream('data: {"hello":1}\n\ndata: [1]\n\ndata: null\n\n'),
    ...MALFORMED,
  },
  { name: 'an error event', fault: stream(errorEvent(boom)), ...FAILED },
  { name: 'an error event with a name', fault: stream(role, errorEvent(boom, 'event: error\n')), ...FAILED },
  {
    name: 'an overload in an event',
    fault: stream(role, errorEvent({ ...boom, code: 503 })),
    ...FAILED,
    outcome: 'overloaded',
  },
  {
    name: 'an error event with status 500',
    fault: fault(write(answer(errorEvent(boom), { 'content-type': 'text/event-stream' }, 500))),
    ...FAILED,
  },
  { name: 'a head and silence', fault: fault(sse()), ...LATE },
  { name: 'a role and silence', fault: fault(sse(role)), ...LATE },
  { name: 'comments for ever', fault: fault(sse(), ...every20Ms(': ping\n\n')), ...LATE },
  { name: 'roles for ever', fault: fault(sse(), ...every20Ms(role)), ...LATE },
]);

const claude = begun('anthropic', 0);
passedOver(
  parts,
  [
    { name: 'a stream without a byte', fault: stream(), ...MALFORMED },
    { name: 'a start and the end', fault: stream(...claude), ...MALFORMED },
    { name: 'a start and a reset', fault: fault(sse(...claude), ...reset), ...MALFORMED },
    {
      name: 'an overload in an event',
      fault: stream(
        ...claude,
        'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n',
      ),
      ...FAILED,
      outcome: 'overloaded',
    },
    {
      name: 'pings for ever',
      fault: fault(sse(...claude), ...every20Ms('event: ping\ndata: {"type":"ping"}\n\n')),
      ...LATE,
    },
  ] satisfies Failing[],
  'anthropic',
);
passedOver(
  parts,
  [
    { name: 'a role and a reset', fault: fault(sse(role), ...reset), ...MALFORMED },
    { name: '[DONE] alone', fault: stream('data: [DONE]\n\n'), ...MALFORMED },
    { name: 'an error event', fault: stream(role, errorEvent(boom)), ...FAILED },
  ] satisfies Failing[],
  'openai',
);

/** What may happen when three words have been sent on. */
const DEATHS: readonly (readonly [string, string, (first: First) => Fault])[] = [
  ['a reset', 'malformed', (first) => fault(sse(...words(first)), ...reset)],
  ['a bare end', 'malformed', (first) => fault(sse(...words(first)), pause(30), end)],
  ['silence', 'timeout', (first) => fault(sse(...words(first)))],
  ['silence in the middle of an event', 'timeout', (first) => fault(sse(...words(first), 'data: {"id'))],
  [
    'an error event',
    'server_error',
    (first) => fault(sse(...words(first)), pause(30), write(errorOf(first)), pause(30), end),
  ],
  [
    'an error event on an open connection',
    'server_error',
    (first) => fault(sse(...words(first)), pause(30), write(errorOf(first))),
  ],
  [
    'a chunk size that is none',
    'malformed',
    (first) => {
      const text = words(first).join('');
      const chunked = head(200, { 'content-type': 'text/event-stream', 'transfer-encoding': 'chunked' });
      return fault(
        write(`${chunked}${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`),
        pause(30),
        write('oops\r\n'),
      );
    },
  ],
  [
    'a length that was not kept',
    'malformed',
    (first) =>
      fault(
        write(
          answer(words(first).join(''), { 'content-type': 'text/event-stream', 'content-length': '90000' }),
        ),
        pause(30),
        end,
      ),
  ],
];
function words(first: First): readonly string[] {
  return begun(dialectOf(first), 3);
}
function errorOf(first: First): string {
  return first === 'anthropic'
    ? 'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"boom"}}\n\n'
    : errorEvent(boom);
}

/** One error event behind what had come, no `[DONE]`, nobody else asked, and the log says whose fault it was. */
async function brokenOff(told: Told, first: First, outcome: string): Promise<void> {
  expect([told.status, told.done]).toEqual([200, false]);
  expect(told.said.at(-1)).toEqual({
    error: {
      message: expect.any(String),
      type: expect.any(String),
      param: null,
      code: expect.toBeOneOf([expect.any(String), null]),
    },
  });
  expect(
    told.said.filter((event) => typeof event === 'object' && event !== null && 'error' in event),
  ).toHaveLength(1);
  expect(told.attempts).toEqual([[first, outcome]]);
  expect(told.row).toMatchObject({ status: 'error', provider: first });
  expect(told.raw).not.toContain('second');
}

describe.each(FIRSTS)('after three words of %s', (first) => {
  it.each(DEATHS)(
    '%s becomes an error event, without [DONE] and without a second provider',
    async (_, outcome, death) => {
      await parts.faulty.script(death(first));
      await parts.healthy.clear();
      const told = await ask(parts, { first, stream: true });
      await brokenOff(told, first, outcome);
      expect(told.text).toBe('One two three ');
      expect(await parts.healthy.seen()).toHaveLength(0);
      await stillServes(parts, told.user, first, true);
    },
  );

  // raw bytes are sent on without a line end behind them, and what follows is glued to them
  it.each([
    ['in the middle of an event', (text: string) => `${text}data: {"id`],
    ['without its last blank line', (text: string) => text.slice(0, -1)],
    ['without its last line end', (text: string) => text.trimEnd()],
  ])('an end %s becomes an error event of its own', async (_, cutOff) => {
    await parts.faulty.script(fault(sse(cutOff(words(first).join(''))), pause(30), end));
    const told = await ask(parts, { first, stream: true });
    await brokenOff(told, first, 'malformed');
    expect(['One two ', 'One two three ']).toContain(told.text);
  });

  // what stands in one piece with the error is thrown away with it
  it('what came together with an error event is sent on before it', async () => {
    const all = words(first);
    const last = all.at(-1) ?? '';
    await parts.faulty.script(
      fault(sse(...all.slice(0, -1)), pause(40), write(last + errorOf(first)), pause(30), end),
    );
    const told = await ask(parts, { first, stream: true });
    await brokenOff(told, first, 'server_error');
    expect(told.text).toBe('One two three ');
  });

  // the others keep usage back until the end, which never comes
  it('a reset leaves in the log what the provider had said of its usage', async () => {
    const usage = '"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}';
    const counted = words(first).map((event) => event.replace('"usage":null', usage));
    await parts.faulty.script(fault(sse(...counted), ...reset));
    const { row } = await ask(parts, { first, stream: true });
    expect(row?.input_tokens).toBe(first === 'anthropic' ? 10 : 7);
  });
});

describe('a line without an end', () => {
  const line = { fill: 'data: and so on, ', times: 5_000_000 };

  it('is left before its content for the second provider', async () => {
    await parts.faulty.script(fault(sse(role), line));
    const told = await ask(parts, { stream: true, tier: 'roomy' });
    expect([told.status, told.text, told.done]).toEqual([200, SECOND, true]);
    expect(told.attempts[0]).toEqual(['compatible', 'malformed']);
  });

  it.each(FIRSTS)('behind three words of %s is cut, with an error event', async (first) => {
    await parts.faulty.script(fault(sse(...words(first)), line));
    await brokenOff(await ask(parts, { first, stream: true, tier: 'roomy' }), first, 'malformed');
    expect(rssOf(parts)).toBeLessThan(500);
  });
});

it('a role and [DONE] are no answer of any vendor', async () => {
  for (const first of ['openai', 'compatible']) {
    await parts.faulty.script(stream(role, 'data: [DONE]\n\n'));
    expect([first, (await ask(parts, { first, stream: true })).text]).toEqual([first, SECOND]);
  }
});
