import type { User } from '@inferbridge/plugins';
import { z } from 'zod';
import { KEY_PREFIX } from '../../compat/names.ts';
import { freshKey, hashOf } from '../../secrets/api-key.ts';
import type { Accounts } from '../../store/accounts.ts';
import type { RequestLog } from '../../store/request-log.ts';
import { isoMicros, micros } from '../../store/time.ts';
import type { ShownApiKey } from '../../store/users.ts';
import { conflict, HttpError, notFound, unprocessable } from '../http-error.ts';
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

export function revokesOthers(body: Record<string, unknown>): boolean {
  const parsed = newKeyBody.safeParse(body);
  if (!parsed.success)
    throw unprocessable('revoke_others', 'revoke_others: true or false is all that is taken');
  return parsed.data.revoke_others === true;
}

export const userRoutes = (options: UserOptions): readonly Route[] => {
  const { accounts, signup, signups, forgetUser, purge } = options;

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
        limited(signups, address);
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
        await accounts.removeUser(user.id);
        forgetUser(user.id);
        purge();
        return { status: 204 };
      },
    },
    {
      method: 'post',
      path: '/v1/users/me/keys',
      access: 'user',
      async handle({ user, body }) {
        const others = revokesOthers(await body());
        const { key, stored } = freshKey(KEY_PREFIX);
        const added = await accounts.addApiKey(user.id, stored, others);
        if (!added) throw notFound('this account is gone');
        if (others) forgetUser(user.id);
        return { status: 201, body: { ...shownApiKey(added), api_key: key, shown_once: true } };
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

function limited(signups: RateWindow, address: string): void {
  const waitMs = signups.take(address);
  if (waitMs <= 0) return;
  const seconds = Math.ceil(waitMs / 1000);
  throw new HttpError(
    429,
    'rate_limit_error',
    `too many sign-ups from this address — try again in ${seconds} seconds`,
    { headers: { 'retry-after': String(seconds) } },
  );
}

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

const HOUR_MS = 3_600_000;

/** What a user has used today and this month (UTC). */
async function usageOf(id: string, { requestLog, wall }: UserOptions) {
  const now = new Date(wall());
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  const since = async (startsAt: number) => {
    const sums = await requestLog.sums(id, startsAt * 1_000, micros(wall()) + HOUR_MS * 1_000);
    const add = (pick: (sum: (typeof sums)[number]) => number) =>
      sums.reduce((total, sum) => total + pick(sum), 0);
    const spent = await requestLog.spent(id, { startsAt, endsAt: wall() + HOUR_MS });
    return {
      since: isoMicros(startsAt * 1_000),
      requests: add((sum) => sum.requests),
      input_tokens: add((sum) => sum.inputTokens),
      output_tokens: add((sum) => sum.outputTokens),
      cost_usd: (add((sum) => sum.costNanoUsd) / 1e9).toFixed(6),
      attempts_cost_usd: (spent / 1e9).toFixed(6),
    };
  };
  return { day: await since(Date.UTC(year, month, day)), month: await since(Date.UTC(year, month)) };
}
