import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../config/config-error.ts';
import { isDuplicate, openAccounts, openLogs } from './database.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'inferbridge-db-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const mode = (path: string) => statSync(path).mode & 0o777;
const JUNK = 'this is no database '.repeat(200);

const USER = {
  id: '1',
  email: 'a@example.com',
  created_at: 1,
  rpm: null,
  tpm: null,
  usd_per_day: null,
  usd_per_month: null,
};

describe('openAccounts', () => {
  it('makes directory and file for their owner alone, and keeps what is in them', async () => {
    const file = join(root, 'data/accounts.sqlite');
    const first = await openAccounts(file);
    await first.insertInto('users').values(USER).execute();
    await first.destroy();
    expect([mode(join(root, 'data')), mode(file)]).toEqual([0o700, 0o600]);
    const second = await openAccounts(file);
    expect(await second.selectFrom('users').selectAll().execute()).toEqual([USER]);
    await second.destroy();
  });

  it('makes every commit durable, and holds references', async () => {
    const db = await openAccounts(join(root, 'a.sqlite'));
    const pragma = async (name: string) =>
      Object.values((await sql.raw<object>(`PRAGMA ${name}`).execute(db)).rows[0] ?? {})[0];
    expect(await pragma('journal_mode')).toBe('wal');
    expect(await pragma('synchronous')).toBe(2);
    expect(await pragma('foreign_keys')).toBe(1);
    await db.destroy();
  });

  it('stops the start at a damaged file, names it, and leaves it as it is', async () => {
    const file = join(root, 'accounts.sqlite');
    writeFileSync(file, JUNK);
    await expect(openAccounts(file)).rejects.toThrow(ConfigError);
    await expect(openAccounts(file)).rejects.toThrow(`${file} cannot be opened`);
    expect(readFileSync(file, 'utf8')).toBe(JUNK);
  });

  it('tells a duplicate from other failures', async () => {
    const db = await openAccounts(join(root, 'a.sqlite'));
    const add = (id: string, email: string | null) =>
      db
        .insertInto('users')
        .values({ id, email: email as string, created_at: 1 })
        .execute()
        .then(
          () => null,
          (error: unknown) => error,
        );
    expect(await add('1', 'a')).toBeNull();
    expect(isDuplicate(await add('2', 'a'))).toBe(true);
    expect(isDuplicate(await add('1', 'b'))).toBe(true);
    expect(isDuplicate(await add('3', null))).toBe(false);
    expect(isDuplicate(null)).toBe(false);
    await db.destroy();
  });
});

describe('openLogs', () => {
  it('moves a damaged file aside, says where to, and begins a new one', async () => {
    const file = join(root, 'logs.sqlite');
    writeFileSync(file, JUNK);
    const moved: string[] = [];
    const db = await openLogs(file, (aside) => void moved.push(aside));
    expect(moved).toHaveLength(1);
    expect(readFileSync(moved[0] ?? '', 'utf8')).toBe(JUNK);
    expect(await db.selectFrom('calls').selectAll().execute()).toEqual([]);
    expect(mode(file)).toBe(0o600);
    await db.destroy();
  });

  it('moves nothing where the file is sound', async () => {
    const file = join(root, 'logs.sqlite');
    await (await openLogs(file, () => {})).destroy();
    const moved: string[] = [];
    await (await openLogs(file, (aside) => void moved.push(aside))).destroy();
    expect(moved).toEqual([]);
    expect(readdirSync(root).filter((name) => name.includes('damaged'))).toEqual([]);
  });

  it('stops where the place cannot be used at all', async () => {
    writeFileSync(join(root, 'file'), '');
    await expect(openLogs(join(root, 'file/logs.sqlite'), () => {})).rejects.toThrow(ConfigError);
    expect(existsSync(join(root, 'file/logs.sqlite'))).toBe(false);
  });
});
