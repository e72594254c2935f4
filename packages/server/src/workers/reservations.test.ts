import { virtualClock } from '@inferbridge/core/testing';
import { expect, it } from 'vitest';
import { createReservations } from './reservations.ts';

const asking = (more: object = {}) => ({ user: 'u', tokens: 0, budgets: [], rpm: 1, ...more });

it('of tokens and money are kept until they are settled, those of requests for their minute', async () => {
  const clock = virtualClock();
  const reservations = createReservations(clock);
  let last = 0;
  const put = (about?: object) => {
    last += 1;
    reservations.put(last, asking(about), Promise.resolve({ settle() {} }));
    return last;
  };
  const money = put({ budgets: [{}] });
  const tokens = put({ tpm: 5 });
  const early = put();
  expect(await reservations.take(early)).toMatchObject({ settle: expect.any(Function) });
  expect(reservations.take(early)).toBeUndefined();
  for (let minute = 0; minute < 10; minute++) {
    for (let i = 0; i < 100; i++) put();
    await clock.advance(60_001);
  }
  const late = put();
  expect(reservations.size()).toBeLessThanOrEqual(2 + 101);
  for (const id of [money, tokens, late]) expect(reservations.take(id)).toBeDefined();
});
