import { z } from 'zod';
import { KEY_PREFIX } from '../../compat/names.ts';
import { generateApiKey, hashOf } from '../../secrets/api-key.ts';
import type { Accounts } from '../../store/accounts.ts';
import { conflict, HttpError, unprocessable } from '../http-error.ts';
import type { RateWindow } from '../rate-window.ts';
import type { Route } from '../routes.ts';

export interface UserOptions {
  readonly accounts: Accounts;
  /** `token` lets nobody in until there are tokens. */
  readonly signup: 'open' | 'token' | 'closed';
  readonly signups: RateWindow;
}

const email = z.email().max(254);

export const userRoutes = ({ accounts, signup, signups }: UserOptions): readonly Route[] => [
  {
    method: 'post',
    path: '/v1/users',
    access: 'public',
    async handle({ body, address }) {
      if (signup !== 'open')
        throw new HttpError(403, 'permission_error', 'sign-up is closed here; ask the operator for a key');
      const waitMs = signups.take(address);
      if (waitMs > 0) {
        const seconds = Math.ceil(waitMs / 1000);
        throw new HttpError(
          429,
          'rate_limit_error',
          `too many sign-ups from this address — try again in ${seconds} seconds`,
          { headers: { 'retry-after': String(seconds) } },
        );
      }
      const given = (await body())['email'];
      const checked = email.safeParse(typeof given === 'string' ? given.trim().toLowerCase() : given);
      if (!checked.success) throw unprocessable('email', 'email: an e-mail address is wanted');
      const key = generateApiKey(KEY_PREFIX);
      const user = await accounts.createUser(checked.data, {
        hash: hashOf(key),
        prefix: KEY_PREFIX,
        lastFour: key.slice(-4),
      });
      if (!user) throw conflict('this address is registered already', 'email');
      return { status: 201, body: { user_id: user.id, email: user.email, api_key: key, shown_once: true } };
    },
  },
];
