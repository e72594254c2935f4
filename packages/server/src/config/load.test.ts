// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own syntax
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from './config-error.ts';
import { loadConfig } from './load.ts';
import { parseConfig } from './parse.ts';
import { template } from './template.ts';

let root = '';
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'inferbridge-config-')));
  write('package.json', '{"name":"here","type":"module"}');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = join(root, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const load = (flags: Parameters<typeof loadConfig>[0] = {}, env: Record<string, string> = {}, cwd = root) =>
  loadConfig(flags, env, cwd);

describe('where a configuration is found', () => {
  it.each([
    ['inferbridge.config.yaml', 'port: 7001'],
    ['inferbridge.config.yml', 'port: 7001'],
    ['inferbridge.config.json', '{"port":7001}'],
    ['inferbridge.config.mjs', 'export default { port: 7001 }'],
    ['inferbridge.config.ts', 'const port: number = 7001; export default { port }'],
    ['.inferbridgerc', 'port: 7001'],
    ['.inferbridgerc.json', '{"port":7001}'],
    ['package.json', '{"name":"here","type":"module","inferbridge":{"port":7001}}'],
  ])('%s', async (name, text) => {
    const file = write(name, text);
    const loaded = await load();
    expect(loaded).toMatchObject({ file, base: root, config: { port: 7001 } });
  });

  it('nowhere: the defaults hold, relative to the working directory', async () => {
    expect(await load()).toMatchObject({
      file: null,
      base: root,
      production: false,
      encryptionKey: null,
      config: { port: 8585, dataDir: join(root, 'data') },
    });
  });

  it('where the flag says, before where the environment says', async () => {
    write('a.yaml', 'port: 1001');
    write('b.yaml', 'port: 1002');
    expect((await load({ config: 'a.yaml' }, { INFERBRIDGE_CONFIG: 'b.yaml' })).config.port).toBe(1001);
    expect((await load({}, { INFERBRIDGE_CONFIG: 'b.yaml' })).config.port).toBe(1002);
  });

  it('fails, naming the file, where it is not there or cannot be read', async () => {
    await expect(load({ config: 'none.yaml' })).rejects.toThrow(ConfigError);
    await expect(load({ config: 'none.yaml' })).rejects.toThrow(/none\.yaml/);
    write('broken.yaml', 'port: [1');
    await expect(load({ config: 'broken.yaml' })).rejects.toThrow(ConfigError);
    write('list.yaml', '- 1\n- 2');
    await expect(load({ config: 'list.yaml' })).rejects.toThrow(/an object is wanted at its top/);
  });

  it('and an empty file is the defaults', async () => {
    write('inferbridge.config.yaml', '');
    expect((await load()).config.port).toBe(8585);
  });
});

describe('who wins', () => {
  it('the flag over the environment over the file', async () => {
    write('inferbridge.config.yaml', 'host: 10.0.0.1\nport: 1001\ndataDir: ./from-file');
    const env = { INFERBRIDGE_HOST: '10.0.0.2', INFERBRIDGE_PORT: '1002', INFERBRIDGE_DATA_DIR: '/srv/ib' };
    expect((await load()).config).toMatchObject({
      host: '10.0.0.1',
      port: 1001,
      dataDir: join(root, 'from-file'),
    });
    expect((await load({}, env)).config).toMatchObject({ host: '10.0.0.2', port: 1002, dataDir: '/srv/ib' });
    expect((await load({ host: '10.0.0.3', port: '1003' }, env)).config).toMatchObject({
      host: '10.0.0.3',
      port: 1003,
    });
  });

  it('port 0 counts as one', async () => {
    expect((await load({ port: '0' })).config.port).toBe(0);
  });

  it('a port that is none is refused by its name', async () => {
    await expect(load({ port: '80x' })).rejects.toThrow(/port: /);
    await expect(load({}, { INFERBRIDGE_PORT: '99999' })).rejects.toThrow(/port: /);
  });
});

describe('dataDir', () => {
  it('is relative to the file, wherever the process runs', async () => {
    write('etc/inferbridge.config.yaml', 'dataDir: ../data');
    const loaded = await load({ config: 'etc/inferbridge.config.yaml' });
    expect(loaded).toMatchObject({ base: join(root, 'etc'), config: { dataDir: join(root, 'data') } });
  });

  it('is relative to the working directory where the environment names it', async () => {
    write('etc/c.yaml', 'dataDir: ../data');
    expect((await load({ config: 'etc/c.yaml' }, { INFERBRIDGE_DATA_DIR: 'mine' })).config.dataDir).toBe(
      join(root, 'mine'),
    );
  });

  it('stays as it is where it is absolute', async () => {
    write('inferbridge.config.yaml', 'dataDir: /var/lib/ib');
    expect((await load()).config.dataDir).toBe('/var/lib/ib');
  });
});

describe('the environment', () => {
  it('has the encryption keys, the new name before the old', async () => {
    expect((await load({}, { AGNI_ENCRYPTION_KEY: 'old' })).encryptionKey).toBe('old');
    expect(
      (await load({}, { AGNI_ENCRYPTION_KEY: 'old', INFERBRIDGE_ENCRYPTION_KEY: 'new' })).encryptionKey,
    ).toBe('new');
  });

  it('says whether this is production', async () => {
    expect((await load({}, { NODE_ENV: 'production' })).production).toBe(true);
    expect((await load({}, { NODE_ENV: 'test' })).production).toBe(false);
  });

  it('fills the file, and a refusal names file, path and variable', async () => {
    const file = write('inferbridge.config.yaml', 'providers:\n  openai:\n    apiKey: ${OPENAI_API_KEY}');
    expect((await load({}, { OPENAI_API_KEY: 'sk-1' })).config.providers['openai']?.apiKey).toBe('sk-1');
    await expect(load()).rejects.toThrow(
      `${file}: providers.openai.apiKey: the environment variable OPENAI_API_KEY is not set`,
    );
  });
});

describe('the template of init', () => {
  it('is the defaults, all of them', async () => {
    write('inferbridge.config.yaml', template);
    const defaults = parseConfig({}, { env: {} });
    expect((await load()).config).toEqual({ ...defaults, dataDir: join(root, 'data') });
  });
});
