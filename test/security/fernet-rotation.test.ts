import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Account, account } from '../support/account.ts';
import { completion } from '../support/answers.ts';
import { ROOT, runCli, startGateway, type TestGateway } from '../support/gateway.ts';
import { oneTarget } from '../support/standard.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { call } from './support/asking.ts';
import { SQLITE } from './support/data.ts';
import {
  encryptionKeys,
  manyKeys,
  opened,
  openedBy,
  storedKeys,
  timeOf,
  writeEncryptionKeys,
} from './support/stored-keys.ts';

const MANY = 1_500;
let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
  upstream.script('openai', completion('Hello.'));
});
afterAll(() => upstream.close());
const config = () => oneTarget(upstream.url);
const flags = ['--config', 'inferbridge.config.json'];
const rotate = (dir: string, ...more: string[]) =>
  runCli(['keys', 'rotate', ...more, ...flags], { cwd: dir });

/** A data directory with one real user and many keys, its gateway stopped. */
async function filled(count: number): Promise<{ dir: string; user: Account }> {
  const gateway = await startGateway({ config: config() });
  const user = await account(gateway, ['openai']);
  const other = await account(gateway);
  await gateway.stop();
  manyKeys(gateway.dir, other.userId, count);
  return { dir: gateway.dir, user };
}

/** Whether a chat reaches the provider with the key that the user registered. */
async function works(gateway: TestGateway, user: Account): Promise<boolean> {
  await upstream.clear();
  const { status } = await call(gateway, user.key, 'POST', '/v1/chat/completions', {
    model: 'one',
    messages: [{ role: 'user', content: 'x' }],
  });
  const [seen] = await upstream.seen('openai');
  return status === 200 && seen?.headers['authorization'] === `Bearer sk-openai-${user.userId}`;
}

