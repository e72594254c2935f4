import { GatewayError } from '@inferbridge/core';
import type { LeftOut } from '@inferbridge/plugins';
import { RESIDENCY_HEADER } from '../compat/names.ts';
import type { UsableKey } from './credentials.ts';
import type { Providers } from './targets.ts';

/** How the reason begins where a provider was left out for want of a key. */
export const NO_KEY = 'no key for';

/** What a name is looked up among, and what was found unfit on the way. */
export interface Search {
  readonly keys: readonly UsableKey[];
  readonly residency: string | null;
  readonly leftOut: LeftOut[];
}

/** Providers whose keys carry an address are reached by the override alone, never by a tier or a bare name. */
export const routable = (key: UsableKey): boolean => key.credential.baseUrl === undefined;

export const invalid = (param: string, message: string, code = 'validation_error') =>
  new GatewayError('invalid_request', message, { param, code });

/** `provider:model`; what stands before the first colon is the provider. */
export function splitTarget(target: string): { provider: string; model: string } {
  const colon = target.indexOf(':');
  return { provider: target.slice(0, Math.max(0, colon)), model: target.slice(colon + 1) };
}

/** `provider:model` or, failing that, `provider/model`, where the provider is known. */
export function splitKnown(name: string, providers: Providers): { provider: string; model: string } | null {
  for (const mark of [':', '/']) {
    const at = name.indexOf(mark);
    if (at > 0 && at < name.length - 1 && providers.get(name.slice(0, at)))
      return { provider: name.slice(0, at), model: name.slice(at + 1) };
  }
  return null;
}

export function nothingLeft(name: string, { residency, leftOut }: Search): GatewayError {
  const missing = [
    ...new Set(leftOut.filter(({ why }) => why.startsWith(NO_KEY)).map(({ provider }) => provider)),
  ];
  if (residency !== null && leftOut.some(({ why }) => why.startsWith('its residency')))
    return new GatewayError(
      'invalid_request',
      `no candidate of ${name} keeps data in "${residency}"; left out: ${leftOut.map((left) => `${left.provider}:${left.model} (${left.why})`).join(', ')}`,
      { code: 'residency', param: RESIDENCY_HEADER },
    );
  return invalid(
    'model',
    `you hold no key for any provider of ${name}; register one of these with POST /v1/keys: ${missing.join(', ')}`,
    'no_provider_key',
  );
}
