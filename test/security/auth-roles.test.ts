import { describe, expect, it } from 'vitest';
import { createFronts } from '../../packages/server/src/fronts/index.ts';
import { type Access, routeTable } from '../../packages/server/src/http/routes.ts';
import { generateApiKey } from '../../packages/server/src/secrets/api-key.ts';
import { type Account, account } from '../support/account.ts';
import { runCli, startGateway, type TestGateway } from '../support/gateway.ts';
import { standard } from '../support/standard.ts';
import { call } from './support/asking.ts';
import { placesOf } from './support/data.ts';

const OPERATOR = 'ib_admin_of_the_roles_0123456789';
const parts = standard({ env: { INFERBRIDGE_ADMIN_KEY: OPERATOR } });

/** Who there is, and the key with which each of them comes. */
const CALLERS: Readonly<Record<string, (user: Account) => Promise<string> | string>> = {
  nobody: () => '',
  'a stranger with a well-formed key': () => generateApiKey('ib_'),
  'a user': (user) => user.key,
  'a user whose key was revoked': async (user) => {
    await call(parts.gateway, user.key, 'POST', '/v1/users/me/keys', { revoke_others: true });
    return user.key;
  },
  'whoever has a sign-up token': async () =>
    (await call(parts.gateway, OPERATOR, 'POST', '/v1/admin/signup-tokens', {})).body.signup_token,
  'a stranger with a well-formed operator’s key': () => generateApiKey('ib_admin_'),
  'the operator': () => OPERATOR,
};

/** What a caller gets: an answer that is no refusal is `null`. */
function refusalOf(caller: string, access: Access | 'model call'): 401 | 403 | null {
  if (access === 'public') return null;
  if (caller === 'a user') return access === 'operator' ? 403 : null;
  if (caller !== 'the operator' || access === 'model call') return 401;
  return access === 'user' ? 403 : null;
}

const TABLE = [
  ...routeTable({ parts: {}, tierProviders: new Map(), aliases: new Map() } as never), // only paths are read
  ...createFronts({ strict: false }).map(({ path }) => ({
    method: 'post',
    path,
    access: 'model call' as const,
  })),
].map(({ method, path, access }) => ({ method, path, access }));

describe('the role table', () => {
  it('says of every route what its path promises', () => {
    for (const { path, access } of TABLE) {
      const open = ['/live', '/health', '/v1/users', '/v1/audit/public-key'].includes(path);
      const wanted: readonly string[] = path.startsWith('/v1/admin/')
        ? ['operator']
        : open
          ? ['public']
          : path === '/v1/providers/health'
            ? ['user or operator']
            : ['user', 'model call'];
      expect([path, wanted.includes(access)]).toEqual([path, true]);
    }
  });

  it.each(TABLE)('$method $path is for $access', async ({ method, path, access }) => {
    for (const [caller, keyOf] of Object.entries(CALLERS)) {
      const user = await account(parts.gateway);
      const victim = await account(parts.gateway);
      const key = await keyOf(user);
      const place = path.replace(/[:*]id/, victim.userId);
      const body = method === 'post' || method === 'patch' ? {} : undefined;
      const { status, body: told } = await call(parts.gateway, key, method.toUpperCase(), place, body);
      const refused = refusalOf(caller, access);
      expect([caller, status === 401 || status === 403 ? status : null]).toEqual([caller, refused]);
      if (refused === 403) expect(told.error.type).toBe('permission_error');
      // whoever is refused has changed nothing
      if (refused !== null)
        expect((await call(parts.gateway, victim.key, 'GET', '/v1/users/me')).status).toBe(200);
    }
  });

  it('holds on the routed path, however the address is written', async () => {
    const user = await account(parts.gateway);
    for (const path of [
      '/v1/admin/users/',
      '/V1/ADMIN/USERS',
      '/v1/Admin/users',
      '//v1/admin/users',
      '/v1//admin/users',
      '/v1/./admin/users',
      '/v1/keys/../admin/users',
      '/v1/keys/%2e%2e/admin/users',
      '/v1/admin%2fusers',
      '/v1/%61dmin/users',
      '/v1/admin/users;a=b',
      '/v1/admin/users%00',
      '/v1/admin/users?x=/v1/users',
      'http://localhost/v1/admin/users',
      'http://evil.example:1@localhost/v1/admin/users',
    ])
      for (const key of ['', user.key]) {
        const { status, text } = await call(parts.gateway, key, 'GET', path);
        expect([path, key, [400, 401, 403, 404].includes(status)]).toEqual([path, key, true]);
        expect(text).not.toContain('"data"');
      }
  });

  it('takes no word of the caller for who he is', async () => {
    const [user, victim] = [await account(parts.gateway, ['openai']), await account(parts.gateway)];
    const made = await call(parts.gateway, '', 'POST', '/v1/users', {
      email: `${generateApiKey('')}@example.com`.toLowerCase(),
      user_id: victim.userId,
      id: victim.userId,
      role: 'operator',
      api_key: victim.key,
      limits: { rpm: 9 },
    });
    expect(made.status).toBe(201);
    expect(made.body.user_id).not.toBe(victim.userId);
    expect(made.body.api_key).not.toBe(victim.key);
    expect((await call(parts.gateway, made.body.api_key, 'GET', '/v1/users/me')).body.limits.rpm).toBeNull();
    const added = await call(parts.gateway, user.key, 'POST', '/v1/keys', {
      provider: 'groq',
      api_key: 'k',
      user_id: victim.userId,
      residency: 'eu',
      id: 'mine',
    });
    expect([added.status, added.body.residency, added.body.id === 'mine']).toEqual([201, 'global', false]);
    expect((await call(parts.gateway, victim.key, 'GET', '/v1/keys')).body).toEqual([]);
    for (const header of ['x-user-id', 'x-inferbridge-user', 'x-forwarded-user', 'x-real-user']) {
      const told = await parts.gateway.fetch('/v1/users/me', {
        key: user.key,
        headers: { [header]: victim.userId },
      });
      expect(((await told.json()) as { user_id: string }).user_id).toBe(user.userId);
    }
  });
});

