import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../support/gateway.ts';

const HERE = join(ROOT, 'test/contract');
const README = readFileSync(join(HERE, 'README.md'), 'utf8');
/** What the table names: file and title. */
const NAMED = [...README.matchAll(/`([^`]+?\.test\.ts) › ([^`]+)`/g)].map(([, file = '', title = '']) => ({
  file,
  title: title.replaceAll('\\|', '|'),
}));

/** A text that opens a call and is followed by a function, with options before it or not. */
const TITLED =
  /\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1,\s*(?:\{[^{}]*\},\s*)?(?:async\s*)?(?:\([^()]*\)|\w+)\s*=>/g;

/** The titles in a test file as they are written, with a mark where something is filled in while they run. */
const titlesIn = (file: string): ReadonlySet<string> =>
  new Set(
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(TITLED)].map(([, , title = '']) => written(title)),
  );

const written = (title: string): string => title.replace(/\$\{[^}]*\}/g, '…').replace(/\\(.)/g, '$1');

const titles = new Map<string, ReadonlySet<string>>();
const has = (file: string, title: string) => {
  if (!existsSync(join(ROOT, file))) return false;
  const known = titles.get(file) ?? titlesIn(file);
  titles.set(file, known);
  return known.has(title);
};

it('names only files and titles that there are', () => {
  expect(NAMED.length).toBeGreaterThan(150);
  expect(NAMED.filter(({ file, title }) => !has(file, title))).toEqual([]);
});

it('names every test of this folder', () => {
  const own = readdirSync(HERE).filter((name) => name.endsWith('.test.ts') && name !== 'table.test.ts');
  const missing = own.flatMap((name) => {
    const file = `test/contract/${name}`;
    const named = new Set(NAMED.filter((one) => one.file === file).map(({ title }) => title));
    const text = readFileSync(join(HERE, name), 'utf8');
    const groups = new Set(
      [...text.matchAll(/\bdescribe[^('"`]*(?:\([^'"`]*?\))?\(\s*(['"`])(.*?)\1,/g)].map(
        ([, , title = '']) => title,
      ),
    );
    return [...titlesIn(file)]
      .filter((title) => title !== '%s' && !named.has(title) && !groups.has(title))
      .map((title) => [file, title]);
  });
  expect(missing).toEqual([]);
});

it('leaves no promise without a test, but those that it lists at its end', () => {
  const [table = '', end = ''] = README.split('## Not held');
  const rows = table.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'));
  const bare = rows.filter((line) => !line.includes(' › ') && !line.includes('| held by |'));
  expect(bare.filter((line) => !line.includes('see below'))).toEqual([]);
  expect(end.trim()).not.toBe('');
});
