import { type Blocked, type Layer, settling } from '@inferbridge/core';

export interface BulkheadOptions {
  /** Requests to one provider at the same time; default 4,096. */
  readonly limit?: number;
}

/** Keeps one provider that has become slow from taking up everything: beyond the limit it is `full`. */
export function bulkhead({ limit = 4_096 }: BulkheadOptions = {}): Layer {
  const inFlight = new Map<string, number>();
  return (target) => {
    const { provider } = target;
    const running = () => inFlight.get(provider) ?? 0;
    const full = (): Blocked | null =>
      running() < limit ? null : { blocked: 'full', why: `it has ${limit} requests in flight`, forMs: null };
    return {
      ...target,
      facts: (call) => {
        const facts = target.facts(call);
        return { ...facts, inFlight: running(), blocked: facts.blocked ?? full() };
      },
      acquire: (call) => {
        const blocked = full();
        if (blocked) return blocked;
        const answer = target.acquire(call);
        if ('blocked' in answer) return answer;
        inFlight.set(provider, running() + 1);
        return settling(answer, () => inFlight.set(provider, running() - 1));
      },
    };
  };
}
