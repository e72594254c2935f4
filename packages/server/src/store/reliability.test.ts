import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Attempt, virtualClock } from '@inferbridge/core';
import type { Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLogs } from './database.ts';
import { addTo, type Histogram, merged, quantile } from './histogram.ts';
import { createReliabilityLog } from './reliability.ts';
import type { LogsSchema } from './schema.ts';

const silent = { info() {}, warn() {}, error() {} };
let root = '';
let db: Kysely<LogsSchema>;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'inferbridge-reliability-'));
  db = await openLogs(join(root, 'logs.sqlite'), () => {});
});
afterEach(async () => {
  await db.destroy();
  rmSync(root, { recursive: true, force: true });
});

const attempt = (outcome: Attempt['outcome'], ms = 100, provider = 'p'): Attempt => ({
  provider,
  model: 'm',
  outcome,
  status: null,
  startedAt: 0,
  waitedMs: 0,
  firstContentMs: outcome === 'ok' ? ms / 2 : null,
  latencyMs: ms,
  why: null,
  until: null,
  usage: null,
  cost: null,
});
const setUp = () => {
  const clock = virtualClock();
  return { clock, log: createReliabilityLog({ db, clock, log: silent }) };
};

describe('the reliability log', () => {
  it('counts by user, provider and model; the caller’s own mistakes are counted, but held against nobody', async () => {
    const { log } = setUp();
    log.add('ada', [
      attempt('ok', 200),
      attempt('server_error'),
      attempt('invalid_request'),
      attempt('skipped'),
      attempt('aborted'),
    ]);
    log.add('bob', [attempt('ok')]);
    const mine = (await log.last('ada', 60_000)).get('p:m');
    expect(mine).toMatchObject({
      requests: 3,
      successRate: 0.5,
      errors: { server_error: 1, invalid_request: 1 },
    });
    expect(mine?.totalMs.p50).toBeGreaterThan(190);
    expect(mine?.totalMs.p50).toBeLessThan(210);
    expect((await log.last(null, 60_000)).get('p:m')?.requests).toBe(4);
    expect((await log.last('eve', 60_000)).size).toBe(0);
  });

  it('forgets minutes by the minute, hours by the hour, and old rows altogether', async () => {
    const { clock, log } = setUp();
    log.add('ada', [attempt('ok')]);
    await clock.advance(10 * 60_000);
    const requests = async (ms: number) => (await log.last('ada', ms)).get('p:m')?.requests ?? 0;
    expect([await requests(5 * 60_000), await requests(3_600_000), await requests(86_400_000)]).toEqual([
      0, 1, 1,
    ]);
    await clock.advance(3 * 3_600_000);
    log.add('ada', [attempt('ok')]);
    await clock.advance(10_000);
    expect([await requests(3_600_000), await requests(86_400_000)]).toEqual([1, 2]);
    await clock.advance(50 * 3_600_000);
    log.add('ada', [attempt('ok')]);
    await log.close();
    const rows = await db.selectFrom('reliability').selectAll().execute();
    expect(rows).toHaveLength(2);
  });

  it('adds up what several processes have written', async () => {
    const clock = virtualClock();
    for (let process = 0; process < 3; process++) {
      const log = createReliabilityLog({ db, clock, log: silent });
      log.add('ada', [attempt('ok'), attempt('timeout')]);
      await log.close();
    }
    const { log } = setUp();
    expect((await log.last('ada', 1)).get('p:m')).toMatchObject({
      requests: 6,
      successRate: 0.5,
    });
  });

  it('costs no request anything where it cannot be written, and writes it later', async () => {
    const { clock, log } = setUp();
    log.add('ada', [attempt('ok')]);
    await db.schema.alterTable('reliability').renameTo('elsewhere').execute();
    await clock.advance(6_000);
    log.add('ada', [attempt('ok')]);
    await db.schema.alterTable('elsewhere').renameTo('reliability').execute();
    expect((await log.last('ada', 60_000)).get('p:m')?.requests).toBe(2);
  });
});

describe('names that a caller invents', () => {
  it('are counted together beyond a hundred, and cost nobody else their counts', async () => {
    const { clock, log } = setUp();
    for (let i = 0; i < 5_000; i++) log.add('mallory', [{ ...attempt('ok'), model: `m${i}` }]);
    log.add('ada', [attempt('ok')]);
    await clock.advance(10_000);
    await expect.poll(async () => (await log.last('mallory', 60_000)).size).toBe(101);
    expect((await log.last('mallory', 60_000)).get('p:others')?.requests).toBe(4_900);
    expect((await log.last('ada', 60_000)).get('p:m')?.requests).toBe(1);
  });

  it('are written in slices: requests come between them', async () => {
    const { clock, log } = setUp();
    for (let user = 0; user < 500; user++) log.add(`user-${user}`, [attempt('ok')]);
    let turns = 0;
    const counting = setInterval(() => (turns += 1), 0);
    await clock.advance(10_000);
    await log.close();
    clearInterval(counting);
    expect(turns).toBeGreaterThan(5);
  });
});

describe('a histogram', () => {
  it('gives percentiles to about four per cent, over all magnitudes, also of sums', () => {
    const halves: Histogram[] = [{}, {}];
    for (let i = 1; i <= 10_000; i++) addTo(halves[i % 2] ?? {}, i);
    const all = merged(halves);
    for (const share of [0.1, 0.5, 0.95, 0.99]) {
      const found = quantile(all, share) ?? 0;
      expect(Math.abs(found / (share * 10_000) - 1)).toBeLessThan(0.04);
    }
    expect(quantile({}, 0.5)).toBeNull();
    const one: Histogram = {};
    addTo(one, 0);
    expect(quantile(one, 0.5)).toBe(0);
  });
});
