import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createFernet, generateFernetKey } from './fernet.ts';

const temporary: string[] = [];
afterAll(() => temporary.forEach((path) => void rmSync(path, { recursive: true, force: true })));

const works = (python: string) =>
  spawnSync(python, ['-c', 'import cryptography.fernet'], { timeout: 20_000 }).status === 0;

/** A Python that has `cryptography`: the machine's, or one of a virtual environment made for this; null without either. */
function findPython(): string | null {
  if (works('python3')) return 'python3';
  const place = mkdtempSync(join(tmpdir(), 'fernet-'));
  temporary.push(place);
  const python = join(place, 'bin/python3');
  if (spawnSync('python3', ['-m', 'venv', place], { timeout: 30_000 }).status !== 0) return null;
  spawnSync(python, ['-m', 'pip', 'install', '--quiet', '--retries', '0', '--timeout', '5', 'cryptography'], {
    timeout: 60_000,
  });
  return works(python) ? python : null;
}

const python = findPython();
const why = python ? '' : ' (skipped: no python3 with the package cryptography here)';

function run(script: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(python ?? '', ['-c', script, ...args], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.trimEnd();
}

const TEXT = 'sk-grüße 🙂 {"v":1}';

describe.skipIf(!python)(`Python's cryptography${why}`, () => {
  it('opens what was sealed here', () => {
    const key = generateFernetKey();
    const script =
      'import sys; from cryptography.fernet import Fernet; sys.stdout.buffer.write(Fernet(sys.argv[1]).decrypt(sys.argv[2].encode()))';
    expect(run(script, key, createFernet([key]).encrypt(TEXT))).toBe(TEXT);
  });

  it('seals what is opened here, under a key of its own making', () => {
    const script =
      'import sys; from cryptography.fernet import Fernet; k = Fernet.generate_key(); print(k.decode()); print(Fernet(k).encrypt(sys.argv[1].encode()).decode())';
    const [key = '', token = ''] = run(script, TEXT).split('\n');
    expect(createFernet([key]).decrypt(token)).toBe(TEXT);
  });

  it('rotates a token from an old key to a new one that is opened here', () => {
    const [old, fresh] = [generateFernetKey(), generateFernetKey()];
    const script =
      'import sys; from cryptography.fernet import Fernet, MultiFernet; print(MultiFernet([Fernet(sys.argv[1]), Fernet(sys.argv[2])]).rotate(sys.argv[3].encode()).decode())';
    const rotated = run(script, fresh, old, createFernet([old]).encrypt(TEXT));
    expect(createFernet([fresh]).decrypt(rotated)).toBe(TEXT);
    expect(() => createFernet([old]).decrypt(rotated)).toThrow();
  });
});
