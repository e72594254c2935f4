import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Python {
  /** Why it cannot be used; `null` where it can. */
  readonly missing: string | null;
  run(script: string, ...args: string[]): Promise<{ stdout: string; stderr: string }>;
}

/** A virtual environment with these packages, kept between runs. */
export async function python(name: string, packages: readonly string[]): Promise<Python> {
  const venv = join(tmpdir(), `inferbridge-python-${name}`);
  const binary = join(venv, 'bin', 'python');
  const missing = await prepare(venv, binary, packages).then(
    () => null,
    (error: unknown) =>
      error instanceof Error ? (error.message.split('\n')[0] ?? 'unknown') : String(error),
  );
  if (missing !== null)
    process.stderr.write(`\nthe tests with Python's ${packages.join(', ')} are skipped: ${missing}\n`);
  return { missing, run: (script, ...args) => run(binary, ['-c', script, ...args]) };
}

async function prepare(venv: string, binary: string, packages: readonly string[]): Promise<void> {
  if (!existsSync(binary)) await run('python3', ['-m', 'venv', venv]);
  const imports = ['json', ...packages].map((one) => `import ${one.replace(/[<>=].*$/, '')}`).join('; ');
  await run(binary, ['-c', imports]).catch(() =>
    run(binary, ['-m', 'pip', 'install', '--quiet', ...packages], { timeout: 240_000 }),
  );
}
