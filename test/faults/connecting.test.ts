import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { type FaultServer, startFaultServer } from '../support/fault-server.ts';
import { type Failing, passedOver } from '../support/fault-server-cases.ts';
import { ask, customer, rig, SECOND, TIMEOUTS } from '../support/fault-server-rig.ts';
import {
  answer,
  atAccept,
  bodyIn,
  end,
  FIRST,
  fault,
  reset,
  sound,
  write,
} from '../support/fault-server-words.ts';

const others: FaultServer[] = [];
const filling: Socket[] = [];
afterAll(async () => {
  for (const socket of filling) socket.destroy();
  for (const server of others) await server.close();
});

/** A port that nobody opens, whose owner sleeps, that knows no TLS, and names that lead nowhere. */
const parts = rig({
  async providers() {
    const [deaf, full, closed] = await Promise.all([
      startFaultServer(),
      startFaultServer({ backlog: 1 }),
      startFaultServer(),
    ]);
    others.push(deaf, full, closed);
    await deaf.script(atAccept());
    await closed.script(atAccept(write('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'), end));
    await fill(full);
    return {
      nowhere: 'http://nowhere.invalid/v1',
      slowname: 'http://slow.invalid/v1',
      unanswered: `http://127.0.0.1:${full.port}/v1`,
      deaftls: `https://127.0.0.1:${deaf.port}/v1`,
      notls: `https://127.0.0.1:${closed.port}/v1`,
    };
  },
});

/** Until the kernel lets nobody in any more. */
async function fill(server: FaultServer): Promise<void> {
  server.freeze();
  for (let i = 0; i < 20; i++) {
    const socket = connect(server.port, '127.0.0.1');
    filling.push(socket);
    socket.on('error', () => {});
    const connected = await Promise.race([
      new Promise<boolean>((resolve) => socket.once('connect', () => resolve(true))),
      wait(150, false),
    ]);
    if (!connected) return;
  }
  throw new Error('the backlog has no end');
}

const LATE = 'timeout';
const UNREACHABLE = 'unreachable';

describe.each([false, true])('an address that cannot be reached, stream: %s', (stream) => {
  it.each([
    ['a name that does not exist', 'nowhere', UNREACHABLE, 502, 0],
    ['a name that takes long to find', 'slowname', LATE, 504, TIMEOUTS.connectMs],
    ['a port that answers no handshake', 'unanswered', LATE, 504, TIMEOUTS.connectMs],
    ['a TLS handshake that stalls', 'deaftls', LATE, 504, TIMEOUTS.connectMs],
    ['a port that knows no TLS', 'notls', UNREACHABLE, 502, 0],
  ])('%s is passed over, and alone is an honest error', async (_, first, outcome, status, leastMs) => {
    const two = await ask(parts, { first, stream });
    expect([two.status, two.text, two.done]).toEqual([200, SECOND, stream]);
    expect(two.attempts).toEqual([
      [first, outcome],
      ['healthy', 'ok'],
    ]);
    expect(two.ms).toBeGreaterThanOrEqual(leastMs);
    expect(two.ms).toBeLessThan(leastMs + 400);
    const one = await ask(parts, { first, stream, tier: 'one' });
    expect([one.status, one.headers.get('x-should-retry')]).toEqual([status, 'false']);
    expect(one.attempts).toEqual([[first, outcome]]);
    expect(one.row).toMatchObject({ status: 'error', provider: null });
    if (leastMs > 0) expect(one.row?.attempts[0]?.why).toContain('no connection within');
  });

  it('has a code of its own where it was the last', async () => {
    const told = await ask(parts, { first: 'nowhere', stream, tier: 'one' });
    expect([told.status, told.error?.code]).toEqual([502, 'upstream_unreachable']);
  });

  it('a closed port is left at once, and called again when it is open', async () => {
    await parts.faulty.script(sound('openai', stream));
    await parts.faulty.down();
    const two = await ask(parts, { stream });
    expect([two.status, two.text]).toEqual([200, SECOND]);
    expect(two.attempts[0]).toEqual(['compatible', UNREACHABLE]);
    expect(two.ms).toBeLessThan(TIMEOUTS.connectMs);
    const one = await ask(parts, { stream, tier: 'one' });
    expect([one.status, one.headers.get('x-should-retry')]).toEqual([502, 'false']);
    await parts.faulty.up();
    expect((await ask(parts, { stream, user: two.user })).text).toBe(FIRST);
  });
});

