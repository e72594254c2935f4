import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { logRow } from '../../../../test/support/log-row.ts';
import { openLogs } from './database.ts';
import { createRowInsert } from './row-insert.ts';
import type { LogsSchema, RequestRow } from './schema.ts';

let root = '';
let db: Kysely<LogsSchema>;
const asked = new Set<string>();
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'inferbridge-rows-'));
  const file = join(root, 'logs.sqlite');
  await (await openLogs(file, () => {})).destroy();
  asked.clear();
  db = new Kysely<LogsSchema>({
    dialect: new SqliteDialect({ database: new SQLite(file) }),
    log: ({ query }) => void asked.add(query.sql),
  });
});
afterEach(async () => {
  await db.destroy();
  rmSync(root, { recursive: true, force: true });
});

const AT = Date.UTC(2026, 10, 20) * 1_000;
const row = (n: number, at: number): RequestRow => logRow({ request_id: `r-${n}`, created_at: at });
const stored = async () =>
  (await db.selectFrom('calls').select(['request_id', 'seq']).orderBy('seq').execute()).map(
    ({ request_id: id, seq }) => [id, Number(seq) - AT],
  );

describe('rows', () => {
  it('are written with a handful of statements, however many wait each time', async () => {
    const insert = createRowInsert(db);
    let n = 0;
    for (let count = 1; count <= 300; count += 7)
      await insert.all(Array.from({ length: count }, () => row(n, AT + n++)));
    expect(await stored()).toEqual(Array.from({ length: n }, (_, i) => [`r-${i}`, i]));
    const sums = await db.selectFrom('hours').select('requests').execute();
    expect(sums.reduce((sum, { requests }) => sum + requests, 0)).toBe(n);
    // each of another size would be kept for good, with its memory
    expect([...asked].filter((sql) => sql.startsWith('insert into "calls"')).length).toBeLessThanOrEqual(4);
  });

  it('of one moment get a number each, also where they lie far apart in what is written', async () => {
    const insert = createRowInsert(db);
    const times = Array.from({ length: 600 }, (_, n) => AT + (n % 2) * 2_048_000);
    await insert.all(times.map((at, n) => row(n, at)));
    expect(new Set((await stored()).map(([id]) => id)).size).toBe(600);
  });

  it('that another process was faster with move on alone', async () => {
    const [one, other] = [createRowInsert(db), createRowInsert(db)];
    await one.all([row(1, AT), row(2, AT + 100)]);
    await other.all([row(3, AT + 50), row(4, AT + 100), row(5, AT + 200)]);
    expect(await stored()).toEqual([
      ['r-1', 0],
      ['r-3', 50],
      ['r-2', 100],
      ['r-4', 107],
      ['r-5', 200],
    ]);
  });
});
