import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type SQLite from 'better-sqlite3';

const require = createRequire(new URL('../../../packages/server/package.json', import.meta.url));
/** Where the server's own SQLite is; the tests have none. */
export const SQLITE = require.resolve('better-sqlite3');
const Database = require(SQLITE) as typeof SQLite; // the package whose types these are

/** A database of a data directory, as another process would open it; to be closed. */
export const openFile = (dir: string, name: string, readonly = false): SQLite.Database =>
  new Database(join(dir, 'data', name), { readonly, fileMustExist: true });

/** Runs statements on the accounts of a data directory. */
export function onAccounts<T>(dir: string, work: (db: SQLite.Database) => T): T {
  const db = openFile(dir, 'accounts.sqlite');
  try {
    db.pragma('busy_timeout = 5000');
    return work(db);
  } finally {
    db.close();
  }
}

/** Every file below a folder. */
export function filesIn(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? filesIn(path) : [path];
  });
}

/** Where these words stand: in which files, or in what was printed. Nowhere is an empty list. */
export function placesOf(words: readonly string[], dir: string, printed: string): string[] {
  const places = new Map(filesIn(dir).map((path) => [path, readFileSync(path, 'latin1')]));
  places.set('the output', printed);
  return words.flatMap((word) =>
    [...places].filter(([, text]) => text.includes(word)).map(([place]) => `${word} in ${place}`),
  );
}
