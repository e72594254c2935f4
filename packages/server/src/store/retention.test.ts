import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { virtualClock } from '@inferbridge/core/testing';
import type { Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { logRow } from '../../../../test/support/log-row.ts';
import { bytesOf, openLogs } from './database.ts';
import { createRequestLog, type RequestLog } from './request-log.ts';
import { startRetention } from './retention.ts';
import { createRowInsert } from './row-insert.ts';
import type { LogsSchema, RequestRow } from './schema.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 21);
let root = '';
let db: Kysely<LogsSchema>;
let log: RequestLog;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'inferbridge-retention-'));
  db = await openLogs(join(root, 'logs.sqlite'), () => {});
  log = createRequestLog(db);
});
afterEach(async () => {
  await db.destroy();
  rmSync(root, { recursive: true, force: true });
});

const row = (wallMs: number): RequestRow => logRow({ error: 'x'.repeat(500), created_at: wallMs * 1_000 });
const add = async (count: number, from: number) => {
  const insert = createRowInsert(db);
  for (let at = 0; at < count; at += 100)
    await insert.all(Array.from({ length: Math.min(100, count - at) }, (_, i) => row(from + at + i)));
};
const count = async () =>
  Number(
    (
      await db
        .selectFrom('calls')
        .select((eb) => eb.fn.countAll().as('n'))
        .executeTakeFirstOrThrow()
    ).n,
  );
const hours = async () => (await db.selectFrom('hours').selectAll().execute()).length;

/** Lets the machine do what the clock has begun. */
async function pass(clock: ReturnType<typeof virtualClock>, ms: number, times: number) {
  for (let i = 0; i < times; i++) {
    await clock.advance(ms);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
const told: string[] = [];
const silent = { info() {}, warn: (_: object, text: string) => void told.push(text), error() {} };

describe('retention', () => {
  it('deletes what is too old in slices, and the sums of its hours', async () => {
    await add(900, NOW - 31 * DAY_MS);
    await add(100, NOW - DAY_MS);
    const clock = virtualClock(NOW);
    const slices: number[] = [];
    const requestLog = {
      ...log,
      async prune(before: number, most: number) {
        const gone = await log.prune(before, most);
        slices.push(gone);
        return gone;
      },
    };
    const { stop } = startRetention({ requestLog, clock, log: silent, days: 30 });
    await pass(clock, 60, 20);
    expect(await count()).toBe(100);
    expect(Math.max(...slices)).toBeLessThanOrEqual(200);
    expect(slices.reduce((sum, gone) => sum + gone)).toBe(900);
    expect(await hours()).toBe(1);
    stop();
  });

  it('deletes the oldest where the log takes too much, says so once, and keeps the newest', async () => {
    await add(6_000, NOW - DAY_MS);
    const most = (await bytesOf(db)) / 2;
    const clock = virtualClock(NOW);
    told.length = 0;
    const { stop } = startRetention({
      requestLog: log,
      clock,
      log: silent,
      days: 30,
      maxBytes: most,
      bytes: () => bytesOf(db),
    });
    await pass(clock, 60, 60);
    expect(await bytesOf(db)).toBeLessThanOrEqual(most);
    expect(await count()).toBeGreaterThan(1_500);
    const [newest] = await log.page('a', { since: null, limit: 1, after: null });
    expect(newest?.created_at).toBe((NOW - DAY_MS + 5_999) * 1_000);
    expect(told).toEqual([expect.stringContaining('the request log is full')]);
    stop();
  });
});
