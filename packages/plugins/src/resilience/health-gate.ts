import { type Blocked, type Clock, isBlocked, type Layer, type Permit } from '@inferbridge/core';

/** Keeps requests from providers whose health checks fail; whoever checks them tells it how they went. */
export interface HealthGate {
  readonly layer: Layer;
  /** Two failed checks in a row close the gate, one good one opens it. */
  report(provider: string, credential: string, healthy: boolean): void;
  /** When this provider was last asked for under this credential, `null` for never. */
  lastUsedAt(provider: string, credential: string): number | null;
}

const FAILURES = 2;
const MOST_KEPT = 20_000;

export function createHealthGate({ clock }: { readonly clock: Clock }): HealthGate {
  const failing = new Map<string, { inRow: number; since: number }>();
  const used = new Map<string, number>();
  const keyOf = (provider: string, credential: string) => `${provider}\n${credential}`;
  return {
    report(provider, credential, healthy) {
      const key = keyOf(provider, credential);
      if (healthy) return void failing.delete(key);
      const { inRow = 0 } = failing.get(key) ?? {};
      failing.set(key, { inRow: inRow + 1, since: clock.now() });
    },
    lastUsedAt: (provider, credential) => used.get(keyOf(provider, credential)) ?? null,
    layer(target) {
      const key = keyOf(target.provider, target.credential);
      const blocked = (insist: () => Permit | Blocked): Blocked | null => {
        const found = failing.get(key);
        if (!found || found.inRow < FAILURES) return null;
        return {
          blocked: 'unhealthy',
          why: 'its health check fails',
          forMs: null,
          failedAt: found.since,
          insist,
        };
      };
      return {
        ...target,
        facts(call) {
          const facts = target.facts(call);
          if (facts.blocked || failing.size === 0) return facts;
          return { ...facts, blocked: blocked(() => insisted(target.acquire(call))) };
        },
        acquire(call) {
          if (used.size >= MOST_KEPT) used.clear();
          used.set(key, clock.now());
          return blocked(() => insisted(target.acquire(call))) ?? target.acquire(call);
        },
      };
    },
  };
}

/** Whoever insists here insists all the way in: a breaker is most often open as well. */
const insisted = (answer: Permit | Blocked): Permit | Blocked =>
  isBlocked(answer) && answer.insist ? answer.insist() : answer;
