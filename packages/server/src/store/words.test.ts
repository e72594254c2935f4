import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { logRow } from '../../../../test/support/log-row.ts';
import { openLogs } from './database.ts';
import { createRequestLog } from './request-log.ts';
import { createRowInsert } from './row-insert.ts';
import type { LogsSchema, RequestRow } from './schema.ts';
import { createWords } from './words.ts';

let root = '';
let db: Kysely<LogsSchema>;
const file = () => join(root, 'logs.sqlite');
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'inferbridge-words-'));
  db = await openLogs(file(), () => {});
});
afterEach(async () => {
  await db.destroy();
  rmSync(root, { recursive: true, force: true });
});

const AT = Date.UTC(2026, 10, 20) * 1_000;
const row = (n: number, more: Partial<RequestRow> = {}): RequestRow =>
  logRow({ request_id: `r-${n}`, created_at: AT + n, ...more });

describe('words', () => {
  it('keep their numbers however many there are', async () => {
    const words = createWords(db);
    const [first] = (await words.numbers(['first'], 1)).values();
    for (let at = 0; at < 25_000; at += 500)
      await words.numbers(['first', ...Array.from({ length: 500 }, (_, i) => `w-${at + i}`)], 1);
    expect((await words.numbers(['first', 'w-0', 'w-24999'], 1)).get('first')).toBe(first);
    expect(await words.words([first ?? 0])).toEqual(new Map([[first, 'first']]));
  }, 60_000);

  it('go when they were not used for long, and come back with another number', async () => {
    const words = createWords(db);
    await words.numbers(['old', 'kept'], 10);
    await words.numbers(['kept'], 20);
    await words.prune(15);
    expect(await words.number('old')).toBeUndefined();
    expect(await words.number('kept')).toBeDefined();
    expect((await words.numbers(['old'], 21)).get('old')).toBeDefined();
  });
});

describe('a log of an earlier version', () => {
  const columns =
    'id, user_id, request_id, mode, provider, model, input_tokens, output_tokens, latency_ms, cost_nano_usd, cache_hit, status, error, residency_requested, residency_actual, created_at, strategy, stream, tools, images, attempts_cost_nano_usd, attempts, arm, tags, route';
  const old = async (count: number) => {
    await sql
      .raw(
        'create table requests (id text primary key, user_id, request_id, mode, provider, model, input_tokens, output_tokens, latency_ms, cost_nano_usd, cache_hit, status, error, residency_requested, residency_actual, created_at, strategy, stream, tools, images, attempts_cost_nano_usd, attempts, arm, tags, route)',
      )
      .execute(db);
    for (let n = 0; n < count; n++)
      await sql
        .raw(
          `insert into requests (${columns}) values ('id-${String(n).padStart(6, '0')}', 'a', 'r-${n}', 'direct', 'groq', 'm', 1, 2, 3, 4, 0, 'success', null, null, 'global', ${AT + n}, 'priority', 1, 0, 0, 4, '[{"provider":"groq","model":"m","outcome":"ok","status":200,"why":null}]', null, '{"team":"x"}', null)`,
        )
        .execute(db);
  };

  it('is rewritten with all its rows, by however many processes at once', async () => {
    await old(1_200);
    await db.destroy();
    const opened = await Promise.all([openLogs(file(), () => {}), openLogs(file(), () => {})]);
    const [first, second] = opened;
    if (first) db = first;
    await second?.destroy();
    const log = createRequestLog(db);
    const rows = await log.page('a', { since: null, limit: 5_000, after: null });
    expect(rows).toHaveLength(1_200);
    expect(new Set(rows.map(({ request_id }) => request_id)).size).toBe(1_200);
    expect(rows.at(-1)).toMatchObject({
      stream: true,
      tags: { team: 'x' },
      attempts: [{ provider: 'groq' }],
    });
    const [sum] = await log.sums('a', AT, AT + 10_000_000_000);
    expect(sum?.requests).toBe(1_200);
  }, 60_000);
});

describe('what is left of a user', () => {
  it('goes as well where it was written while the rest went', async () => {
    const log = createRequestLog(db);
    const insert = createRowInsert(db);
    for (let n = 0; n < 40; n++) {
      const user_id = `u${n}`;
      await insert.all([row(n, { user_id })]);
      const late = new Promise<void>((resolve) => {
        const after = (turns: number) =>
          turns > 0
            ? queueMicrotask(() => after(turns - 1))
            : resolve(insert.all([row(n + 1_000, { user_id })]));
        after(n);
      });
      while ((await log.forget(user_id, 10, false)) > 0);
      await late;
      while ((await log.forget(user_id, 10, true)) > 0);
    }
    for (const table of ['calls', 'hours'] as const)
      expect(await db.selectFrom(table).selectAll().execute()).toEqual([]);
  });

  it('goes, and what was counted of providers with it, also when no row is left', async () => {
    const log = createRequestLog(db);
    await createRowInsert(db).all([row(1), row(2, { user_id: 'b' })]);
    expect([await log.forget('a', 10, true), await log.forget('a', 10, true)]).toEqual([1, 0]);
    await sql
      .raw(
        "insert into reliability values (60000, 1, 'a', 'groq', 'm', 'w', 1, 1, 1, '{}', '{}', '{}'), (60000, 1, 'b', 'groq', 'm', 'w', 1, 1, 1, '{}', '{}', '{}')",
      )
      .execute(db);
    await log.forget('a', 10, true);
    const left = await db.selectFrom('reliability').select('user_id').execute();
    expect(left).toEqual([{ user_id: 'b' }]);
    expect(await log.page('b', { since: null, limit: 10, after: null })).toHaveLength(1);
  });
});
