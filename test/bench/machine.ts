import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { pinned } from './child.ts';
import { ROOT } from './gateway.ts';

/** What the figures were measured on, and with. */
export interface Machine {
  readonly date: string;
  readonly command: string;
  readonly commit: string;
  readonly cpus: number;
  readonly model: string;
  readonly memoryGigabytes: number;
  /** Over the last minute, before the benchmark began. */
  readonly loadBefore: number;
  readonly pinned: boolean;
  readonly node: string;
  readonly undici: string;
  readonly sqlite: string;
}

export const describeMachine = (): Machine => ({
  date: new Date().toISOString().slice(0, 16).replace('T', ' '),
  command: ['node', 'test/bench/run.ts', ...process.argv.slice(2)].join(' '),
  commit: commit(),
  cpus: cpus().length,
  model: processor(),
  memoryGigabytes: Math.round(totalmem() / 1e9),
  loadBefore: loadavg()[0] ?? Number.NaN,
  pinned,
  node: process.version.slice(1),
  undici: versionOf('undici'),
  sqlite: sqliteVersion(),
});

function processor(): string {
  const { model = 'unknown', speed = 0 } = cpus()[0] ?? {};
  return speed > 0 ? `${model.trim()} (${(speed / 1000).toFixed(1)} GHz)` : model.trim();
}

/** The commit, with a plus where files of it have changed since. */
function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return (
      git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno', 'packages') ? '+' : '')
    );
  } catch {
    return 'unknown';
  }
}

const fromServer = createRequire(join(ROOT, 'packages/providers/package.json'));

function versionOf(name: string): string {
  try {
    const manifest = readFileSync(fromServer.resolve(`${name}/package.json`), 'utf8');
    return String((JSON.parse(manifest) as { version?: unknown }).version); // any manifest has one
  } catch {
    return 'unknown';
  }
}

function sqliteVersion(): string {
  type Open = new (file: string) => { prepare(sql: string): { get(): unknown }; close(): void };
  try {
    const SQLite = createRequire(join(ROOT, 'packages/server/package.json'))('better-sqlite3') as Open; // as its own types say
    const db = new SQLite(':memory:');
    const { version } = db.prepare('select sqlite_version() as version').get() as { version: string }; // the column asked for
    db.close();
    return version;
  } catch {
    return 'unknown';
  }
}
