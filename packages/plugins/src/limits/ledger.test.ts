import { seededRandom } from '@inferbridge/core';
import { virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { type Answer, type Asking, type Budget, createLedger, isOver, type Ledger } from './ledger.ts';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 1, 12);

function setUp(spent?: (period: Pick<Budget, 'startsAt' | 'endsAt'>) => Promise<number>) {
  const clock = virtualClock(START);
  const loads: number[] = [];
  const written = spent && {
    spent: async (_: string, period: Pick<Budget, 'startsAt' | 'endsAt'>) => {
      loads.push(period.startsAt);
      return spent(period);
    },
  };
  const ledger = createLedger({ clock, ...written });
  const today = (limit: number, amount: number): Budget => {
    const startsAt = Math.floor(clock.wall() / DAY_MS) * DAY_MS;
    const period = new Date(startsAt).toISOString().slice(0, 10);
    return { period, limit, amount, startsAt, endsAt: startsAt + DAY_MS };
  };
  const month = (limit: number, amount: number): Budget => {
    const now = new Date(clock.wall());
    const at = (ahead: number) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead);
    return { period: now.toISOString().slice(0, 7), limit, amount, startsAt: at(0), endsAt: at(1) };
  };
  return { clock, ledger, loads, today, month, take: takeFrom(ledger) };
}

const takeFrom =
  (ledger: Ledger) =>
  async (asking: Partial<Asking>): Promise<Answer> =>
    ledger.take({ user: 'u', tokens: 0, budgets: [], ...asking });
const over = (answer: Answer) => (isOver(answer) ? answer.over : null);
const settle = (answer: Answer, tokens: number, spent: number) => {
  if (isOver(answer)) throw new Error(`over ${answer.over}`);
  answer.settle(tokens, spent);
};

describe('a ledger', () => {
  it('counts each user’s requests and tokens, all or nothing', async () => {
    const { clock, take } = setUp();
    const asking = { rpm: 3, tpm: 100, tokens: 40 };
    expect([over(await take(asking)), over(await take(asking))]).toEqual([null, null]);
    expect(await take(asking)).toEqual({ over: 'tpm', waitMs: 61_000 });
    expect(over(await take({ ...asking, tokens: 20 }))).toBeNull();
    expect(await take({ ...asking, tokens: 0 })).toEqual({ over: 'rpm', waitMs: 61_000 });
    expect(over(await take({ ...asking, user: 'v' }))).toBeNull();
    await clock.advance(61_000);
    expect(over(await take(asking))).toBeNull();
  });

  it('answers at once where no money is concerned', () => {
    const { ledger } = setUp();
    expect(ledger.take({ user: 'u', rpm: 1, tokens: 0, budgets: [] })).not.toBeInstanceOf(Promise);
  });

  it('gives back the tokens that are not counted after all, and no request', async () => {
    const { take } = setUp();
    const asking = { rpm: 2, tpm: 100, tokens: 100 };
    settle(await take(asking), 100, 0);
    expect(over(await take(asking))).toBeNull();
    expect(over(await take({ ...asking, tokens: 0 }))).toBe('rpm');
  });

  it('reserves what a request may cost, and counts what it did', async () => {
    const { take, today } = setUp();
    const asking = () => ({ budgets: [today(100, 60)] });
    const first = await take(asking());
    expect(await take(asking())).toMatchObject({ over: 'usd', waitMs: DAY_MS / 2, budget: { amount: 60 } });
    settle(first, 0, 40.4);
    expect(over(await take(asking()))).toBeNull();
    expect(over(await take({ budgets: [today(100, 1)] }))).toBe('usd');
  });

  it('settles once, however often it is told to', async () => {
    const { take, today } = setUp();
    const answer = await take({ budgets: [today(100, 60)] });
    settle(answer, 0, 60);
    settle(answer, 0, 0);
    expect(over(await take({ budgets: [today(100, 41)] }))).toBe('usd');
  });

  it('lets through nobody where all is spent, however little it costs', async () => {
    const { take, today } = setUp();
    settle(await take({ budgets: [today(100, 0)] }), 0, 150);
    expect(over(await take({ budgets: [today(100, 0)] }))).toBe('usd');
  });

  it('takes of no budget where one of them is over', async () => {
    const { take, today, month } = setUp();
    expect(over(await take({ budgets: [today(100, 50), month(40, 50)] }))).toBe('usd');
    expect(over(await take({ budgets: [today(100, 100)], rpm: 1 }))).toBeNull();
    expect(over(await take({ budgets: [], rpm: 1 }))).toBe('rpm');
  });
});

describe('money that was spent before', () => {
  it('is asked for once a period, and taken as none where that fails', async () => {
    const { loads, take, today } = setUp(async () => 70);
    expect(over(await take({ budgets: [today(100, 31)] }))).toBe('usd');
    expect(over(await take({ budgets: [today(100, 30)] }))).toBeNull();
    expect(loads.length).toBe(1);
    const frail = setUp(() => Promise.reject(new Error('the log is gone')));
    expect(over(await frail.take({ budgets: [frail.today(100, 100)] }))).toBeNull();
  });

  it('is waited for by all who ask at once, and no more of them get through than fit', async () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = seededRandom(seed);
      const { promise, resolve } = Promise.withResolvers<number>();
      const { loads, take, today, month } = setUp(() => promise);
      const limit = 10 + Math.floor(random() * 100);
      const amount = 1 + Math.floor(random() * 9);
      const before = Math.floor(random() * limit);
      const ask = () => take({ budgets: [today(limit, amount), month(1_000, amount)] });
      const early = Array.from({ length: 80 }, ask);
      resolve(before);
      const late = Array.from({ length: 80 }, ask);
      const answers = await Promise.all([...early, ...late]);
      const through = answers.filter((answer) => !isOver(answer)).length;
      expect(through, `seed ${seed}`).toBe(Math.floor((limit - before) / amount));
      expect(loads.length).toBe(2);
    }
  });
});

describe('a period', () => {
  it('begins with nothing spent when the one before is over', async () => {
    const { clock, take, today } = setUp();
    for (let day = 0; day < 40; day++) {
      expect(over(await take({ budgets: [today(100, 100)] })), `day ${day}`).toBeNull();
      expect(over(await take({ budgets: [today(100, 1)] })), `day ${day}`).toBe('usd');
      await clock.advance(DAY_MS);
    }
  });

  it('that a request outlives gets its cost all the same', async () => {
    const { clock, take, today } = setUp();
    const first = await take({ budgets: [today(100, 100)] });
    await clock.advance(DAY_MS);
    const second = await take({ budgets: [today(100, 10)] });
    settle(first, 0, 100);
    settle(second, 0, 10);
    expect(over(await take({ budgets: [today(100, 91)] }))).toBe('usd');
    expect(over(await take({ budgets: [today(100, 90)] }))).toBeNull();
  });

  const daily = async (days: number) => {
    const { clock, take, today, month } = setUp();
    let spent = 0;
    for (let day = 0; day < days; day++) {
      for (let i = 0; i < 5; i++) {
        const answer = await take({ budgets: [today(1_000, 10), month(300, 10)] });
        if (isOver(answer)) continue;
        settle(answer, 0, 10);
        spent += 10;
      }
      await clock.advance(DAY_MS);
    }
    return spent;
  };

  it('of a month goes over its days', async () => {
    expect(await daily(8)).toBe(300);
  });

  // about: what is spent becomes NaN, and from the tenth day on the month has no limit
  it('of a month goes over all its days', async () => {
    expect(await daily(30)).toBe(300);
  });
});
