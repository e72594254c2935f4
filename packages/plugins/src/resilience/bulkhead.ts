import { type Layer, settling } from '@inferbridge/core';

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
    return {
      ...target,
      facts: (call) => ({ ...target.facts(call), inFlight: running() }),
      acquire: (call) => {
        if (running() >= limit)
          return { blocked: 'full', why: `it has ${limit} requests in flight`, forMs: null };
        const answer = target.acquire(call);
        if ('blocked' in answer) return answer;
        inFlight.set(provider, running() + 1);
        return settling(answer, () => inFlight.set(provider, running() - 1));
      },
    };
  };
}
