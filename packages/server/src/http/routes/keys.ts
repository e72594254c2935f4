import { asGatewayError, type Credential, type Host } from '@inferbridge/core';
import type { AddressPolicy } from '@inferbridge/providers';
import { checkBaseUrl } from '@inferbridge/providers';
import { z } from 'zod';
import { askHealth, isCheckable } from '../../operations/health-checks.ts';
import type { Credentials, UsableKey } from '../../routing/credentials.ts';
import type { Providers } from '../../routing/targets.ts';
import type { Accounts, ProviderKey } from '../../store/accounts.ts';
import { isoMicros } from '../../store/time.ts';
import { conflict, notFound, tooMany, unprocessable } from '../http-error.ts';
import type { RateWindow } from '../rate-window.ts';
import type { Route } from '../routes.ts';
import { checkedBody } from './checked-body.ts';

export interface KeyOptions {
  readonly accounts: Accounts;
  readonly providers: Providers;
  /** Providers that are reached at an address of the user's own. */
  readonly selfHosted: ReadonlySet<string>;
  readonly addresses: AddressPolicy;
  readonly credentials: Credentials;
  /** How a key's provider is reached when it is tested. */
  readonly upstream: Host;
  /** Tests of keys, by user. */
  readonly tests: RateWindow;
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

/** An address cannot be changed: a key belongs to the address for which it was given. */
const changes = z.strictObject({
  label: text(128).nullable().optional(),
  api_key: newKey.shape.api_key.optional(),
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
      method: 'patch',
      path: '/v1/keys/:id',
      access: 'user',
      async handle({ user, params, body }) {
        const { label, api_key: secret } = checkedBody(changes, await body());
        const id = params['id'] ?? '';
        const [own] = (await accounts.providerKeys(user.id)).filter((key) => key.id === id);
        if (!own) throw notFound('there is no such key');
        if (own.base_url !== null) addressable(label);
        const changed = await accounts.changeProviderKey(user.id, id, {
          ...(label !== undefined && { label }),
          ...(secret !== undefined && { secret }),
        });
        if (changed === 'label') throw conflict(`the label "${label}" is taken`, 'label');
        if (!changed) throw notFound('there is no such key');
        credentials.forget(user.id);
        return { status: 200, body: shown(changed) };
      },
    },
    {
      method: 'post',
      path: '/v1/keys/:id/test',
      access: 'user',
      async handle({ user, params }) {
        const waitMs = options.tests.take(user.id);
        if (waitMs > 0) throw tooMany('tests of keys', waitMs);
        const key = (await credentials.of(user.id)).find(
          ({ credential, shared }) => !shared && credential.account === params['id'],
        );
        if (!key) throw notFound('there is no such key');
        return { status: 200, body: await tested(key, options) };
      },
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

function addressable(label: string | null | undefined): void {
  if (label && !ADDRESSABLE.test(label))
    throw unprocessable('label', 'label: printable ASCII without a colon is wanted, since a header names it');
}

/** One cheap call, and of its failure only the class: what an address that a user chose answers is nobody's to read. */
async function tested({ provider: name, credential }: UsableKey, { providers, upstream }: KeyOptions) {
  const provider = providers.get(name);
  if (!provider || !isCheckable(provider)) return { ok: null, class: 'unsupported' };
  return askHealth(provider, credential, upstream).then(
    () => ({ ok: true }),
    (error: unknown) => ({ ok: false, class: classOf(error, credential) }),
  );
}

/** Refused, filtered and closed look the same at an address of the user's own. */
function classOf(error: unknown, { baseUrl }: Credential): string {
  const { class: failed } = asGatewayError(error);
  if (baseUrl === undefined || failed === 'bad_credential') return failed;
  return failed === 'rate_limited' ? failed : 'unreachable';
}

function checked(body: Record<string, unknown>, { providers, selfHosted, addresses }: KeyOptions) {
  const {
    provider,
    api_key: secret,
    label = null,
    base_url: url = null,
    declared_region: region = null,
  } = checkedBody(newKey, body);
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
  addressable(label);
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
