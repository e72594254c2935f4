import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFernet, FernetError, parseKey, seal } from '../../packages/server/src/secrets/fernet.ts';
import { type Account, account } from '../support/account.ts';
import { completion } from '../support/answers.ts';
import { runCli, startGateway } from '../support/gateway.ts';
import { python } from '../support/python.ts';
import { oneTarget } from '../support/standard.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { placesOf } from './support/data.ts';
import vectors from './support/fernet-vectors.json' with { type: 'json' };
import { encryptionKeys, opened, storedKeys, writeSecret } from './support/stored-keys.ts';

const seconds = (text: string) => Date.parse(text) / 1000;

describe('the specification', () => {
  it.each(vectors.generate)('generates $token', ({ token, now, iv, src, secret }) => {
    expect(seal(parseKey(secret), src, seconds(now), Buffer.from(iv))).toBe(token);
  });

  it.each(vectors.verify)('verifies $token', ({ token, now, ttl_sec: ttlSeconds, src, secret }) => {
    expect(createFernet([secret]).decrypt(token, { ttlSeconds, nowSeconds: seconds(now) })).toBe(src);
  });

  it.each(vectors.invalid)('refuses with a time to live: $desc', ({ token, now, ttl_sec, secret }) => {
    expect(() =>
      createFernet([secret]).decrypt(token, { ttlSeconds: ttl_sec, nowSeconds: seconds(now) }),
    ).toThrow(FernetError);
  });

  it('refuses six of these eight at rest, where no time to live is applied', () => {
    const refused = vectors.invalid.filter(({ token, secret }) => {
      try {
        return createFernet([secret]).decrypt(token) === null;
      } catch {
        return true;
      }
    });
    expect(refused).toHaveLength(6);
    const late = vectors.invalid.filter((one) => !refused.includes(one)).map(({ desc }) => desc);
    expect(late).toEqual(['far-future TS (unacceptable clock skew)', 'expired TTL']);
  });

  it('refuses with rotate what it refuses with decrypt', () => {
    for (const { desc, token, secret } of vectors.invalid)
      if (!/TS|TTL|padding|multiple/.test(desc))
        expect(() => createFernet([secret]).rotate(token), desc).toThrow(FernetError);
  });
});

let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
  upstream.script('openai', completion('Hello.'));
});
afterAll(() => upstream.close());
const config = () => oneTarget(upstream.url);

/** What the provider saw of the key of one chat; `null` where nothing was sent. */
async function sentBy(user: Account): Promise<string | null> {
  await upstream.clear();
  await (await user.chat({ model: 'one' })).text();
  return (await upstream.seen('openai')).at(-1)?.headers['authorization'] ?? null;
}

const PACKAGES = await python('fernet', ['cryptography']);

describe.skipIf(PACKAGES.missing !== null)('Python’s cryptography, with a real data directory', () => {
  it('opens what lies there, and what it writes there is what the provider gets', async () => {
    const before = await startGateway({ config: config() });
    const user = await account(before, ['openai']);
    await before.stop();
    const [row] = storedKeys(before.dir);
    const [key = ''] = encryptionKeys(before.dir);
    const read = await PACKAGES.run(
      'import sys; from cryptography.fernet import Fernet; print(Fernet(sys.argv[1]).decrypt(sys.argv[2].encode()).decode())',
      key,
      row?.secret ?? '',
    );
    const inside = JSON.parse(read.stdout);
    expect(inside).toMatchObject({
      user_id: user.userId,
      key_id: row?.id,
      secret: `sk-openai-${user.userId}`,
    });
    const written = await PACKAGES.run(
      'import sys; from cryptography.fernet import Fernet; print(Fernet(sys.argv[1]).encrypt(sys.argv[2].encode()).decode())',
      key,
      JSON.stringify({ ...inside, secret: 'sk-of-python-grüße' }).replaceAll('ü', 'ue'),
    );
    writeSecret(before.dir, row?.id ?? '', written.stdout.trim());
    const after = await startGateway({ config: config(), dir: before.dir });
    expect(await sentBy({ ...user, chat: chatAt(after.url, user.key) })).toBe('Bearer sk-of-python-grueße');
    await after.close();
  });
});

