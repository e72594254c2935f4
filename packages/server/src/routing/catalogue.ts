import { abortable, type Clock, type Host, type ProviderIO, systemClock } from '@inferbridge/core';
import type { Prices } from '../pricing/prices.ts';
import type { UsableKey } from './credentials.ts';
import type { Providers } from './targets.ts';

/** Which models a provider has, as far as can be known. */
export interface Catalogue {
  /** Models that a key's provider lists; the tables' and the tiers' own where it cannot be asked. */
  modelsOf(key: UsableKey): Promise<readonly string[]>;
  /** The keys among these whose provider lists this model; what is known without asking comes first. */
  providersOf(model: string, keys: readonly UsableKey[]): Promise<readonly UsableKey[]>;
}

export interface CatalogueOptions {
  readonly providers: Providers;
  readonly prices: Prices;
  readonly host: Host;
  /** Models that the configuration names, by provider. */
  readonly named: ReadonlyMap<string, ReadonlySet<string>>;
  readonly clock?: Clock;
}

const FRESH_MS = 600_000;
const FAILED_MS = 60_000;
const PATIENCE_MS = 5_000;
const MOST_KEPT = 5_000;

export function createCatalogue({
  providers,
  prices,
  host,
  named,
  clock = systemClock,
}: CatalogueOptions): Catalogue {
  const asked = new Map<string, { until: number; models: Promise<readonly string[] | null> }>();

  const ask = async ({ provider: name, credential }: UsableKey): Promise<readonly string[] | null> => {
    const provider = providers.get(name);
    if (!provider?.models) return null;
    const controller = new AbortController();
    const timer = clock.setTimeout(() => controller.abort(new Error('too slow')), PATIENCE_MS);
    const io: ProviderIO = {
      signal: controller.signal,
      credential,
      clock: host.clock,
      random: host.random,
      dropped() {},
      http: (request) => host.transport({ ...request, signal: controller.signal }),
    };
    try {
      return await abortable(provider.models(io), controller.signal);
    } catch {
      return null; // a list that cannot be had is no list; the request itself will tell what is wrong
    } finally {
      clock.clearTimeout(timer);
    }
  };

  const live = (key: UsableKey): Promise<readonly string[] | null> => {
    const id = `${key.provider}\n${key.credential.id}`;
    const found = asked.get(id);
    if (found && found.until > clock.now()) return found.models;
    if (asked.size >= MOST_KEPT) asked.clear();
    const entry = { until: clock.now() + FRESH_MS, models: ask(key) };
    asked.set(id, entry);
    void entry.models.then((models) => {
      if (models === null) entry.until = clock.now() + FAILED_MS;
    });
    return entry.models;
  };

  const known = (key: UsableKey, model: string) =>
    named.get(key.provider)?.has(model) === true ||
    prices.modelsOf(key.provider).includes(model) ||
    prices.of(key.provider, model) !== null;

  return {
    async modelsOf(key) {
      await prices.load();
      const own = [...(named.get(key.provider) ?? [])];
      return [...new Set([...own, ...((await live(key)) ?? prices.modelsOf(key.provider))])];
    },
    async providersOf(model, keys) {
      await prices.load();
      const sure = keys.filter((key) => known(key, model));
      if (sure.length > 0) return sure;
      const lists = await Promise.all(keys.map(live));
      return keys.filter((_, index) => lists[index]?.includes(model));
    },
  };
}
