import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLogs } from './database.ts';
import { createRequestLog, type LogQuery, type RequestLog } from './request-log.ts';
import type { LogsSchema, RequestRow } from './schema.ts';
import { timeOrderedId } from './time.ts';

const AT = Date.UTC(2026, 10, 20) * 1000;
let root = '';
let db: Kysely<LogsSchema>;
let log: RequestLog;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'inferbridge-logs-'));
  db = await openLogs(join(root, 'logs.sqlite'), () => {});
  log = createRequestLog(db);
});
afterEach(async () => {
  await db.destroy();
  rmSync(root, { recursive: true, force: true });
});

const row = (at: number, more: Partial<RequestRow> = {}): RequestRow => ({
  id: timeOrderedId(at),
  user_id: 'a',
  request_id: `r-${at - AT}`,
  mode: 'ib/cheap',
  provider: 'groq',
  model: 'm',
  input_tokens: 10,
  output_tokens: 5,
  latency_ms: 100,
  cost_nano_usd: 1_000,
  cache_hit: 0,
  status: 'success',
  error: null,
  residency_requested: null,
  residency_actual: 'global',
  created_at: at,
  strategy: 'priority',
  stream: 0,
  tools: 0,
  images: 0,
  attempts_cost_nano_usd: 1_000,
  attempts: '[]',
  arm: null,
  tags: null,
  route: null,
  ...more,
});
const add = (...rows: RequestRow[]) => db.insertInto('requests').values(rows).execute();
const page = async (more: Partial<LogQuery> = {}, user = 'a') =>
  (await log.page(user, { since: null, limit: 100, after: null, ...more })).map(
    ({ request_id }) => request_id,
  );

describe('page', () => {
  it('is newest first, whatever the order of writing', async () => {
    await add(row(AT + 2), row(AT + 3), row(AT + 1));
    expect(await page()).toEqual(['r-3', 'r-2', 'r-1']);
  });

  it('holds all fields as they were written', async () => {
    const one = row(AT, {
      error: 'timeout: too late',
      input_tokens: null,
      cost_nano_usd: 9_007_199_254_740_991,
      attempts: '[{"provider":"groq"}]',
    });
    await add(one);
    expect(await log.page('a', { since: null, limit: 1, after: null })).toEqual([one]);
  });

  it('after page shows every row once, also those of one microsecond', async () => {
    const rows = Array.from({ length: 25 }, (_, i) => row(AT + Math.floor(i / 5), { request_id: `n-${i}` }));
    await add(...rows);
    const seen: string[] = [];
    let after: string | null = null;
    const sizes: number[] = [];
    do {
      const found: readonly RequestRow[] = await log.page('a', { since: null, limit: 10, after });
      seen.push(...found.map(({ request_id }) => request_id));
      sizes.push(found.length);
      after = found.length === 10 ? (found.at(-1)?.id ?? null) : null;
    } while (after !== null);
    expect(sizes).toEqual([10, 10, 5]);
    expect(new Set(seen)).toEqual(new Set(rows.map(({ request_id }) => request_id)));
    expect(seen).toHaveLength(25);
  });

  it('of exactly the limit is followed by an empty one', async () => {
    const rows = [row(AT), row(AT + 1)];
    await add(...rows);
    expect(await page({ limit: 2, after: rows[0]?.id ?? '' })).toEqual([]);
  });

  it('is not disturbed by rows that come in meanwhile', async () => {
    const rows = [row(AT + 1), row(AT + 2), row(AT + 3)];
    await add(...rows);
    await add(row(AT + 9));
    expect(await page({ after: rows[2]?.id ?? '' })).toEqual(['r-2', 'r-1']);
  });

  it('begins at the microsecond that is asked for', async () => {
    await add(row(AT), row(AT + 1), row(AT + 999), row(AT + 1_000));
    expect(await page({ since: AT + 1 })).toEqual(['r-1000', 'r-999', 'r-1']);
    expect(await page({ since: AT + 1_000 })).toEqual(['r-1000']);
    expect(await page({ since: AT + 1_001 })).toEqual([]);
  });

  it.each<[Partial<LogQuery>, string[]]>([
    [{ status: 'error' }, ['r-2']],
    [{ provider: 'openai' }, ['r-1']],
    [{ mode: 'direct' }, ['r-3']],
    [{ requestId: 'r-1' }, ['r-1']],
    [{ status: 'success', provider: 'groq' }, ['r-3', 'r-0']],
    [{ status: "x' OR '1'='1" }, []],
  ])('filters by %j', async (filter, expected) => {
    await add(
      row(AT),
      row(AT + 1, { provider: 'openai' }),
      row(AT + 2, { status: 'error' }),
      row(AT + 3, { mode: 'direct' }),
    );
    expect(await page(filter)).toEqual(expected);
  });

  it('shows nothing of another user, by no filter and no cursor', async () => {
    const other = row(AT + 5, { user_id: 'b', request_id: 'secret' });
    await add(row(AT), other);
    expect(await page()).toEqual(['r-0']);
    expect(await page({ requestId: 'secret' })).toEqual([]);
    expect(await page({ after: other.id })).toEqual(['r-0']);
    expect(await page({}, 'b')).toEqual(['secret']);
    expect(await page({}, 'nobody')).toEqual([]);
  });
});

