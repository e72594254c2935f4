import type { Attempt, Log } from '@inferbridge/core';

/** Failures that only the operator or a change of configuration can end; each is said once an hour, not once a request. */
const STANDING: Partial<Record<Attempt['outcome'], string>> = {
  model_not_found: 'the provider says that it has no such model; requests move on to the next candidate',
  bad_credential: 'the provider refused a key; requests move on to the next candidate',
  quota_exhausted: 'an account at the provider is out of quota; requests move on to the next candidate',
};

const QUIET_MS = 3_600_000;
const MOST_KEPT = 1_000;

/** Tells the server's log of failures that do not pass by themselves. */
export function createTroubleReport(log: Log, now: () => number): (attempts: readonly Attempt[]) => void {
  const said = new Map<string, number>();
  return (attempts) => {
    for (const { provider, model, outcome, status } of attempts) {
      const message = STANDING[outcome];
      if (message === undefined) continue;
      const key = `${outcome}\n${provider}\n${model}`;
      if (now() - (said.get(key) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) continue;
      if (said.size >= MOST_KEPT) said.clear();
      said.set(key, now());
      log.warn({ provider, model, status }, message);
    }
  };
}
