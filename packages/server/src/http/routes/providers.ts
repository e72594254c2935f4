import { createCall } from '@inferbridge/core';
import type { Credentials, UsableKey } from '../../routing/credentials.ts';
import { routable } from '../../routing/search.ts';
import type { Targets } from '../../routing/targets.ts';
import type { ReliabilityLog } from '../../store/reliability.ts';
import type { Percentiles, Reliability } from '../../store/reliability-buckets.ts';
import type { Route } from '../routes.ts';

export interface ProviderHealthOptions {
  readonly reliability: ReliabilityLog;
  readonly credentials: Credentials;
  readonly targets: Targets;
  /** Models that the tiers name, by provider. */
  readonly named: ReadonlyMap<string, ReadonlySet<string>>;
  readonly wall: () => number;
}

const WINDOWS = { last_5_minutes: 300_000, last_hour: 3_600_000, last_day: 86_400_000 } as const;

/** `GET /v1/providers/health`: how each provider and model did for this caller, and whether it can be called now. */
export const providerRoutes = (options: ProviderHealthOptions): readonly Route[] => {
  const { reliability, credentials, targets, named, wall } = options;
  const stateOf = (model: string, keys: readonly UsableKey[]) => {
    const call = createCall({ model, messages: [] });
    const states = keys.map((key) => targets.of(key, model).facts(call).blocked);
    // with several keys one that works is enough
    const blocked = states.includes(null) ? null : states[0];
    if (!blocked || blocked.blocked === 'full') return { state: 'ok', until: null };
    return {
      state: STATES[blocked.blocked],
      until: blocked.forMs === null ? null : new Date(wall() + blocked.forMs).toISOString(),
      why: blocked.why,
    };
  };
  return [
    {
      method: 'get',
      path: '/v1/providers/health',
      access: 'user or operator',
      async handle({ user }) {
        // the operator sees everybody's traffic, and of keys those that are the operator's
        const everybody = user.id === '';
        const keys = (await credentials.of(user.id)).filter(routable);
        const sums = await Promise.all(
          Object.entries(WINDOWS).map(
            async ([name, ms]) => [name, await reliability.last(everybody ? null : user.id, ms)] as const,
          ),
        );
        const held = new Set(keys.map(({ provider }) => provider));
        const ids = new Set([
          ...[...held].flatMap((provider) =>
            [...(named.get(provider) ?? [])].map((model) => `${provider}:${model}`),
          ),
          ...sums.flatMap(([, sum]) => [...sum.keys()]),
        ]);
        const data = [...ids].sort().map((id) => {
          const colon = id.indexOf(':');
          const [provider, model] = [id.slice(0, colon), id.slice(colon + 1)];
          const own = keys.filter((key) => key.provider === provider);
          return {
            provider,
            model,
            ...(own.length > 0 ? stateOf(model, own) : { state: 'no_key', until: null }),
            ...Object.fromEntries(sums.map(([name, sum]) => [name, shown(sum.get(id))])),
          };
        });
        return { status: 200, body: { data } };
      },
    },
  ];
};

/** An account out of money and a refused key cool down as well, only longer; `why` tells them apart. */
const STATES = {
  cooling: 'cooling',
  bad_credential: 'cooling',
  quota_exhausted: 'cooling',
  open: 'open',
  unhealthy: 'open',
  probing: 'probing',
} as const;

const NOTHING: Reliability = {
  requests: 0,
  successRate: null,
  errors: {},
  firstContentMs: { p50: null, p95: null },
  totalMs: { p50: null, p95: null },
};

function shown(given: Reliability = NOTHING): Record<string, unknown> {
  const { requests, successRate, errors, firstContentMs, totalMs } = given;
  return {
    requests,
    success_rate: successRate,
    errors,
    first_content_ms: percentiles(firstContentMs),
    total_ms: percentiles(totalMs),
  };
}

const percentiles = ({ p50, p95 }: Percentiles) => ({ p50, p95 });
