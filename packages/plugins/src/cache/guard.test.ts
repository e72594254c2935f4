import type { Log } from '@inferbridge/core';
import { settled, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { createGuard } from './guard.ts';

function setUp(patienceMs?: number) {
  const clock = virtualClock();
  const said: string[] = [];
  const whys: unknown[] = [];
  const note = (level: string) => (about: unknown, text?: string) => {
    said.push(`${level}: ${text}`);
    whys.push((about as { why?: unknown }).why); // what the guard logs
  };
  const log = { info: note('info'), warn: note('warn'), error: note('error') } as Log;
  const guard = createGuard({ what: 'it', clock, log, ...(patienceMs !== undefined && { patienceMs }) });
  const run = (work: () => Promise<string>) => guard.run(work, 'without');
  const fails = () => run(() => Promise.reject(new Error('broken')));
  const works = () => run(() => Promise.resolve('with'));
  const hangs = async () => {
    const outcome = run(() => new Promise(() => {}));
    await clock.advance(40);
    return outcome;
  };
  return { clock, guard, said, whys, run, fails, works, hangs };
}
const DOWN = 'error: it is not reachable; requests go on without it';
const BACK = 'info: it is back';

describe('a guard', () => {
  it('gives what the work comes to, and leaves no timer', async () => {
    const { clock, works, said } = setUp();
    expect(await works()).toBe('with');
    expect([said, clock.pending()]).toEqual([[], 0]);
  });

  it.each<[string, () => Promise<string>]>([
    ['rejects', () => Promise.reject(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))],
    ['rejects with nothing', () => Promise.reject()],
    ['rejects with a text', () => Promise.reject('no')],
    [
      'throws at once',
      () => {
        throw new TypeError('no');
      },
    ],
  ])('goes on without what %s', async (_, work) => {
    const { clock, run, said, guard } = setUp();
    expect(await run(work)).toBe('without');
    expect([said, guard.well(), clock.pending()]).toEqual([[DOWN], false, 0]);
  });

  it('names a code or the beginning of a message', async () => {
    const { clock, run, whys } = setUp();
    await run(() => Promise.reject(Object.assign(new Error('secret'), { code: 'ECONNREFUSED' })));
    await clock.advance(1_000);
    await run(() => Promise.resolve('with'));
    await run(() => Promise.reject(new Error('x'.repeat(1_000))));
    expect(whys).toEqual(['ECONNREFUSED', undefined, 'x'.repeat(200)]);
  });

  it('lets nobody wait longer than 40 ms', async () => {
    const { clock, run } = setUp();
    let answer: string | null = null;
    void run(() => new Promise(() => {})).then((told) => (answer = told));
    await clock.advance(39);
    expect(answer).toBeNull();
    await clock.advance(1);
    expect([answer, clock.pending()]).toEqual(['without', 0]);
  });

  it('or than it is told', async () => {
    const { clock, run } = setUp(2_000);
    let answer: string | null = null;
    void run(() => new Promise(() => {})).then((told) => (answer = told));
    await clock.advance(1_999);
    expect(answer).toBeNull();
    await clock.advance(1);
    expect(answer).toBe('without');
  });

  it('forgives two late answers in a row, not a third', async () => {
    const { hangs, works, guard, said } = setUp();
    for (let i = 0; i < 3; i++) {
      expect([await hangs(), await hangs(), guard.well()]).toEqual(['without', 'without', true]);
      expect(await works()).toBe('with');
    }
    for (let i = 0; i < 3; i++) await hangs();
    expect([guard.well(), said]).toEqual([false, [DOWN]]);
  });

  it('takes many late answers at once for one', async () => {
    const { clock, run, works, guard } = setUp();
    const many = Promise.all(Array.from({ length: 50 }, () => run(() => new Promise(() => {}))));
    await clock.advance(40);
    expect([new Set(await many), guard.well()]).toEqual([new Set(['without']), true]);
    expect(await works()).toBe('with');
  });

  it('asks nothing for a second after a failure, then one at a time', async () => {
    const { clock, fails, run } = setUp();
    await fails();
    let asked = 0;
    const work = async () => {
      asked += 1;
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, 10));
      return 'with';
    };
    await clock.advance(999);
    expect([await run(work), asked]).toEqual(['without', 0]);
    await clock.advance(1);
    const outcomes = Promise.all([run(work), run(work), run(work)]);
    await clock.advance(10);
    expect([await outcomes, asked]).toEqual([['with', 'without', 'without'], 1]);
  });

  it('says once that it is down and once that it is back', async () => {
    const { clock, fails, hangs, works, said, guard } = setUp();
    await fails();
    for (let i = 0; i < 5; i++) {
      await clock.advance(1_000);
      await (i % 2 ? fails() : hangs());
      await works();
    }
    expect([said, guard.well()]).toEqual([[DOWN], false]);
    await clock.advance(1_000);
    expect(await works()).toBe('with');
    await works();
    expect([said, guard.well()]).toEqual([[DOWN, BACK], true]);
  });

  it('says so once as well where many fail at the same time', async () => {
    const { fails, said } = setUp();
    await Promise.all(Array.from({ length: 50 }, fails));
    expect(said).toEqual([DOWN]);
  });

  it('takes no late answer for a sign that it is back', async () => {
    const { clock, run, hangs, said } = setUp();
    const { promise, resolve } = Promise.withResolvers<string>();
    const first = run(() => promise);
    await clock.advance(40);
    expect(await first).toBe('without');
    await hangs();
    await hangs();
    resolve('with');
    await settled();
    expect(said).toEqual([DOWN]);
  });

  it('hears nothing of what fails after its time', async () => {
    const { clock, run, said } = setUp();
    const { promise, reject } = Promise.withResolvers<string>();
    const outcome = run(() => promise);
    await clock.advance(40);
    reject(new Error('much later'));
    await settled();
    expect([await outcome, said]).toEqual(['without', []]);
  });

  it('takes no answer of a question from before the failure for a sign that it is back', async () => {
    const { run, fails, said } = setUp();
    const { promise, resolve } = Promise.withResolvers<string>();
    const before = run(() => promise);
    await fails();
    resolve('with');
    expect(await before).toBe('with');
    await fails();
    expect(said).toEqual([DOWN]);
  });
});