describe('inferbridge keys rotate', () => {
  it('killed midway leaves every key readable, goes on where it was, keeps times, and needs the new key alone', async () => {
    const { dir, user } = await filled(MANY);
    const before = new Map(storedKeys(dir).map((row) => [row.id, row]));
    const [old = ''] = encryptionKeys(dir);
    const added = await rotate(dir, '--generate');
    const both = encryptionKeys(dir);
    expect([added.code, both.length, both[1]]).toEqual([0, 2, old]);
    const [fresh = ''] = both;
    expect(openedBy(old, storedKeys(dir))).toBe(MANY + 1);

    const kills: number[] = [];
    for (let i = 0; i < 3; i++) {
      const done = openedBy(fresh, storedKeys(dir));
      await killedOnce(dir, fresh, done + 150);
      const rows = storedKeys(dir);
      const [isNew, isOld] = [openedBy(fresh, rows), openedBy(old, rows)];
      expect(isNew + isOld).toBe(MANY + 1);
      for (const row of rows) expect(opened(both, row)).toMatch(/^sk-/);
      kills.push(isNew);
    }
    expect(kills[0]).toBeGreaterThan(0);
    expect(kills.at(-1)).toBeLessThan(MANY + 1);

    const rest = await rotate(dir);
    expect(rest.code).toBe(0);
    expect(Number(/^(\d+) keys/.exec(rest.output)?.[1])).toBe(MANY + 1 - (kills.at(-1) ?? 0));
    const again = await rotate(dir);
    expect([again.code, again.output.slice(0, 7)]).toEqual([0, '0 keys ']);
    const rows = storedKeys(dir);
    expect([openedBy(fresh, rows), openedBy(old, rows)]).toEqual([MANY + 1, 0]);
    for (const row of rows) {
      const was = before.get(row.id);
      expect(timeOf(row.secret)).toBe(timeOf(was?.secret ?? ''));
      expect({ ...row, secret: '' }).toEqual({ ...was, secret: '' });
    }

    writeEncryptionKeys(dir, [fresh]);
    const gateway = await startGateway({ config: config(), dir });
    expect(await works(gateway, user)).toBe(true);
    await gateway.close();
  });

  it('beside a server that has both keys: it goes on serving, and what is registered meanwhile is kept', async () => {
    const { dir, user } = await filled(MANY);
    await rotate(dir, '--generate');
    const [fresh = '', old = ''] = encryptionKeys(dir);
    const gateway = await startGateway({ config: config(), dir });
    const rotating = rotate(dir);
    let running = true;
    void rotating.then(() => (running = false));
    const [slow, made]: [number[], Account[]] = [[], []];
    while (running) {
      const at = performance.now();
      expect(await works(gateway, user)).toBe(true);
      made.push(await account(gateway, ['openai']));
      slow.push(performance.now() - at);
    }
    expect(await rotating).toMatchObject({
      code: 0,
      output: expect.stringContaining('keys were encrypted anew'),
    });
    expect(made.length).toBeGreaterThan(2);
    expect(Math.max(...slow)).toBeLessThan(5_000);
    const rows = storedKeys(dir);
    expect(openedBy(fresh, rows)).toBe(rows.length);
    expect(openedBy(old, rows)).toBe(0);
    await gateway.stop();
    writeEncryptionKeys(dir, [fresh]);
    const after = await startGateway({ config: config(), dir });
    for (const one of [user, ...made.slice(-5)]) expect(await works(after, one)).toBe(true);
    await after.close();
  });

  it.each([
    ['PATCH', () => ({ label: Math.random().toString(36) })],
    ['POST', () => ({})],
  ])('beside a server: %s of a key is never a 500', async (method, body) => {
    const { dir, user } = await filled(0);
    const gateway = await startGateway({ config: config(), dir });
    const [{ id }] = (await call(gateway, user.key, 'GET', '/v1/keys')).body;
    const path = method === 'PATCH' ? `/v1/keys/${id}` : '/v1/users/me/keys';
    const other = spawn(process.execPath, ['--input-type=commonjs', '-e', WRITER, dir], { stdio: 'inherit' });
    const statuses = new Set<number>();
    const end = Date.now() + 8_000;
    while (Date.now() < end && !statuses.has(500))
      statuses.add((await call(gateway, user.key, method, path, body())).status);
    other.kill('SIGKILL');
    await gateway.close();
    expect([...statuses]).toEqual([method === 'PATCH' ? 200 : 201]);
  });

  it('beside a server that knows only the old key says what it left behind', async () => {
    const { dir, user } = await filled(3);
    const gateway = await startGateway({ config: config(), dir });
    await rotate(dir, '--generate');
    const late = await account(gateway, ['openai']);
    const { code, output } = await rotate(dir);
    expect([code, output.slice(0, 7)]).toEqual([0, '5 keys ']);
    await gateway.stop();
    const after = await startGateway({ config: config(), dir });
    for (const one of [user, late]) expect(await works(after, one)).toBe(true);
    await after.close();
  });

  it('without the key that opens them changes none, says so, and fails', async () => {
    const { dir } = await filled(5);
    const before = storedKeys(dir);
    const { output: other } = await runCli(['keys', 'generate']);
    writeEncryptionKeys(dir, [other.trim()]);
    const { code, output } = await rotate(dir);
    expect(code).toBe(1);
    expect(output).toContain('6 could not be read; keep the other encryption keys');
    expect(storedKeys(dir)).toEqual(before);
  });

  it('--generate with a key from the environment, or without any, changes nothing and says what to do', async () => {
    const { dir } = await filled(0);
    const keys = encryptionKeys(dir);
    const { output: other } = await runCli(['keys', 'generate']);
    const told = await runCli(['keys', 'rotate', '--generate', ...flags], {
      cwd: dir,
      env: { INFERBRIDGE_ENCRYPTION_KEY: other.trim() },
    });
    expect([told.code, encryptionKeys(dir)]).toEqual([1, keys]);
    expect(told.output).toContain('keys generate');
    expect(told.output).not.toContain(other.trim());
  });

  it('--generate goes on where one was killed, or says in words what to do', async () => {
    const { dir } = await filled(0);
    writeFileSync(join(dir, 'data', 'encryption.key.new'), '');
    const { code, output } = await rotate(dir, '--generate');
    expect(output).not.toMatch(/\n\s+at /);
    expect(code === 0 || output.includes('encryption.key.new')).toBe(true);
  });
});

/** Runs the command until this many rows are under the new key, and kills it there. */
async function killedOnce(dir: string, fresh: string, enough: number): Promise<void> {
  const child = spawn(
    process.execPath,
    [join(ROOT, 'packages/server/src/cli.ts'), 'keys', 'rotate', ...flags],
    { cwd: dir, stdio: 'ignore' },
  );
  const gone = once(child, 'exit');
  while (child.exitCode === null && openedBy(fresh, storedKeys(dir)) < enough) await pause(1);
  child.kill('SIGKILL');
  await gone;
}

/** Writes what is there already, as fast as it can: another process that uses the same file. */
const WRITER = `
  const Database = require(${JSON.stringify(SQLITE)});
  const db = new Database(process.argv[1] + '/data/accounts.sqlite');
  db.pragma('busy_timeout = 5000');
  db.pragma('synchronous = off');
  const write = db.prepare('update provider_keys set secret = secret');
  setInterval(() => { for (let i = 0; i < 20; i++) write.run(); }, 1);
`;
