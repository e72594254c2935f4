import {
  abortable,
  asGatewayError,
  type Credential,
  GatewayError,
  type Host,
  letGo,
  type Provider,
  type ProviderIO,
} from '@inferbridge/core';
import type { HealthGate } from '@inferbridge/plugins';
import type { Providers } from '../routing/targets.ts';

export interface HealthChecksOptions {
  readonly host: Host;
  readonly gate: HealthGate;
  readonly providers: Providers;
  /** The operator's keys by provider; users' own are theirs to spend. */
  readonly operator: Readonly<Record<string, readonly Credential[]>>;
  /** Seconds between two checks of a provider; 0 for none. */
  readonly everySeconds: (provider: string) => number;
}

export const HEALTH_CHECK_SECONDS = 30;
const PATIENCE_MS = 5_000;
/** Nobody is asked how he is whom nobody uses. */
const IN_USE_MS = 300_000;

/** Failures that say that the provider is not there; whoever refuses a key or a listing is. */
const DOWN: ReadonlySet<string> = new Set(['unreachable', 'timeout', 'overloaded', 'server_error']);

/** One cheap question to a provider, its health or else its list of models; throws a `GatewayError`. */
export async function askHealth(provider: Provider, credential: Credential, host: Host): Promise<void> {
  const controller = new AbortController();
  const timer = host.clock.setTimeout(
    () => controller.abort(new GatewayError('timeout', `no answer within ${PATIENCE_MS} ms`)),
    PATIENCE_MS,
  );
  const io: ProviderIO = {
    signal: controller.signal,
    credential,
    clock: host.clock,
    random: host.random,
    dropped() {},
    http: (request) => host.transport({ ...request, signal: controller.signal }),
  };
  try {
    const asked = provider.health?.(io) ?? provider.models?.(io);
    if (asked) await abortable<unknown>(asked, controller.signal);
  } finally {
    host.clock.clearTimeout(timer);
  }
}

/** Can this provider be asked at all? */
export const isCheckable = (provider: Provider): boolean => Boolean(provider.health ?? provider.models);

/** Asks the operator's providers how they are, those that are in use or in trouble, and tells the gate. */
export function startHealthChecks(options: HealthChecksOptions): { stop(): void } {
  const { host, gate, providers, operator, everySeconds } = options;
  const { clock, log } = host;
  const timers = new Set<unknown>();
  const down = new Set<string>();
  let stopped = false;

  const watch = (name: string, provider: Provider, credential: Credential, everyMs: number) => {
    const key = `${name} ${credential.id}`;
    const again = () => {
      if (stopped) return;
      // spread, so that not all ask at the same moment
      const timer = clock.setTimeout(
        () => {
          timers.delete(timer);
          void check().finally(again);
        },
        everyMs * (0.9 + 0.2 * host.random()),
      );
      letGo(timer);
      timers.add(timer);
    };
    const check = async () => {
      const usedAt = gate.lastUsedAt(name, credential.id);
      const inUse = usedAt !== null && clock.now() - usedAt < IN_USE_MS;
      if (!inUse && !down.has(key)) return;
      const healthy = await askHealth(provider, credential, host).then(
        () => true,
        (error: unknown) => {
          const { class: kind } = asGatewayError(error);
          return !(DOWN.has(kind) || kind === 'internal');
        },
      );
      if (stopped) return;
      gate.report(name, credential.id, healthy);
      if (healthy === !down.has(key)) return;
      if (healthy) down.delete(key);
      else down.add(key);
      log.warn(
        { provider: name, healthy },
        healthy ? 'a provider is healthy again' : 'a health check failed',
      );
    };
    again();
  };

  for (const [name, credentials] of Object.entries(operator)) {
    const provider = providers.get(name);
    const everyMs = everySeconds(name) * 1000;
    if (!provider || everyMs === 0 || !isCheckable(provider)) continue;
    for (const credential of credentials) watch(name, provider, credential, everyMs);
  }
  return {
    stop() {
      stopped = true;
      for (const timer of timers) clock.clearTimeout(timer);
    },
  };
}
