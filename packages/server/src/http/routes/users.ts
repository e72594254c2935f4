import type { User } from '@inferbridge/plugins';
import { z } from 'zod';
import { added, usdOfNano } from '../../compat/log.ts';
import { KEY_PREFIX } from '../../compat/names.ts';
import { freshKey, hashOf } from '../../secrets/api-key.ts';
import type { Accounts } from '../../store/accounts.ts';
import type { RequestLog } from '../../store/request-log.ts';
import { beginningsOf, HOUR_MICROS, isoMicros, micros } from '../../store/time.ts';
import type { ShownApiKey } from '../../store/users.ts';
import { conflict, HttpError, notFound, tooMany, unprocessable } from '../http-error.ts';
import type { RateWindow } from '../rate-window.ts';
import type { Route } from '../routes.ts';
import { type DefaultLimits, shownLimits } from './limits.ts';

export interface UserOptions {
  readonly accounts: Accounts;
  readonly signup: 'open' | 'token' | 'closed';
  readonly signups: RateWindow;
  readonly requestLog: RequestLog;
  readonly flushLogs: () => Promise<void>;
  readonly wall: () => number;
  /** Those of all users. */
  readonly limits: DefaultLimits;
  /** A user's keys have changed, or the user has gone. */
  readonly forgetUser: (userId: string) => void;
  /** Deletes what is left of users that have gone. */
  readonly purge: () => void;
}

export const email = z.email().max(254);

/** An address as it is kept; throws 422. */
export function emailIn(given: unknown): string {
  const checked = email.safeParse(typeof given === 'string' ? given.trim().toLowerCase() : given);
  if (!checked.success) throw unprocessable('email', 'email: an e-mail address is wanted');
  return checked.data;
}

export const shownApiKey = ({ id, prefix, last_four, created_at, last_used_at }: ShownApiKey) => ({
  id,
  prefix,
  last_four,
  created_at: isoMicros(Number(created_at)),
  last_used_at: last_used_at === null ? null : isoMicros(Number(last_used_at)),
});

const newKeyBody = z.strictObject({ revoke_others: z.boolean().optional() });

/** Another key for a user, shown this once; `null` where there is no such user. */
export async function newApiKey(
  userId: string,
  body: Record<string, unknown>,
  { accounts, forgetUser }: Pick<UserOptions, 'accounts' | 'forgetUser'>,
) {
  const parsed = newKeyBody.safeParse(body);
  if (!parsed.success)
    throw unprocessable('revoke_others', 'revoke_others: true or false is all that is taken');
  const others = parsed.data.revoke_others === true;
  const { key, stored } = freshKey(KEY_PREFIX);
  const made = await accounts.addApiKey(userId, stored, others);
  if (!made) return null;
  if (others) forgetUser(userId);
  return { ...shownApiKey(made), api_key: key, shown_once: true };
}

/** The user and the keys at once, what else is theirs in the background. */
export async function removeAccount(
  userId: string,
  { accounts, forgetUser, purge }: Pick<UserOptions, 'accounts' | 'forgetUser' | 'purge'>,
): Promise<void> {
  await accounts.removeUser(userId);
  forgetUser(userId);
  purge();
}

export const userRoutes = (options: UserOptions): readonly Route[] => {
  const { accounts, signup, signups, forgetUser } = options;

  const me = async ({ id }: User) => {
    const user = await accounts.user(id);
    if (!user) throw notFound('this account is gone');
    return user;
  };

  return [
    {
      method: 'post',
      path: '/v1/users',
      access: 'public',
      async handle({ body, address }) {
        if (signup === 'closed')
          throw new HttpError(403, 'permission_error', 'sign-up is closed here; ask the operator for a key');
        const waitMs = signups.take(address);
        if (waitMs > 0) throw tooMany('sign-ups from this address', waitMs);
        const given = await body();
        const address_ = emailIn(given['email']);
        const token = signup === 'token' ? tokenIn(given['signup_token']) : undefined;
        const { key, stored } = freshKey(KEY_PREFIX);
        const user = await accounts.createUser(
          address_,
          stored,
          token === undefined ? {} : { signupToken: hashOf(token) },
        );
        if (user === 'token') throw badToken();
        if (!user) throw conflict('this address is registered already', 'email');
        return { status: 201, body: { user_id: user.id, email: user.email, api_key: key, shown_once: true } };
      },
    },
    {
      method: 'get',
      path: '/v1/users/me',
      access: 'user',
      async handle({ user }) {
        const row = await me(user);
        await options.flushLogs();
        return {
          status: 200,
          body: {
            user_id: row.id,
            email: row.email,
            created_at: isoMicros(Number(row.created_at)),
            limits: shownLimits(row, options.limits),
            usage: await usageOf(row.id, options),
          },
        };
      },
    },
    {
      method: 'delete',
      path: '/v1/users/me',
      access: 'user',
      async handle({ user }) {
        await removeAccount(user.id, options);
        return { status: 204 };
      },
    },
    {
      method: 'post',
      path: '/v1/users/me/keys',
      access: 'user',
      async handle({ user, body }) {
        const made = await newApiKey(user.id, await body(), options);
        if (!made) throw notFound('this account is gone');
        return { status: 201, body: made };
      },
    },
    {
      method: 'get',
      path: '/v1/users/me/keys',
      access: 'user',
      handle: async ({ user }) => ({ status: 200, body: (await accounts.apiKeys(user.id)).map(shownApiKey) }),
    },
    {
      method: 'delete',
      path: '/v1/users/me/keys/:id',
      access: 'user',
      async handle({ user, params }) {
        if (!(await accounts.revokeApiKey(user.id, params['id'] ?? '')))
          throw notFound('there is no such key');
        forgetUser(user.id);
        return { status: 204 };
      },
    },
  ];
};

const badToken = () =>
  new HttpError(
    403,
    'permission_error',
    'signup_token: it is unknown, used already, or too old; ask the operator for one',
    { param: 'signup_token' },
  );

function tokenIn(given: unknown): string {
  if (typeof given === 'string' && given !== '') return given;
  throw new HttpError(
    403,
    'permission_error',
    'sign-up takes a signup_token here; ask the operator for one',
    {
      param: 'signup_token',
    },
  );
}

/** What a user has used today and this month (UTC), up to the hour that is not over. */
async function usageOf(id: string, { requestLog, wall }: UserOptions) {
  const { day, month } = beginningsOf(wall());
  const until = micros(wall()) + HOUR_MICROS;
  const since = async (startsAt: number) => {
    const sums = await requestLog.sums(id, micros(startsAt), until);
    const spent = await requestLog.spent(id, { startsAt, endsAt: until / 1_000 });
    return {
      since: isoMicros(micros(startsAt)),
      requests: added(sums, (sum) => sum.requests),
      input_tokens: added(sums, (sum) => sum.inputTokens),
      output_tokens: added(sums, (sum) => sum.outputTokens),
      cost_usd: usdOfNano(added(sums, (sum) => sum.costNanoUsd)),
      attempts_cost_usd: usdOfNano(spent),
    };
  };
  return { day: await since(day), month: await since(month) };
}