/** The same user at a gateway that was started again, elsewhere. */
const chatAt =
  (url: string, key: string): Account['chat'] =>
  (body) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'x' }], ...body }),
    });

describe('a ciphertext in another place', () => {
  it('of another user, another row or another provider opens nothing: no key is sent', async () => {
    const before = await startGateway({ config: config() });
    const [ada, bob] = [
      await account(before, ['openai', 'groq']),
      await account(before, ['openai', 'anthropic']),
    ];
    await before.stop();
    const of = (user: Account, provider: string) => {
      const row = storedKeys(before.dir).find(
        (one) => one.user_id === user.userId && one.provider === provider,
      );
      if (!row) throw new Error('there is no such key');
      return row;
    };
    const keys = encryptionKeys(before.dir);
    const [adas, bobs] = [of(ada, 'openai'), of(bob, 'openai')];
    for (const [place, from] of [
      [bobs, adas.secret],
      [adas, of(ada, 'groq').secret],
    ] as const) {
      writeSecret(before.dir, place.id, from);
      expect(() => opened(keys, { ...place, secret: from })).toThrow(/belongs to another key/);
    }
    const after = await startGateway({ config: config(), dir: before.dir });
    for (const user of [ada, bob]) {
      await upstream.clear();
      const told = await chatAt(after.url, user.key)({ model: 'one' });
      expect(told.status).toBe(422);
      expect(await upstream.seen('openai')).toEqual([]);
    }
    await after.stop();
    expect(after.output()).toContain('cannot be decrypted');
    expect(placesOf([`sk-openai-${ada.userId}`], before.dir, after.output())).toEqual([]);
    await after.close();
  });
});

describe('an encryption key that is no good stops the start, and is not repeated', () => {
  const dir = mkdtempSync(join(tmpdir(), 'inferbridge-key-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const EXAMPLE = vectors.verify[0]?.secret ?? '';

  it.each([
    ['empty', ''],
    ['a comma', ','],
    ['a password', 'correct-horse-battery-staple'],
    ['16 bytes', Buffer.alloc(16, 'abcdefgh').toString('base64url')],
    ['without padding', EXAMPLE.slice(0, -1)],
    ['in plain base64', EXAMPLE.replace('_', '/').replace('-', '+')],
    ['the specification’s example', EXAMPLE],
    ['zeros', `${'A'.repeat(43)}=`],
    ['the example behind a good one', `RnJlc2hseSBtYWRlIGJ5IHRoZXNlIHRlc3RzLCBub3c=,${EXAMPLE}`],
    ['quoted', `"${EXAMPLE}"`],
  ])('%s', async (_, key) => {
    for (const name of ['INFERBRIDGE_ENCRYPTION_KEY', 'AGNI_ENCRYPTION_KEY'])
      for (const args of [
        ['start', '--port', '0'],
        ['keys', 'rotate'],
      ]) {
        const { code, output } = await runCli(args, { cwd: dir, env: { [name]: key } });
        expect([name, args, code]).toEqual([name, args, 1]);
        expect(output).toContain('ENCRYPTION_KEY');
        if (key.length > 5) expect(output).not.toContain(key);
        expect(output).not.toMatch(/\n\s+at /);
      }
  });

  // SECURITY.md's case says that a wrong key refuses to start; it starts, and every user's request finds it out instead.
  // test/e2e/start.test.ts holds it as it is ("that is not the one of before opens no provider key").
  it('one that opens nothing of what is stored', async () => {
    const before = await startGateway({ config: config() });
    await account(before, ['openai']);
    await before.stop();
    const { output: other } = await runCli(['keys', 'generate']);
    const started = await startGateway({
      config: config(),
      dir: before.dir,
      env: { INFERBRIDGE_ENCRYPTION_KEY: other.trim() },
    }).then(
      (gateway) => gateway.close().then(() => true),
      () => false,
    );
    rmSync(before.dir, { recursive: true, force: true });
    expect(started).toBe(false);
  });
});
