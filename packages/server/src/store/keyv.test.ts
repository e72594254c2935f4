import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeContract } from '@inferbridge/core/testing';
import { KeyvSqlite } from '@keyv/sqlite';
import { Keyv } from 'keyv';
import { afterAll, describe, it } from 'vitest';

const dir = mkdtempSync(join(tmpdir(), 'inferbridge-keyv-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
let files = 0;

describe('what will hold cached replies keeps the contract of a store', () => {
  for (const { name, run } of storeContract(() => new Keyv())) it(`in memory: ${name}`, run);
  for (const { name, run } of storeContract(
    () =>
      new Keyv({ store: new KeyvSqlite({ uri: `sqlite://${join(dir, `${files++}.sqlite`)}`, wal: true }) }),
  ))
    it(`on SQLite: ${name}`, run);
});
