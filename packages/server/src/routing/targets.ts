import { type Host, type Layer, layered, modelTarget, type Provider, type Target } from '@inferbridge/core';
import type { Prices } from '../pricing/prices.ts';
import type { UsableKey } from './credentials.ts';

/** The providers of this gateway, by the name under which they are registered. */
export interface Providers {
  get(name: string): Provider | undefined;
  names(): readonly string[];
  /** Where its data goes: the configuration's word, else the provider's own. */
  residencyOf(name: string): string;
}

export interface Targets {
  /** The layered target for a model under a key; the same one each time it is asked for. */
  of(key: UsableKey, model: string): Target;
}

export interface TargetsOptions {
  readonly providers: Providers;
  readonly prices: Prices;
  readonly host: Host;
  readonly layers: readonly Layer[];
}

const MOST_KEPT = 20_000;

export function createTargets({ providers, prices, host, layers }: TargetsOptions): Targets {
  const kept = new Map<string, { secret: string; target: Target }>();
  return {
    of({ provider: name, credential, residency }, model) {
      const id = `${name}\n${credential.id}\n${model}`;
      const found = kept.get(id);
      if (found && found.secret === credential.secret) return found.target;
      const provider = providers.get(name);
      if (!provider) throw new TypeError(`no provider named "${name}"`);
      const target = layered(
        modelTarget({
          provider,
          model,
          credential,
          host,
          price: prices.of(name, model),
          window: prices.windowOf(name, model),
          residency: residency ?? providers.residencyOf(name),
        }),
        layers,
      );
      if (kept.size >= MOST_KEPT) kept.clear(); // the states live in the layers; only the objects are made anew
      kept.set(id, { secret: credential.secret, target });
      return target;
    },
  };
}