const FAILURES: readonly Failing[] = [
  {
    name: 'a reset right after the connection',
    fault: atAccept({ over: 'reset' }),
    outcome: UNREACHABLE,
    status: 502,
  },
  { name: 'an end right after the connection', fault: atAccept(end), outcome: UNREACHABLE, status: 502 },
  {
    name: 'a reset when the request has come',
    fault: fault({ over: 'reset' }),
    outcome: UNREACHABLE,
    status: 502,
  },
  { name: 'an end when the request has come', fault: fault(end), outcome: UNREACHABLE, status: 502 },
  { name: 'a connection that nobody reads', fault: atAccept(), outcome: LATE, status: 504 },
  { name: 'a request that nobody answers', fault: fault(), outcome: LATE, status: 504 },
];
passedOver(parts, FAILURES);
passedOver(parts, FAILURES.slice(0, 1), 'anthropic');

describe.each([false, true])('connections, stream: %s', (stream) => {
  const good = sound('openai', stream);

  it('a reset right after the connection is tried once more and no oftener', async () => {
    await parts.faulty.script(atAccept({ over: 'reset' }));
    expect((await ask(parts, { stream })).text).toBe(SECOND);
    expect((await parts.faulty.witnessed()).connections).toBe(2);
    await parts.faulty.script(atAccept({ over: 'reset' }), good);
    const told = await ask(parts, { stream });
    expect([told.text, told.attempts]).toEqual([FIRST, [['compatible', 'ok']]]);
  });

  it.each([
    ['is reset', fault({ over: 'reset' })],
    ['ends', fault(end)],
  ])('one that was kept and %s as the next request comes costs nobody anything', async (_, death) => {
    await parts.faulty.script(good, death, good);
    const user = await customer(parts);
    expect((await ask(parts, { stream, user })).text).toBe(FIRST);
    const told = await ask(parts, { stream, user });
    expect([told.status, told.text, told.done]).toEqual([200, FIRST, stream]);
    expect(told.attempts).toEqual([['compatible', 'ok']]);
    const { requests } = await parts.faulty.witnessed();
    expect(requests.map(({ connection }) => connection)).toEqual([1, 1, 2]);
  });

  const poison = answer(bodyIn('openai', 'Poison.'));
  it.each([
    ['a while behind its answer', [{ waitMs: 60 }, write(poison)]],
    ['right behind its answer', [write(poison)]],
    ['twice behind its answer', [{ waitMs: 20 }, write(poison + poison)]],
  ] as const)('an answer that nobody asked for, %s, reaches nobody', async (_, steps) => {
    await parts.faulty.script(fault(...good.steps, ...steps), good);
    const [one, other] = await Promise.all([customer(parts), customer(parts)]);
    expect((await ask(parts, { stream, user: one })).text).toBe(FIRST);
    await wait(120);
    for (const user of [other, one, other]) {
      const told = await ask(parts, { stream, user });
      expect([told.status, told.text, told.done]).toEqual([200, FIRST, stream]);
      expect(told.raw).not.toContain('Poison');
    }
    const { requests } = await parts.faulty.witnessed();
    expect(requests[1]?.connection).toBe(2);
  });

  it('one that dies behind its answer is not used again', async () => {
    await parts.faulty.script(fault(...good.steps, ...reset), good);
    const user = await customer(parts);
    expect((await ask(parts, { stream, user })).text).toBe(FIRST);
    await wait(80);
    expect((await ask(parts, { stream, user })).text).toBe(FIRST);
    expect((await parts.faulty.witnessed()).requests).toHaveLength(2);
  });
});
