import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@inferbridge/core/testing';
import type { Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { logRow } from '../../../../test/support/log-row.ts';
import { openLogs } from './database.ts';
import { createRequestLog, type LogQuery, type RequestLog } from './request-log.ts';
import { idAt } from './row-codec.ts';
import { createRowInsert } from './row-insert.ts';
import type { LogsSchema, RequestRow } from './schema.ts';

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

const row = (at: number, more: Partial<RequestRow> = {}): RequestRow =>
  logRow({
    request_id: `r-${at - AT}`,
    mode: 'ib/cheap',
    input_tokens: 10,
    output_tokens: 5,
    latency_ms: 100,
    cost_nano_usd: 1_000,
    created_at: at,
    strategy: 'priority',
    attempts_cost_nano_usd: 1_000,
    ...more,
  });
const add = (...rows: RequestRow[]) => createRowInsert(db).all(rows);
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
      cache_hit: true,
      tools: true,
      attempts: [
        {
          provider: 'groq',
          model: 'm',
          outcome: 'timeout',
          status: null,
          why: 'too late',
          waited_ms: 0,
          first_content_ms: null,
          latency_ms: 12,
          until: null,
          cost_usd: null,
          blameless: true,
        },
        { provider: 'openai', model: 'n', outcome: 'left_out', status: null, why: 'no' },
      ],
      arm: 'A',
      tags: { team: 'x' },
      route: {
        tier: 'ib/cheap',
        strategy: 'priority',
        plan: { attempt: 'groq:m' },
        steps: [],
        left_out: [],
        expected_cost_usd: '0.000123',
      },
    });
    await add(one);
    expect(await log.page('a', { since: null, limit: 1, after: null })).toEqual([{ ...one, id: idAt(AT) }]);
  });

  it('after page shows every row once, also those of one microsecond', async () => {
    const rows = Array.from({ length: 25 }, (_, i) => row(AT + Math.floor(i / 5), { request_id: `n-${i}` }));
    await add(...rows);
    const seen: string[] = [];
    let after: number | null = null;
    const sizes: number[] = [];
    do {
      const found: readonly RequestRow[] = await log.page('a', { since: null, limit: 10, after });
      seen.push(...found.map(({ request_id }) => request_id));
      sizes.push(found.length);
      after = found.length === 10 ? (found.at(-1)?.created_at ?? null) : null;
    } while (after !== null);
    expect(sizes).toEqual([10, 10, 5]);
    expect(new Set(seen)).toEqual(new Set(rows.map(({ request_id }) => request_id)));
    expect(seen).toHaveLength(25);
  });

  it('of exactly the limit is followed by an empty one', async () => {
    const rows = [row(AT), row(AT + 1)];
    await add(...rows);
    expect(await page({ limit: 2, after: AT })).toEqual([]);
  });

  it('is not disturbed by rows that come in meanwhile', async () => {
    const rows = [row(AT + 1), row(AT + 2), row(AT + 3)];
    await add(...rows);
    await add(row(AT + 9));
    expect(await page({ after: AT + 3 })).toEqual(['r-2', 'r-1']);
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
    expect(await page({ after: AT + 5 })).toEqual(['r-0']);
    expect(await page({}, 'b')).toEqual(['secret']);
    expect(await page({}, 'nobody')).toEqual([]);
  });
});

describe('sums', () => {
  it('count tokens, money, hits and what is unpriced, by the way that calls went', async () => {
    await add(
      row(AT),
      row(AT + 1, { latency_ms: 300, cost_nano_usd: 2_000 }),
      row(AT + 2, { mode: 'direct', cost_nano_usd: null, input_tokens: null, output_tokens: null }),
      row(AT + 3, { cache_hit: true, latency_ms: 1, cost_nano_usd: 0 }),
      row(AT + 4, { user_id: 'b' }),
    );
    const way = { provider: 'groq', residency: 'global', status: 'success' };
    const sums = await log.sums('a', AT, AT + 100);
    expect(sums.toSorted((x, y) => x.mode.localeCompare(y.mode))).toEqual([
      {
        ...way,
        mode: 'direct',
        requests: 1,
        costNanoUsd: 0,
        unpriced: 1,
        inputTokens: 0,
        outputTokens: 0,
        cacheHits: 0,
        latencyMs: 100,
      },
      {
        ...way,
        mode: 'ib/cheap',
        requests: 3,
        costNanoUsd: 3_000,
        unpriced: 0,
        inputTokens: 30,
        outputTokens: 15,
        cacheHits: 1,
        latencyMs: 400,
      },
    ]);
  });

  it('include their beginning and exclude their end', async () => {
    await add(row(AT), row(AT + 1), row(AT + 2));
    expect((await log.sums('a', AT, AT + 2))[0]?.requests).toBe(2);
    expect((await log.sums('a', AT + 1, AT + 3))[0]?.requests).toBe(2);
    expect(await log.sums('a', AT + 3, AT + 9)).toEqual([]);
  });

  it('are the same from whole hours and from single rows, wherever they begin and end', async () => {
    const HOUR = 3_600_000_000;
    const random = seededRandom(7);
    const rows = Array.from({ length: 600 }, () =>
      row(AT + Math.floor(random() * 5 * HOUR), {
        mode: random() < 0.5 ? 'direct' : 'ib/cheap',
        provider: random() < 0.2 ? null : 'groq',
        cache_hit: random() < 0.2,
        latency_ms: Math.floor(random() * 1_000),
        cost_nano_usd: random() < 0.1 ? null : Math.floor(random() * 1e6),
      }),
    );
    for (let at = 0; at < rows.length; at += 100) await add(...rows.slice(at, at + 100));
    for (let i = 0; i < 30; i++) {
      const since = AT + Math.floor(random() * 4 * HOUR);
      const until = since + 1 + Math.floor(random() * 3 * HOUR);
      const within = rows.filter(({ created_at: at }) => at >= since && at < until);
      const sums = await log.sums('a', since, until);
      const total = (pick: (sum: (typeof sums)[number]) => number) =>
        sums.reduce((all, sum) => all + pick(sum), 0);
      expect(total((sum) => sum.requests)).toBe(within.length);
      expect(total((sum) => sum.costNanoUsd)).toBe(
        within.reduce((all, { cost_nano_usd: cost }) => all + (cost ?? 0), 0),
      );
      expect(total((sum) => sum.latencyMs)).toBe(
        within.reduce((all, one) => all + (one.cache_hit ? 0 : one.latency_ms), 0),
      );
      expect(total((sum) => sum.unpriced)).toBe(
        within.filter(({ cost_nano_usd: cost }) => cost === null).length,
      );
    }
  });

  it('keep apart what has no value', async () => {
    await add(row(AT, { residency_actual: null }), row(AT + 1, { residency_actual: 'eu' }));
    const keys = (await log.sums('a', AT, AT + 9)).map(({ residency }) => residency);
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
