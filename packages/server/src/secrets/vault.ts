import { type Fernet, FernetError } from './fernet.ts';

/** What a provider key belongs to; bound inside the ciphertext, so that a row's secret is worth nothing elsewhere. */
export interface Bound {
  readonly userId: string;
  readonly provider: string;
  readonly keyId: string;
  /** Where the key may be sent; `null` for the provider's own address. */
  readonly baseUrl: string | null;
}

/** Encrypts provider keys. */
export interface Vault {
  lock(secret: string, bound: Bound): string;
  /** Throws a `FernetError` where the token is damaged or was made for something else. */
  unlock(token: string, bound: Bound): string;
  /** The same token under the first key; itself where it is that already. Throws where no key opens it. */
  rotate(token: string): string;
  /** Does any key open it? */
  opens(token: string): boolean;
}

export function createVault(fernet: Fernet): Vault {
  return {
    lock: (secret, { userId, provider, keyId, baseUrl }) =>
      fernet.encrypt(
        JSON.stringify({ v: 1, user_id: userId, provider, key_id: keyId, base_url: baseUrl, secret }),
      ),
    rotate: (token) => fernet.rotate(token),
    opens(token) {
      try {
        fernet.decrypt(token);
        return true;
      } catch {
        return false;
      }
    },
    unlock(token, bound) {
      const inside = parse(fernet.decrypt(token));
      const { user_id, provider, key_id, base_url, secret } = inside;
      const same =
        user_id === bound.userId &&
        provider === bound.provider &&
        key_id === bound.keyId &&
        (base_url ?? null) === bound.baseUrl;
      if (!same || typeof secret !== 'string') throw new FernetError('the token belongs to another key');
      return secret;
    },
  };
}

/** The fields inside a token; none where it holds something else, which is never shown. */
function parse(text: string): Record<string, unknown> {
  try {
    return { ...JSON.parse(text) };
  } catch {
    return {};
  }
}
