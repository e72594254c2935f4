import { describe, expect, it } from 'vitest';
import { broken, completion, streamed } from '../support/answers.ts';
import { ask, customer, rig, SECOND } from '../support/fault-server-rig.ts';
import {
  atAccept,
  begun,
  end,
  eventsIn,
  FIRST,
  fault,
  json,
  pause,
  reset,
  SSE,
  sound,
  stream as sse,
  write,
} from '../support/fault-server-words.ts';

const NAMES = ['again', 'stainless', 'budget', 'hurry', 'breaker', 'panic', 'late', 'crowd'] as const;
const parts = rig({ spares: NAMES.flatMap((name) => [name, `${name}-s`]) });
/** What is kept by provider is kept apart for whole answers and for streams. */
const named = (name: (typeof NAMES)[number], stream: boolean) => (stream ? `${name}-s` : name);

const failed = json({ error: { message: 'words of the provider', type: 'server_error', code: null } }, 500);
const times = <Value>(count: number, value: Value): Value[] => Array.from({ length: count }, () => value);
const called = async () => (await parts.faulty.witnessed()).requests.length;

describe.each([false, true])('trying again, stream: %s', (stream) => {
  const good = sound('openai', stream);

  it('the same provider is called again where there is nobody else, and its answer is sent', async () => {
    await parts.faulty.script(failed, failed, good);
    const told = await ask(parts, { first: named('again', stream), tier: 'patient', stream });
    expect([told.status, told.text, told.done]).toEqual([200, FIRST, stream]);
    expect(told.attempts.map(([, outcome]) => outcome)).toEqual(['server_error', 'server_error', 'ok']);
    expect(told.row?.status).toBe('success');
  });

  it('a client that tries again gets no further tries of ours', async () => {
    await parts.faulty.script(failed);
    const headers = { 'x-stainless-retry-count': '1' };
    const told = await ask(parts, { first: named('stainless', stream), tier: 'patient', stream, headers });
    expect([told.status, told.headers.get('x-should-retry')]).toEqual([502, 'false']);
    expect(await called()).toBe(1);
  });

  it('ends with the provider’s budget for tries, and the next provider is called all the same', async () => {
    await parts.faulty.script(failed);
    const first = named('budget', stream);
    const counts: number[] = [];
    for (let i = 0; i < 3; i++) {
      const before = await called();
      expect((await ask(parts, { first, tier: 'patient', stream })).status).toBe(502);
      counts.push((await called()) - before);
    }
    expect(counts).toEqual([3, 2, 1]);
    expect((await ask(parts, { first, stream })).text).toBe(SECOND);
  });

  it('stops at the deadline of the client', async () => {
    await parts.faulty.script(failed);
    const headers = { 'x-stainless-timeout': '0.12' };
    const told = await ask(parts, { first: named('hurry', stream), tier: 'patient', stream, headers });
    expect([502, 504]).toContain(told.status);
    expect(told.ms).toBeLessThan(250);
  });
});

describe.each([false, true])('a deadline, stream: %s', (stream) => {
  it('is a 504 when it has come, after one attempt', async () => {
    await parts.faulty.script(fault());
    const headers = { 'x-stainless-timeout': '0.25' };
    const told = await ask(parts, { tier: 'patient', stream, headers });
    expect([told.status, told.headers.get('x-should-retry')]).toEqual([504, 'false']);
    expect(told.ms).toBeGreaterThan(200);
    expect(told.ms).toBeLessThan(350);
    expect(told.attempts).toEqual([['compatible', 'timeout']]);
    expect(await called()).toBe(1);
  });

  it('leaves the second provider its share', async () => {
    await parts.faulty.script(fault());
    const told = await ask(parts, { tier: 'roomy', stream, headers: { 'x-stainless-timeout': '0.6' } });
    expect([told.status, told.text]).toEqual([200, SECOND]);
    expect(told.ms).toBeLessThan(570);
  });
});

describe.each([false, true])('a breaker, stream: %s', (stream) => {
  const good = sound('openai', stream);

  it('opens at the fifth failure in a row, and not before', async () => {
    await parts.faulty.script(...times(4, failed), good, ...times(5, failed), good);
    const first = named('breaker', stream);
    const user = await customer(parts, first);
    const texts: string[] = [];
    for (let i = 0; i < 11; i++) texts.push((await ask(parts, { first, stream, user })).text);
    expect(texts).toEqual([...times(4, SECOND), FIRST, ...times(6, SECOND)]);
    expect(await called()).toBe(10);
    const told = await ask(parts, { first, stream, user });
    expect(told.attempts[0]).toEqual([first, 'skipped']);
    expect((await ask(parts, { first, stream })).text).toBe(FIRST);
  });

  it('is passed once where nobody else is left', async () => {
    await parts.faulty.script(...times(6, failed), good);
    const first = named('panic', stream);
    const user = await customer(parts, first);
    for (let i = 0; i < 5; i++) await ask(parts, { first, tier: 'one', stream, user });
    expect(await called()).toBe(5);
    const sixth = await ask(parts, { first, tier: 'one', stream, user });
    expect([sixth.status, await called()]).toEqual([502, 6]);
    expect((await ask(parts, { first, tier: 'one', stream, user })).text).toBe(FIRST);
    expect(await called()).toBe(7);
  });
});