describe('the operator’s key', () => {
  const start = (key: string) =>
    runCli(['start', '--port', '0'], { cwd: parts.gateway.dir, env: { INFERBRIDGE_ADMIN_KEY: key } });

  it.each(['', 'short', 'a'.repeat(40), 'abcabcabcabcabcabcabcabcabcabc', `${OPERATOR} x`, `${OPERATOR}\n`])(
    'that can be guessed stops the start, and is not repeated: %j',
    async (key) => {
      const { code, output } = await start(key);
      expect([code, output.includes('INFERBRIDGE_ADMIN_KEY')]).toEqual([1, true]);
      if (key.length > 10) expect(output).not.toContain(key.trim());
      expect(output).not.toMatch(/\n\s+at /);
    },
  );

  it('is wrong by one character, in another case, cut short, or longer: 401', async () => {
    for (const key of [
      `${OPERATOR.slice(0, -1)}8`,
      OPERATOR.slice(0, -1),
      `${OPERATOR}0`,
      OPERATOR.toUpperCase(),
      OPERATOR.slice(9),
    ])
      expect([key, (await call(parts.gateway, key, 'GET', '/v1/admin/users')).status]).toEqual([key, 401]);
    expect((await call(parts.gateway, OPERATOR, 'GET', '/v1/admin/users')).status).toBe(200);
  });

  it('from the environment is printed nowhere, and no other is made beside it', () => {
    expect(parts.gateway.output()).not.toMatch(/ib_admin_[0-9A-Za-z_]{5}/);
  });
});

it('no whole key or token lies in a file or the output, also after a kill', async () => {
  const gateway = await startGateway({ config: { importedKeys: true, signup: 'token' } });
  const [operator = ''] = /ib_admin_[0-9A-Za-z]{32}/.exec(gateway.output()) ?? [];
  const keys = [operator];
  const made = async (
    field: string,
    ...given: Parameters<typeof call> extends [unknown, ...infer Rest] ? Rest : never
  ) => {
    const { body } = await call(gateway, ...given);
    keys.push(body[field]);
    return body[field] as string;
  };
  const admin = '/v1/admin/users';
  const token = await made('signup_token', operator, 'POST', '/v1/admin/signup-tokens', { note: 'x' });
  const first = await made('api_key', '', 'POST', '/v1/users', {
    email: 'a@example.com',
    signup_token: token,
  });
  await made('api_key', first, 'POST', '/v1/users/me/keys', {});
  await made('api_key', operator, 'POST', admin, { email: 'b@example.com' });
  const imported = `ib_${'Imported'.repeat(4)}`;
  const third = await call(gateway, operator, 'POST', admin, { email: 'c@example.com', api_key: imported });
  keys.push(imported);
  await made('api_key', operator, 'POST', `${admin}/${third.body.user_id}/keys`, {});
  const secrets = ['sk-first-secret-8817', 'sk-second-secret-8817'];
  const added = await call(gateway, first, 'POST', '/v1/keys', { provider: 'openai', api_key: secrets[0] });
  await call(gateway, first, 'PATCH', `/v1/keys/${added.body.id}`, { api_key: secrets[1] });
  const shown = await once(gateway, first, operator, keys, secrets);
  expect(shown).toEqual([]);
  const printed = () => gateway.output().replace(operator, 'shown this once');
  await gateway.kill('SIGKILL');
  expect(placesOf([...keys, ...secrets], `${gateway.dir}/data`, printed())).toEqual([]);
  await gateway.close();
});

/** Keys that a look at what there is shows again: none. */
async function once(gateway: TestGateway, key: string, operator: string, keys: string[], secrets: string[]) {
  const looks = await Promise.all([
    ...['/v1/users/me', '/v1/users/me/keys', '/v1/keys', '/v1/logs', '/v1/models', '/v1/stats'].map((path) =>
      call(gateway, key, 'GET', path),
    ),
    ...['/v1/admin/users', '/v1/admin/signup-tokens', '/v1/providers/health', '/health'].map((path) =>
      call(gateway, operator, 'GET', path),
    ),
  ]);
  const { body } = await call(gateway, operator, 'GET', '/v1/admin/users');
  for (const { user_id: id } of body.data)
    looks.push(await call(gateway, operator, 'GET', `/v1/admin/users/${id}`));
  expect(looks.map(({ status }) => status)).toEqual(looks.map(() => 200));
  return [...keys, ...secrets].filter((secret) => looks.some(({ text }) => text.includes(secret)));
}
