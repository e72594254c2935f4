import { z } from 'zod';
import { KEY_PREFIX, SIGNUP_TOKEN_PREFIX } from '../../compat/names.ts';
import { freshKey, hashOf } from '../../secrets/api-key.ts';
import type { Accounts } from '../../store/accounts.ts';
import type { UserRow } from '../../store/schema.ts';
import { isoMicros, micros } from '../../store/time.ts';
import { conflict, notFound, unprocessable } from '../http-error.ts';
import type { Route } from '../routes.ts';
import { checkedBody } from './checked-body.ts';
import { type DefaultLimits, limitsBody, shownLimits, storedLimits } from './limits.ts';
import { emailIn, newApiKey, removeAccount, shownApiKey } from './users.ts';

export interface AdminOptions {
  readonly accounts: Accounts;
  readonly limits: DefaultLimits;
  readonly wall: () => number;
  readonly forgetUser: (userId: string) => void;
  readonly purge: () => void;
  /** Keys that were minted elsewhere may be given to users. */
  readonly importedKeys: boolean;
}

const MOST_USERS = 1_000;
const DEFAULT_USERS = 100;
const HOUR_MS = 3_600_000;

const tokenBody = z.strictObject({
  note: z.string().trim().max(256).nullish(),
  expires_in_hours: z.int().min(1).max(8_760).default(168),
});
const userBody = z.strictObject({
  email: z.unknown(),
  limits: limitsBody.optional(),
  api_key: z
    .string()
    .regex(new RegExp(`^${KEY_PREFIX}[0-9A-Za-z]{32}$`), `${KEY_PREFIX} and 32 letters and digits are wanted`)
    .optional(),
});

const writeCursor = (last: UserRow | undefined): string | null =>
  last ? Buffer.from(`${last.created_at}:${last.id}`).toString('base64url') : null;

function readCursor(text: string): { readonly createdAt: number; readonly id: string } {
  const [, at = '', id = ''] =
    /^(\d{1,16}):([0-9a-f-]{36})$/.exec(Buffer.from(text, 'base64url').toString('latin1')) ?? [];
  if (id === '') throw unprocessable('cursor', 'cursor: pass on next_cursor as it came');
  return { createdAt: Number(at), id };
}

/** What the operator may do: users, limits, lost keys, tokens for sign-up. Nothing here shows a key but once. */
export const adminRoutes = (options: AdminOptions): readonly Route[] => {
  const { accounts, limits, wall, forgetUser } = options;
  const shown = (user: UserRow) => ({
    user_id: user.id,
    email: user.email,
    created_at: isoMicros(Number(user.created_at)),
    limits: shownLimits(user, limits),
  });
  const found = async (id: string | undefined): Promise<UserRow> => {
    const user = await accounts.user(id ?? '');
    if (!user) throw notFound('there is no such user');
    return user;
  };
  return [
    {
      method: 'get',
      path: '/v1/admin/users',
      access: 'operator',
      async handle({ query }) {
        const limit = query['limit'] === undefined ? DEFAULT_USERS : Number(query['limit']);
        if (!Number.isInteger(limit) || limit < 1 || limit > MOST_USERS)
          throw unprocessable('limit', `limit: a whole number from 1 to ${MOST_USERS} is wanted`);
        const after = query['cursor'] === undefined ? null : readCursor(query['cursor']);
        const { email } = query;
        const users = await accounts.users({
          limit,
          after,
          ...(email !== undefined && { email: emailIn(email) }),
        });
        return {
          status: 200,
          body: {
            data: users.map(shown),
            next_cursor: users.length === limit ? writeCursor(users.at(-1)) : null,
          },
        };
      },
    },
    {
      method: 'post',
      path: '/v1/admin/users',
      access: 'operator',
      async handle({ body }) {
        const { email, limits: own, api_key: given } = checkedBody(userBody, await body());
        if (given !== undefined && !options.importedKeys)
          throw unprocessable('api_key', 'api_key: keys that were minted elsewhere need importedKeys: true');
        const { key, stored } = freshKey(KEY_PREFIX);
        const kept =
          given === undefined
            ? stored
            : { hash: hashOf(given), prefix: KEY_PREFIX, lastFour: given.slice(-4) };
        const user = await accounts.createUser(
          emailIn(email),
          kept,
          own ? { limits: storedLimits(own) } : {},
        );
        if (!user || user === 'token') throw conflict('this address or key is registered already', 'email');
        return {
          status: 201,
          body: {
            ...shown(await found(user.id)),
            ...(given === undefined && { api_key: key, shown_once: true }),
          },
        };
      },
    },
    {
      method: 'get',
      path: '/v1/admin/users/:id',
      access: 'operator',
      async handle({ params }) {
        const user = await found(params['id']);
        const [keys, providers] = await Promise.all([
          accounts.apiKeys(user.id),
          accounts.providerKeys(user.id),
        ]);
        return {
          status: 200,
          body: {
            ...shown(user),
            api_keys: keys.map(shownApiKey),
            providers: providers.map(({ provider }) => provider),
          },
        };
      },
    },
    {
      method: 'patch',
      path: '/v1/admin/users/:id',
      access: 'operator',
      async handle({ params, body }) {
        const { limits: own } = checkedBody(z.strictObject({ limits: limitsBody }), await body());
        const user = await found(params['id']);
        const change = storedLimits(own);
        if (Object.keys(change).length > 0) await accounts.limitUser(user.id, change);
        forgetUser(user.id);
        return { status: 200, body: shown(await found(user.id)) };
      },
    },
    {
      method: 'delete',
      path: '/v1/admin/users/:id',
      access: 'operator',
      async handle({ params }) {
        const { id } = await found(params['id']);
        await removeAccount(id, options);
        return { status: 204 };
      },
    },
    {
      method: 'post',
      path: '/v1/admin/users/:id/keys',
      access: 'operator',
      async handle({ params, body }) {
        const { id } = await found(params['id']);
        const made = await newApiKey(id, await body(), options);
        if (!made) throw notFound('there is no such user');
        return { status: 201, body: made };
      },
    },
    {
      method: 'post',
      path: '/v1/admin/signup-tokens',
      access: 'operator',
      async handle({ body }) {
        const { note = null, expires_in_hours: hours } = checkedBody(tokenBody, await body());
        const { key: token } = freshKey(SIGNUP_TOKEN_PREFIX);
        const expiresAt = micros(wall() + hours * HOUR_MS);
        const id = await accounts.addSignupToken({ hash: hashOf(token), note, expiresAt });
        return {
          status: 201,
          body: { id, signup_token: token, note, expires_at: isoMicros(expiresAt), shown_once: true },
        };
      },
    },
    {
      method: 'get',
      path: '/v1/admin/signup-tokens',
      access: 'operator',
      handle: async () => ({
        status: 200,
        body: (await accounts.signupTokens()).map(({ id, note, created_at, expires_at, used_at }) => ({
          id,
          note,
          created_at: isoMicros(Number(created_at)),
          expires_at: isoMicros(Number(expires_at)),
          used_at: used_at === null ? null : isoMicros(Number(used_at)),
        })),
      }),
    },
    {
      method: 'delete',
      path: '/v1/admin/signup-tokens/:id',
      access: 'operator',
      async handle({ params }) {
        if (!(await accounts.removeSignupToken(params['id'] ?? ''))) throw notFound('there is no such token');
        return { status: 204 };
      },
    },
  ];
};