it.each([
  ['a reset', fault(write(SSE + begun('openai', 2).join('')), ...reset)],
  [
    'an error event',
    fault(
      write(SSE + begun('openai', 2).join('')),
      pause(30),
      write('data: {"error":{"message":"x"}}\n\n'),
      end,
    ),
  ],
])('a breaker counts %s behind the first content', async (_, death) => {
  await parts.faulty.script(death);
  const user = await customer(parts);
  for (let i = 0; i < 5; i++) expect((await ask(parts, { stream: true, user })).error).not.toBeNull();
  const told = await ask(parts, { stream: true, user });
  expect([told.text, told.attempts[0]]).toEqual([SECOND, ['compatible', 'skipped']]);
  expect(await called()).toBe(5);
});

describe('a chain whose providers all fail', () => {
  it.each([false, true])(
    'tells the log of each, and no word of theirs to the client, stream: %s',
    async (stream) => {
      await parts.faulty.script(failed);
      parts.healthy.script('healthy', { status: 503, body: '{"error":{"message":"words of the other"}}' });
      const told = await ask(parts, { stream });
      parts.healthy.script('healthy', { whole: completion(SECOND), stream: streamed(SECOND) });
      expect([told.status, told.headers.get('x-should-retry')]).toEqual([502, 'false']);
      expect(told.raw).not.toContain('words of');
      expect(told.attempts).toEqual([
        ['compatible', 'server_error'],
        ['healthy', 'overloaded'],
      ]);
      expect(told.row).toMatchObject({ status: 'error', provider: null });
    },
  );

  it('ends with the second’s words and an error event where that one dies in the middle', async () => {
    await parts.faulty.script(fault(write(SSE + begun('openai', 0).join('')), ...reset));
    parts.healthy.script('healthy', broken('One two ', 'reset'));
    const told = await ask(parts, { stream: true });
    parts.healthy.script('healthy', { whole: completion(SECOND), stream: streamed(SECOND) });
    expect([told.status, told.text, told.done]).toEqual([200, 'One two ', false]);
    expect(told.error).toMatchObject({ type: 'provider_error' });
    expect(told.attempts.map(([, outcome]) => outcome)).toEqual(['malformed', 'malformed']);
    expect(told.row).toMatchObject({ status: 'error', provider: 'healthy' });
  });
});

it('nothing of a first provider is seen that died before its content', async () => {
  const start = (begun('openai', 0)[0] ?? '').replaceAll('chatcmpl-abc', 'chatcmpl-first');
  await parts.faulty.script(fault(write(`${SSE}: hello\n\n${start}`), ...reset));
  const told = await ask(parts, { stream: true });
  expect([told.text, told.done]).toEqual([SECOND, true]);
  expect(told.raw).not.toContain('chatcmpl-first');
  expect(told.raw.match(/"role"/g)).toHaveLength(1);
});

it.each([false, true])(
  'sixty clients at once get whole answers of one provider each, whatever fails, stream: %s',
  async (stream) => {
    const half = stream ? fault(write(SSE + begun('openai', 2).join('')), ...reset) : failed;
    const mixed = [
      sound('openai', stream),
      failed,
      fault({ over: 'reset' }),
      half,
      atAccept({ over: 'reset' }),
      json({ error: { message: 'x' } }, 429),
      fault(write('junk\r\n'), end),
      stream ? sse(...eventsIn('openai', FIRST)) : sound('openai', false),
    ];
    await parts.faulty.script(...times(20, mixed).flat());
    const first = named('crowd', stream);
    const users = await Promise.all(times(12, first).map(() => customer(parts, first)));
    const all = await Promise.all(
      users.flatMap((user) => times(5, user)).map((user) => ask(parts, { first, stream, user })),
    );
    for (const told of all) {
      expect(told.status).toBe(200);
      if (told.error) expect(told.text).toBe('One two ');
      else expect([FIRST, SECOND]).toContain(told.text);
      expect(told.done).toBe(stream && told.error === null);
    }
    for (const user of users) expect(await user.logs()).toHaveLength(5);
    expect(await parts.healthy.inFlight()).toBe(0);
  },
);
