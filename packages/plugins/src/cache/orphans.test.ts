import { type Call, createBudget, createEnding, GatewayError, type Reply } from '@inferbridge/core';
import { settled, virtualClock } from '@inferbridge/core/testing';
import { expect, it } from 'vitest';
import { createFlights, type Orphan } from './flight.ts';

const LEFT = new GatewayError('client_closed', 'left');

function setUp() {
  const clock = virtualClock();
  const orphans = new Set<Orphan>();
  const flights = createFlights({ orphans, clock });
  let calls = 0;
  const run = async (): Promise<Reply> => {
    calls += 1;
    await new Promise<void>((resolve) => void clock.setTimeout(resolve, 5_000));
    const ending = createEnding();
    ending.finish({ abandoned: false });
    const by = { provider: 'p', model: 'm', residency: 'eu' };
    return {
      kind: 'completion',
      by,
      ending,
      bytes: new Uint8Array(),
      json: () => ({}) as never,
      usage: () => null,
      cost: () => 1,
    } as Reply;
  };
  const ask = (deadlineMs: number) => {
    const leave = new AbortController();
    const request = { operation: 'chat', value: { model: 'm', messages: [] } };
    const call = {
      id: 'x',
      request,
      signal: leave.signal,
      budget: createBudget(clock, { deadlineMs }),
      state: {},
      trail: [],
    };
    const told = flights.join('one', call as unknown as Call, run).then(
      () => 'answer',
      (error) => (error as GatewayError).class,
    );
    return { told, leave: () => leave.abort(LEFT) };
  };
  return { clock, orphans, flights, ask, calls: () => calls };
}

it('a call is nobody’s when its caller has left and a later one has run out of time', async () => {
  const { clock, orphans, flights, ask, calls } = setUp();
  const first = ask(60_000);
  await settled();
  const hurried = ask(1_000);
  await clock.advance(1_000);
  expect(await hurried.told).toBe('deadline');
  expect(orphans.size).toBe(0);
  first.leave();
  expect(orphans.size).toBe(1);
  const again = ask(60_000);
  expect(orphans.size).toBe(0);
  await clock.advance(4_000);
  await settled();
  expect([await again.told, await first.told, calls(), flights.size(), orphans.size]).toEqual([
    'answer',
    'client_closed',
    1,
    0,
    0,
  ]);
  expect(clock.pending()).toBe(0);
});

it('and when the one who ran out of time was the last', async () => {
  const { clock, orphans, ask } = setUp();
  const first = ask(60_000);
  await settled();
  first.leave();
  expect(orphans.size).toBe(1);
  const hurried = ask(1_000);
  expect(orphans.size).toBe(0);
  await clock.advance(1_000);
  expect([await hurried.told, orphans.size]).toEqual(['deadline', 1]);
  await clock.advance(4_000);
  await settled();
  expect(orphans.size).toBe(0);
});
