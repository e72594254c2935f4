import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ask, customer, rig } from '../support/fault-server-rig.ts';
import {
  answer,
  bodyIn,
  eventsIn,
  FIRST,
  fault,
  head,
  json,
  pause,
  sound,
  write,
} from '../support/fault-server-words.ts';

const parts = rig();

const body = bodyIn('openai');
const choice = { index: 0, message: { role: 'assistant', content: 'Hm.' }, finish_reason: 'stop' };

describe('a body that is longer than its length', () => {
  it.each(['compatible', 'openai'] as const)(
    'of %s ends where it said, and what follows reaches nobody',
    async (first) => {
      const poison = answer(bodyIn('openai', 'Poison.'));
      await parts.faulty.script(fault(write(answer(body)), write(poison)), sound('openai', false));
      const told = await ask(parts, { first });
      expect([told.status, told.text]).toEqual([200, FIRST]);
      for (let i = 0; i < 3; i++) expect((await ask(parts, { first, user: told.user })).text).toBe(FIRST);
    },
  );
});

it('lets go of a body that nobody waits for any more', async () => {
  const slow = head(200, { 'content-type': 'application/json', 'content-length': '100000' });
  await parts.faulty.script({
    steps: [
      write(slow),
      { fill: ' ', times: 50 },
      pause(200),
      { fill: ' ', times: 50 },
      pause(200),
      { fill: ' ', times: 50 },
      pause(5_000),
    ],
  });
  const user = await customer(parts);
  const leave = new AbortController();
  const asking = user.chat({ model: 'compatible/two' }, {}, leave.signal).catch(() => null);
  await wait(250);
  const left = Date.now();
  leave.abort();
  await asking;
  await wait(150);
  const { requests, open } = await parts.faulty.witnessed();
  expect(open).toBe(0);
  expect((requests[0]?.closedAt ?? 0) - left).toBeLessThan(100);
  const [row] = await user.logs();
  expect(row).toMatchObject({ status: 'error', error: expect.stringContaining('client_closed') });
  expect(row?.attempts.map(({ outcome }) => outcome)).toEqual(['aborted']);
});

describe.each([false, true])('usage that makes no sense, stream: %s', (stream) => {
  const absurd = (usage: unknown) => {
    const text = stream ? eventsIn('openai').join('') : body;
    const said = text.replaceAll(/"usage":\{[^}]*\}/g, `"usage":${usage}`);
    return fault(write(answer(said, { 'content-type': stream ? 'text/event-stream' : 'application/json' })));
  };
  it.each([
    ['below zero', '{"prompt_tokens":-5,"completion_tokens":-1,"total_tokens":-6}'],
    ['beyond all measure', '{"prompt_tokens":1e308,"completion_tokens":1e308,"total_tokens":1e308}'],
    ['beyond any number', '{"prompt_tokens":1e999,"completion_tokens":1,"total_tokens":1}'],
    ['as texts', '{"prompt_tokens":"10","completion_tokens":"5","total_tokens":"15"}'],
    ['as a text', '"much"'],
    ['as a list', '[1,2,3]'],
    ['as nothing', 'null'],
    ['in fractions', '{"prompt_tokens":1.5,"completion_tokens":0.1,"total_tokens":1.6}'],
    [
      'with details that are none',
      '{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":7,"completion_tokens_details":{"reasoning_tokens":-9}}',
    ],
  ])('%s: the answer arrives, and log and statistics stay finite', async (_, usage) => {
    await parts.faulty.script(absurd(usage));
    const told = await ask(parts, { stream });
    expect([told.status, told.text, told.done]).toEqual([200, FIRST, stream]);
    for (const count of [told.row?.input_tokens, told.row?.output_tokens])
      if (count !== null) {
        expect(count).toBeGreaterThanOrEqual(0);
        expect(count).toBeLessThan(1e12);
        expect(Number.isInteger(count)).toBe(true);
      }
    const stats = await (await parts.gateway.fetch('/v1/stats', { key: told.user.key })).text();
    const { totals } = JSON.parse(stats) as { totals: Record<string, unknown> };
    expect(totals).toMatchObject({
      requests: 1,
      input_tokens: expect.any(Number),
      output_tokens: expect.any(Number),
    });
    expect(stats).not.toMatch(/e\+|NaN|Infinity/);
  });
});

describe('names of every object’s own parts in an answer', () => {
  const hostile = `{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},${body.slice(1)}`;
  it.each(['compatible', 'openai'] as const)(
    'pollute nothing, and stay where they are: %s',
    async (first) => {
      await parts.faulty.script(fault(write(answer(hostile))));
      const told = await ask(parts, { first });
      expect([told.status, told.text]).toEqual([200, FIRST]);
      if (first === 'openai') expect(told.raw.startsWith(hostile.slice(0, -1))).toBe(true);
      expect(told.raw).toContain('"constructor":{"prototype":{"polluted":1}}');
      await parts.faulty.script(json({ choices: [choice] }));
      const next = await ask(parts, { first, user: told.user });
      expect(next.raw).not.toContain('polluted');
      expect(next.row).not.toHaveProperty('polluted');
    },
  );
});
