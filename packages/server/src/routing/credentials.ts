import type { Clock, Credential } from '@inferbridge/core';
import type { Accounts, OpenKey } from '../store/accounts.ts';

/** A key that may be used for a provider, and what is declared of it. */
export interface UsableKey {
  readonly provider: string;
  readonly credential: Credential;
  /** Overrides the provider's own, for addresses of the user's own. */
  readonly residency: string | null;
  readonly label: string | null;
  /** The operator's, for all users. */
  readonly shared: boolean;
}

/** The operator's keys for one provider. */
export const operatorCredentials = (secrets: readonly string[]): readonly Credential[] =>
  secrets.map((secret, index) => ({ id: `operator-${index}`, secret, account: 'operator' }));

/** What a user can call with: their own keys, and the operator's where they have none. */
export interface Credentials {
  /** Newest first within a provider; cached for half a minute, and fresh after `forget`. */
  of(userId: string): readonly UsableKey[] | Promise<readonly UsableKey[]>;
  /** A user's keys have changed. */
  forget(userId: string): void;
}

export interface CredentialsOptions {
  readonly accounts: Accounts;
  readonly clock: Clock;
  /** The operator's keys by provider. */
  readonly operator: Readonly<Record<string, readonly string[]>>;
}

const FRESH_MS = 30_000;
const MOST_KEPT = 10_000;

export function createCredentials({ accounts, clock, operator }: CredentialsOptions): Credentials {
  const kept = new Map<
    string,
    { readonly at: number; keys: readonly UsableKey[] | Promise<readonly UsableKey[]> }
  >();
  const shared = Object.entries(operator).flatMap(([provider, secrets]) =>
    operatorCredentials(secrets).map(
      (credential): UsableKey => ({
        provider,
        credential,
        residency: null,
        label: null,
        shared: true,
      }),
    ),
  );
  const load = async (userId: string): Promise<readonly UsableKey[]> => {
    const own = (await accounts.openKeys(userId)).map(usable);
    const has = new Set(own.map(({ provider }) => provider));
    return [...own, ...shared.filter(({ provider }) => !has.has(provider))];
  };
  return {
    of(userId) {
      const entry = kept.get(userId);
      if (entry && clock.now() - entry.at < FRESH_MS) return entry.keys;
      const keys = load(userId);
      const loading = { at: clock.now(), keys };
      if (kept.size >= MOST_KEPT) kept.clear();
      kept.set(userId, loading);
      keys.then(
        (loaded) => Object.assign(loading, { keys: loaded }),
        () => kept.delete(userId),
      );
      return keys;
    },
    forget: (userId) => void kept.delete(userId),
  };
}

const usable = (key: OpenKey): UsableKey => ({
  provider: key.provider,
  credential: {
    // what was remembered of the secret that it replaces says nothing of this one
    id: key.changed_at === null ? key.id : `${key.id}.${key.changed_at}`,
    account: key.id,
    secret: key.secret,
    ...(key.base_url !== null && { baseUrl: key.base_url }),
  },
  residency: key.base_url === null ? null : key.residency,
  label: key.label,
  shared: false,
});
