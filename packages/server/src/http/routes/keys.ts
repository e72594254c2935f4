import type { AddressPolicy } from '@inferbridge/providers';
import { checkBaseUrl } from '@inferbridge/providers';
import { z } from 'zod';
import type { Credentials } from '../../routing/credentials.ts';
import type { Providers } from '../../routing/targets.ts';
import type { Accounts, ProviderKey } from '../../store/accounts.ts';
import { isoMicros } from '../../store/time.ts';
import { conflict, notFound, unprocessable } from '../http-error.ts';
import type { Route } from '../routes.ts';

export interface KeyOptions {
  readonly accounts: Accounts;
  readonly providers: Providers;
  /** Providers that are reached at an address of the user's own. */
  readonly selfHosted: ReadonlySet<string>;
  readonly addresses: AddressPolicy;
  readonly credentials: Credentials;
}

const text = (most: number) => z.string().trim().min(1).max(most);
const newKey = z.object({
  provider: text(64),
  api_key: z
    .string()
    .min(1)
    .max(4096)
    .regex(/^[\x21-\x7e]+$/, 'printable characters without spaces are wanted'),
  label: text(128).nullish(),
  base_url: text(2048).nullish(),
  declared_region: text(64)
    .regex(/^[a-z][a-z0-9_-]*$/i, 'a region name is letters, digits, - and _')
    .nullish(),
});

/** What `self_hosted@label:model` can say. */
const ADDRESSABLE = /^[\x20-\x39\x3b-\x7e]+$/;

const shown = ({ id, provider, residency, declared_region, base_url, label, created_at }: ProviderKey) => ({
  id,
  provider,
  residency,
  declared_region,
  base_url,
  label,
  created_at: isoMicros(Number(created_at)),
});

export const keyRoutes = (options: KeyOptions): readonly Route[] => {
  const { accounts, credentials } = options;
  return [
    {
      method: 'post',
      path: '/v1/keys',
      access: 'user',
      async handle({ user, body }) {
        const key = checked(await body(), options);
        const added = await accounts.addProviderKey(user.id, key);
        if (!added)
          throw conflict(
            key.baseUrl === null
              ? `a key for ${key.provider} is registered already; delete it first`
              : `the label "${key.label}" is taken`,
            key.baseUrl === null ? 'provider' : 'label',
          );
        credentials.forget(user.id);
        return { status: 201, body: shown(added) };
      },
    },
    {
      method: 'get',
      path: '/v1/keys',
      access: 'user',
      handle: async ({ user }) => ({ status: 200, body: (await accounts.providerKeys(user.id)).map(shown) }),
    },
    {
      method: 'delete',
      path: '/v1/keys/:id',
      access: 'user',
      async handle({ user, params }) {
        if (!(await accounts.removeProviderKey(user.id, params['id'] ?? '')))
          throw notFound('there is no such key');
        credentials.forget(user.id);
        return { status: 204 };
      },
    },
  ];
};

function checked(body: Record<string, unknown>, { providers, selfHosted, addresses }: KeyOptions) {
  const result = newKey.safeParse(body);
  if (!result.success) {
    const [issue] = result.error.issues;
    const field = String(issue?.path[0] ?? 'body');
    throw unprocessable(field, `${field}: ${issue?.message ?? 'invalid'}`);
  }
  const {
    provider,
    api_key: secret,
    label = null,
    base_url: url = null,
    declared_region: region = null,
  } = result.data;
  if (!providers.get(provider))
    throw unprocessable(
      'provider',
      `provider: no provider named "${provider}"; known: ${providers.names().join(', ')}`,
    );
  if (!selfHosted.has(provider)) {
    if (url !== null) throw unprocessable('base_url', `base_url: only for ${[...selfHosted].join(', ')}`);
    return {
      provider,
      secret,
      label,
      baseUrl: null,
      declaredRegion: region,
      residency: providers.residencyOf(provider),
    };
  }
  if (label !== null && !ADDRESSABLE.test(label))
    throw unprocessable('label', 'label: printable ASCII without a colon is wanted, since a header names it');
  if (url === null) throw unprocessable('base_url', `base_url: ${provider} needs one`);
  if (region === null) throw unprocessable('declared_region', `declared_region: ${provider} needs one`);
  return {
    provider,
    secret,
    label,
    baseUrl: checkBaseUrl(url, addresses),
    declaredRegion: region,
    residency: region.toLowerCase(),
  };
}
