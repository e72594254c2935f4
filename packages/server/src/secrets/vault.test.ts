import { describe, expect, it } from 'vitest';
import { createFernet, FernetError, generateFernetKey } from './fernet.ts';
import { type Bound, createVault } from './vault.ts';

const fernet = createFernet([generateFernetKey()]);
const vault = createVault(fernet);
const bound: Bound = { userId: 'u-1', provider: 'groq', keyId: 'k-1', baseUrl: null };
const hosted: Bound = { ...bound, provider: 'self_hosted', baseUrl: 'https://llm.example/v1' };

describe('vault', () => {
  it.each([bound, hosted])('gives a secret back to whom it belongs: %j', (owner) => {
    expect(vault.unlock(vault.lock('sk-secret', owner), owner)).toBe('sk-secret');
  });

  it.each<[string, Partial<Bound>]>([
    ['user', { userId: 'u-2' }],
    ['provider', { provider: 'openai' }],
    ['row', { keyId: 'k-2' }],
    ['address', { baseUrl: 'https://evil.example/v1' }],
    ['address, its own taken away', { baseUrl: null }],
  ])('refuses a secret that was moved to another %s', (_, change) => {
    const token = vault.lock('sk-secret', hosted);
    expect(() => vault.unlock(token, { ...hosted, ...change })).toThrow(FernetError);
  });

  it('refuses to send a key of the provider itself to an address of the user', () => {
    const token = vault.lock('sk-secret', bound);
    expect(() => vault.unlock(token, { ...bound, baseUrl: 'https://evil.example/v1' })).toThrow(FernetError);
  });

  it('tells nothing of the secret in the token or the error', () => {
    const token = vault.lock('sk-secret', bound);
    expect(token).not.toContain('sk-secret');
    expect(Buffer.from(token, 'base64url').toString('latin1')).not.toContain('sk-secret');
    expect(() => vault.unlock(token, hosted)).toThrow(/^the token belongs to another key$/);
  });

  it('refuses what another vault has locked', () => {
    const other = createVault(createFernet([generateFernetKey()]));
    expect(() => vault.unlock(other.lock('sk-secret', bound), bound)).toThrow(FernetError);
  });

  it.each([
    ['a bare secret', 'sk-secret-not-json'],
    ['null', 'null'],
    [
      'no secret inside',
      JSON.stringify({ v: 1, user_id: 'u-1', provider: 'groq', key_id: 'k-1', base_url: null }),
    ],
    [
      'a secret that is no text',
      JSON.stringify({ v: 1, user_id: 'u-1', provider: 'groq', key_id: 'k-1', base_url: null, secret: 5 }),
    ],
  ])('refuses a token that holds something else, and shows none of it: %s', (_, inside) => {
    let thrown: unknown;
    try {
      vault.unlock(fernet.encrypt(inside), bound);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(FernetError);
    expect(String(thrown)).not.toContain('sk-secret');
  });
});
