import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of its own that holds so little that it can be filled. */
export interface SmallDisk {
  readonly path: string;
  /** Not a byte more. */
  fill(): void;
  /** There is room again. */
  empty(): void;
  readOnly(on: boolean): void;
  close(): void;
}

const run = (command: string, ...args: string[]): void =>
  void execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });

/** Why none can be mounted here; `null` where one can. */
export function whyNoDisk(): string | null {
  try {
    smallDisk(1).close();
    return null;
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[1] ?? error.message) : String(error);
    process.stderr.write(`\nthe tests with a full disk are skipped: ${why}\n`);
    return why;
  }
}

export function smallDisk(megabytes: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'inferbridge-disk-'));
  try {
    run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path);
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
  const filler = join(path, 'filler');
  mkdirSync(filler);
  let files = 0;
  return {
    path,
    fill() {
      for (let bytes = 1_048_576; bytes >= 1; bytes = Math.floor(bytes / 4))
        for (;;)
          try {
            writeFileSync(join(filler, String(files++)), Buffer.alloc(bytes, 1));
          } catch {
            break;
          }
      if (statfsSync(path).bfree > 0) throw new Error('the disk has room left');
    },
    empty: () => rmSync(filler, { recursive: true, force: true }),
    readOnly: (on) => run('mount', '-o', `remount,${on ? 'ro' : 'rw'}`, path),
    close() {
      run('umount', '-l', path);
      rmSync(path, { recursive: true, force: true });
    },
  };
}
