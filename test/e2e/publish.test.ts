import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../support/gateway.ts';

const run = promisify(execFile);
const PACKAGES = ['core', 'providers', 'plugins', 'server'] as const;
const dir = mkdtempSync(join(tmpdir(), 'inferbridge-publish-'));
const modules = join(dir, 'node_modules');

/** What publishing would put into the registry, laid out as an installation would lay it out. */
beforeAll(async () => {
  mkdirSync(join(modules, '@inferbridge'), { recursive: true });
  for (const name of PACKAGES) {
    const own = join(ROOT, 'packages', name);
    const out = join(modules, '@inferbridge', name);
    mkdirSync(out);
    await run(
      join(ROOT, 'node_modules/.bin/tsc'),
      ['-p', 'tsconfig.build.json', '--outDir', join(out, 'dist')],
      { cwd: own },
    );
    const manifest = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8')) as {
      files: string[];
      publishConfig: object;
    };
    for (const file of manifest.files.filter((entry) => entry !== 'dist'))
      cpSync(join(own, file), join(out, file));
    // publishing puts these fields over the development ones
    writeFileSync(join(out, 'package.json'), JSON.stringify({ ...manifest, ...manifest.publishConfig }));
    link(join(own, 'node_modules'));
  }
  link(join(ROOT, 'node_modules'), ['@types/node']);
}, 120_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Other people's packages, as they are installed here. */
function link(from: string, only?: readonly string[]): void {
  if (!existsSync(from)) return;
  const names =
    only ??
    readdirSync(from).flatMap((name) =>
      name.startsWith('@')
        ? readdirSync(join(from, name)).map((inner) => `${name}/${inner}`)
        : name.startsWith('.')
          ? []
          : [name],
    );
  for (const name of names.filter((one) => !one.startsWith('@inferbridge/'))) {
    mkdirSync(join(modules, name, '..'), { recursive: true });
    rmSync(join(modules, name), { force: true });
    symlinkSync(realpathSync(join(from, name)), join(modules, name));
  }
}

describe('the published packages', () => {
  it.each(PACKAGES)('%s has its licence, its readme, and every file that its exports name', (name) => {
    const own = join(modules, '@inferbridge', name);
    const { exports, license } = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8')) as {
      exports: Record<string, { types: string; default: string }>;
      license: string;
    };
    expect(license).toBe('MIT');
    expect(readdirSync(own)).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'CHANGELOG.md', 'dist']),
    );
    for (const { types, default: file } of Object.values(exports))
      for (const path of [types, file]) expect(() => readFileSync(join(own, path)), path).not.toThrow();
  });

  it('run without the sources, from JavaScript', async () => {
    writeFileSync(
      join(dir, 'use.mjs'),
      `import { pipeline } from '@inferbridge/core';
       import { virtualClock, scripted } from '@inferbridge/core/testing';
       import { priority, router } from '@inferbridge/plugins';
       import { groq } from '@inferbridge/providers/groq';
       const clock = virtualClock();
       const targets = [scripted('a:m', [{ fail: 'overloaded' }], { clock }), scripted('b:m', [{ say: 'hello' }], { clock })];
       const gateway = pipeline().to(router({ chain: priority(targets) }, { host: { clock, random: Math.random } }));
       const reply = await gateway.chat({ model: 'chain', messages: [{ role: 'user', content: 'x' }] }, { clock });
       console.log(reply.json().choices[0].message.content, groq.name);`,
    );
    expect((await run(process.execPath, [join(dir, 'use.mjs')])).stdout.trim()).toBe('hello groq');
  });

  it('have a command line that checks a configuration', async () => {
    const { bin } = JSON.parse(readFileSync(join(modules, '@inferbridge/server/package.json'), 'utf8')) as {
      bin: { inferbridge: string };
    };
    const { stdout } = await run(
      process.execPath,
      [join(modules, '@inferbridge/server', bin.inferbridge), 'start', '--check'],
      { cwd: dir },
    );
    expect(stdout).toContain('ok: no configuration file');
  });

  it('have types that a strict project can use, and that say what must not compile', async () => {
    writeFileSync(
      join(dir, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          exactOptionalPropertyTypes: true,
          module: 'nodenext',
          target: 'es2024',
          lib: ['es2024'],
          types: ['node'],
          noEmit: true,
          skipLibCheck: false,
        },
        files: ['use.ts'],
      }),
    );
    const good = `import { defineProvider, chunksOf, type Strategy } from '@inferbridge/core';
       import { openAICompatible } from '@inferbridge/providers';
       export default defineProvider({ name: 'acme', create: () => openAICompatible({ baseUrl: 'https://x.example/v1' }) });
       export const echo = defineProvider({ name: 'echo', create: () => ({ async *chat() { yield* chunksOf('hi'); } }) });
       export const first: Strategy = (choices) => ({ inOrder: choices.map(({ plan }) => plan) });`;
    writeFileSync(join(dir, 'use.ts'), good);
    await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', dir]);
    writeFileSync(
      join(dir, 'use.ts'),
      `${good}\nexport const wrong: Strategy = () => ({ inTurn: [] });\ndefineProvider({ name: 'x', create: () => ({}) });`,
    );
    const refused = await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', dir]).catch(
      (error: { stdout: string }) => error,
    );
    expect(refused.stdout).toContain("is not assignable to type 'Plan'");
    expect(refused.stdout).toContain("Property 'chat' is missing");
  });
});
