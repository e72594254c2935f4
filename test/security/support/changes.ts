import { type Account, account } from '../../support/account.ts';
import { startGateway, type TestGateway } from '../../support/gateway.ts';
import { oneTarget } from '../../support/standard.ts';
import { call } from './asking.ts';

const OPERATOR = 'ib_admin_of_a_small_disk_0123456789';

/** A user with keys of both kinds at a gateway whose data is kept here. */
export interface Scene {
  readonly gateway: TestGateway;
  readonly user: Account;
  readonly keyId: string;
  readonly apiKeyId: string;
}

export async function scene(dataDir: string, upstreamUrl: string): Promise<Scene> {
  const gateway = await startGateway({
    config: {
      dataDir,
      ...oneTarget(upstreamUrl),
    },
    env: { INFERBRIDGE_ADMIN_KEY: OPERATOR },
  });
  const user = await account(gateway, ['openai']);
  const [{ id: keyId }] = (await call(gateway, user.key, 'GET', '/v1/keys')).body;
  const [{ id: apiKeyId }] = (await call(gateway, user.key, 'GET', '/v1/users/me/keys')).body;
  const { status } = await user.chat({ model: 'one' });
  if (status !== 200) throw new Error(`the first chat: ${status}`);
  return { gateway, user, keyId, apiKeyId };
}

/** Every change that an account can be asked for, each on things of its own. */
export const CHANGES: readonly (readonly [string, (at: Scene) => ReturnType<typeof call>])[] = [
  ['POST /v1/users', ({ gateway }) => call(gateway, '', 'POST', '/v1/users', { email: EMAIL })],
  [
    'POST /v1/keys',
    ({ gateway, user }) => call(gateway, user.key, 'POST', '/v1/keys', { provider: 'groq', api_key: LONG }),
  ],
  [
    'PATCH /v1/keys/…',
    ({ gateway, user, keyId }) => call(gateway, user.key, 'PATCH', `/v1/keys/${keyId}`, { api_key: LONG }),
  ],
  ['POST /v1/users/me/keys', ({ gateway, user }) => call(gateway, user.key, 'POST', '/v1/users/me/keys', {})],
  [
    'DELETE /v1/users/me/keys/…',
    ({ gateway, user, apiKeyId }) => call(gateway, user.key, 'DELETE', `/v1/users/me/keys/${apiKeyId}`),
  ],
  ['DELETE /v1/keys/…', ({ gateway, user, keyId }) => call(gateway, user.key, 'DELETE', `/v1/keys/${keyId}`)],
  ['DELETE /v1/users/me', ({ gateway, user }) => call(gateway, user.key, 'DELETE', '/v1/users/me')],
  [
    'POST /v1/admin/users',
    ({ gateway }) => call(gateway, OPERATOR, 'POST', '/v1/admin/users', { email: `admin-${EMAIL}` }),
  ],
  [
    'PATCH /v1/admin/users/…',
    ({ gateway, user }) =>
      call(gateway, OPERATOR, 'PATCH', `/v1/admin/users/${user.userId}`, { limits: { rpm: 7_777 } }),
  ],
  [
    'POST /v1/admin/users/…/keys',
    ({ gateway, user }) => call(gateway, OPERATOR, 'POST', `/v1/admin/users/${user.userId}/keys`, {}),
  ],
  [
    'POST /v1/admin/signup-tokens',
    ({ gateway }) => call(gateway, OPERATOR, 'POST', '/v1/admin/signup-tokens', { note: 'n'.repeat(256) }),
  ],
];
const EMAIL = `${'x'.repeat(60)}@example.com`;
/** Longer than what a page that is there may still hold. */
const LONG = `sk-${'long'.repeat(1_000)}`;

/** All that an account shows of itself. */
export async function shown({ gateway, user }: Scene) {
  const looks = await Promise.all([
    ...['/v1/users/me', '/v1/users/me/keys', '/v1/keys'].map((path) => call(gateway, user.key, 'GET', path)),
    ...['/v1/admin/users', '/v1/admin/signup-tokens'].map((path) => call(gateway, OPERATOR, 'GET', path)),
  ]);
  return looks.map(({ status, body }) => [status, JSON.stringify(body.limits ?? body.data ?? body)]);
}