describe('sums', () => {
  it('count tokens, money, hits and what is unpriced, by each value of a dimension', async () => {
    await add(
      row(AT),
      row(AT + 1, { latency_ms: 300, cost_nano_usd: 2_000 }),
      row(AT + 2, { mode: 'direct', cost_nano_usd: null, input_tokens: null, output_tokens: null }),
      row(AT + 3, { cache_hit: 1, latency_ms: 1, cost_nano_usd: 0 }),
      row(AT + 4, { user_id: 'b' }),
    );
    const sums = await log.sums('a', AT, AT + 100, 'mode');
    expect(sums.toSorted((x, y) => String(x.key).localeCompare(String(y.key)))).toEqual([
      {
        key: 'direct',
        requests: 1,
        costNanoUsd: 0,
        unpriced: 1,
        inputTokens: 0,
        outputTokens: 0,
        cacheHits: 0,
        avgLatencyMs: 100,
      },
      {
        key: 'ib/cheap',
        requests: 3,
        costNanoUsd: 3_000,
        unpriced: 0,
        inputTokens: 30,
        outputTokens: 15,
        cacheHits: 1,
        avgLatencyMs: 200,
      },
    ]);
  });

  it('have no average where everything came from the cache', async () => {
    await add(row(AT, { cache_hit: 1 }));
    expect((await log.sums('a', AT, AT + 1, 'status'))[0]).toMatchObject({
      cacheHits: 1,
      avgLatencyMs: null,
    });
  });

  it('include their beginning and exclude their end', async () => {
    await add(row(AT), row(AT + 1), row(AT + 2));
    expect((await log.sums('a', AT, AT + 2, 'provider'))[0]?.requests).toBe(2);
    expect((await log.sums('a', AT + 1, AT + 3, 'provider'))[0]?.requests).toBe(2);
    expect(await log.sums('a', AT + 3, AT + 9, 'provider')).toEqual([]);
  });

  it('keep apart what has no value', async () => {
    await add(row(AT, { residency_actual: null }), row(AT + 1, { residency_actual: 'eu' }));
    const keys = (await log.sums('a', AT, AT + 9, 'residency_actual')).map(({ key }) => key);
    expect(new Set(keys)).toEqual(new Set([null, 'eu']));
  });
});

describe('prune', () => {
  it('deletes what is older, at most so many at once, and tells how many', async () => {
    await add(...Array.from({ length: 7 }, (_, i) => row(AT + i)), row(AT + 6, { user_id: 'b' }));
    expect(await log.prune(AT + 5, 3)).toBe(3);
    expect(await log.prune(AT + 5, 3)).toBe(2);
    expect(await log.prune(AT + 5, 3)).toBe(0);
    expect(await page()).toEqual(['r-6', 'r-5']);
    expect(await page({}, 'b')).toEqual(['r-6']);
  });
});
