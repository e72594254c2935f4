import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT } from '../support/gateway.ts';

const run = promisify(execFile);
// inside the repository, so that imports resolve as they do for its packages
const dir = mkdtempSync(join(ROOT, 'test/docs/.examples-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const blocks = (path: string, language: string) =>
  [
    ...readFileSync(join(ROOT, path), 'utf8').matchAll(
      new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'),
    ),
  ].map(([, code]) => code ?? '');

async function output(code: string, name: string): Promise<string> {
  const file = join(dir, `${name}.ts`);
  writeFileSync(file, code);
  return (await run(process.execPath, [file], { cwd: dir })).stdout;
}

describe('the example in the readme of', () => {
  it.each([
    ['core', 'You said: Hello'],
    ['plugins', 'fallback_success second'],
    ['providers', 'groq Hello'],
  ])('%s runs and prints what it says', async (name, said) => {
    const [code = ''] = blocks(`packages/${name}/README.md`, 'ts');
    expect(code).toContain(`// ${said}`);
    expect(await output(code, name)).toContain(said);
  });

  it('server starts and stops', async () => {
    const [code = ''] = blocks('packages/server/README.md', 'ts');
    expect(await output(code, 'server')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\n$/);
  });
});

it('every example in the guides has the types that it claims', async () => {
  const sources = ['docs/write-a-provider.md', 'docs/write-a-strategy.md', 'docs/compose.md'].flatMap(
    (path) =>
      blocks(path, 'ts').filter((code) => /^\/\/ (?!examples\/)/.test(code) && code.includes('import')),
  );
  expect(sources.length).toBeGreaterThanOrEqual(2);
  for (const [index, code] of sources.entries()) writeFileSync(join(dir, `guide-${index}.ts`), code);
  writeFileSync(
    join(dir, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../../tsconfig.base.json',
      compilerOptions: { noEmit: true },
      include: ['guide-*.ts'],
    }),
  );
  await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', dir]);
});

it('the guide to strategies shows the files of its example as they are', () => {
  const shown = blocks('docs/write-a-strategy.md', 'ts').slice(0, 2);
  expect(shown).toHaveLength(2);
  for (const code of shown) {
    const path = /^\/\/ (\S+)\n/.exec(code)?.[1] ?? '';
    expect(code).toBe(`// ${path}\n${readFileSync(join(ROOT, path), 'utf8')}`);
  }
});

it('every command that a document shows is one that there is', () => {
  const usage = readFileSync(join(ROOT, 'packages/server/src/cli.ts'), 'utf8');
  const documents = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)];
  const shown = documents.flatMap((path) => [
    ...readFileSync(join(ROOT, path), 'utf8').matchAll(/npx inferbridge ([^#\n`]+)/g),
  ]);
  expect(shown.length).toBeGreaterThan(10);
  for (const [, line = ''] of shown) {
    const [command = ''] = line.split(' ');
    expect(usage).toContain(`inferbridge ${command}`);
    for (const [flag] of line.matchAll(/--[a-z-]+/g)) expect(usage, line).toContain(flag);
  }
});

it('no document links to a file that is not there', () => {
  const documents = [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`),
    ...['core', 'providers', 'plugins', 'server'].map((name) => `packages/${name}/README.md`),
  ];
  const broken = documents
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) =>
      [...readFileSync(join(ROOT, path), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
        .filter(([, to = '']) => !existsSync(resolve(ROOT, dirname(path), to)))
        .map(([, to]) => `${path} → ${to}`),
    );
  expect(broken).toEqual([]);
});
