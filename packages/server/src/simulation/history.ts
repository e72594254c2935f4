import { type ErrorClass, GatewayError, isErrorClass, ruleOf } from '@inferbridge/core';
import type { LoggedAttempt, RequestRow } from '../store/schema.ts';
import type { Decide, Fate } from './upstreams.ts';

/** What once became of an attempt. */
interface Past {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly outcome: 'ok' | ErrorClass;
  readonly firstContentMs: number | null;
  readonly latencyMs: number;
}

/** What is known of each target from the log. */
export interface History {
  /** Behaves as the target did at that time; somebody unknown as the others did. */
  readonly decide: Decide;
  readonly targets: ReadonlySet<string>;
  /** Attempts that had to be guessed, by target. */
  readonly guessed: Map<string, number>;
}

/** An outage is remembered as an outage: among the attempts nearest in time one is drawn. */
const NEIGHBOURS = 15;

/** `startMs`: what the simulation's beginning was on the wall. */
export function historyOf(rows: readonly RequestRow[], startMs: number): History {
  const pasts = new Map<string, Past[]>();
  const everybody: Past[] = [];
  for (const row of rows)
    for (const attempt of row.attempts) {
      const past = pastOf(attempt, row);
      if (!past) continue;
      const key = keyOf(attempt.provider, attempt.model, row.stream);
      const known = pasts.get(key);
      if (known) known.push(past);
      else pasts.set(key, [past]);
      everybody.push(past);
    }
  const guessed = new Map<string, number>();
  const fine = everybody.filter(({ outcome }) => outcome === 'ok');
  return {
    targets: new Set([...pasts.keys()].map((key) => key.slice(2))),
    guessed,
    decide({ provider, model, stream, at, random }) {
      const known = pasts.get(keyOf(provider, model, stream)) ?? pasts.get(keyOf(provider, model, !stream));
      if (!known) {
        const id = `${provider}:${model}`;
        guessed.set(id, (guessed.get(id) ?? 0) + 1);
      }
      const past = near(known ?? fine, startMs + at, random);
      return past ? again(past) : { firstContentMs: 1_000, restMs: 2_000 };
    },
  };
}

const keyOf = (provider: string, model: string, stream: boolean): string =>
  `${stream ? 's' : 'w'} ${provider}:${model}`;

/** Failures that are the request's, whoever it is sent to. */
export const OF_REQUESTS: ReadonlySet<ErrorClass> = new Set([
  'invalid_request',
  'content_policy',
  'context_length',
  'unauthenticated',
  'client_closed',
  'lost',
  'shed',
]);

function pastOf(attempt: LoggedAttempt, row: RequestRow): Past | null {
  const { outcome, first_content_ms: first, latency_ms: latency } = attempt;
  if (latency === null || latency === undefined) return null;
  if (attempt.fault !== undefined || attempt.blameless) return null; // a fire drill's, or its caller's
  // what was the caller's own mistake says nothing of the next caller's request
  if (outcome !== 'ok' && (!isErrorClass(outcome) || OF_REQUESTS.has(outcome))) return null;
  return {
    at: row.created_at / 1_000,
    outcome,
    firstContentMs: first ?? null,
    latencyMs: latency,
  };
}

/** One of those nearest in time; they stand in the order of their times. */
function near(pasts: readonly Past[], at: number, random: () => number): Past | undefined {
  let low = 0;
  let high = pasts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((pasts[middle]?.at ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  const from = Math.max(0, Math.min(low - (NEIGHBOURS >> 1), pasts.length - NEIGHBOURS));
  const some = Math.min(NEIGHBOURS, pasts.length);
  return pasts[from + Math.floor(random() * some)];
}

function again({ outcome, firstContentMs, latencyMs }: Past): Fate {
  if (outcome === 'ok') {
    const first = Math.min(firstContentMs ?? latencyMs, latencyMs);
    return { firstContentMs: first, restMs: latencyMs - first };
  }
  if (firstContentMs !== null && firstContentMs < latencyMs)
    return { firstContentMs, restMs: latencyMs - firstContentMs, breaksAt: 0.5 };
  const { against } = ruleOf(outcome);
  const error = new GatewayError(outcome, `as it was then: ${outcome}`, {
    ...(against === 'cooldown' && { retryAfterMs: 1_000 }),
  });
  return { fails: { error, afterMs: latencyMs }, firstContentMs: 0, restMs: 0 };
}
