import type { Seen, Simulated } from './simulate.ts';

export interface Quantiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** What all clients together have seen. Times in milliseconds, money in US dollars. */
export interface Summary {
  readonly seed: number;
  readonly requests: number;
  readonly outcomes: Readonly<Record<Seen['outcome'], number>>;
  /** Whole answers, of those who did not leave by themselves. */
  readonly success_rate: number | null;
  /** Of the successes: another candidate than the first one served. */
  readonly fallback_share: number | null;
  readonly errors: Readonly<Record<string, number>>;
  readonly first_content_ms: Quantiles;
  readonly total_ms: Quantiles;
  readonly cost_usd: number;
  /** Failed attempts and the losers of races included. */
  readonly attempts_cost_usd: number;
  readonly providers: Readonly<Record<string, Load>>;
  readonly arms: Readonly<Record<string, number>>;
  readonly over_time: readonly Slice[];
}

export interface Load {
  readonly attempts: number;
  readonly served: number;
  readonly failed: number;
  readonly aborted: number;
}

export interface Slice {
  /** Milliseconds since the beginning. */
  readonly from: number;
  readonly requests: number;
  readonly succeeded: number;
  readonly fell_back: number;
  readonly first_content_p95_ms: number | null;
  /** Requests served, by provider. */
  readonly served: Readonly<Record<string, number>>;
}

const SLICES = 60;

export function summarise({ seed, seen, duration }: Simulated): Summary {
  const ok = seen.filter(({ outcome }) => outcome === 'ok');
  const stayed = seen.filter(({ outcome }) => outcome !== 'left').length;
  const width = duration / SLICES;
  const slices = Map.groupBy(seen, ({ at }) => Math.min(SLICES - 1, Math.floor(at / width)));
  return {
    seed,
    requests: seen.length,
    outcomes: { ok: 0, cut: 0, error: 0, left: 0, ...counted(seen.map(({ outcome }) => outcome)) },
    success_rate: stayed > 0 ? ok.length / stayed : null,
    fallback_share: ok.length > 0 ? ok.filter(({ fellBack }) => fellBack).length / ok.length : null,
    errors: counted(seen.flatMap(({ errorClass }) => errorClass ?? [])),
    first_content_ms: quantiles(ok.flatMap(({ firstMs }) => firstMs ?? [])),
    total_ms: quantiles(ok.map(({ totalMs }) => totalMs)),
    cost_usd: sum(seen.map(({ cost }) => cost ?? 0)),
    attempts_cost_usd: sum(seen.map(({ attemptsCost }) => attemptsCost)),
    providers: loads(seen),
    arms: counted(seen.flatMap(({ arm }) => arm ?? [])),
    over_time: Array.from({ length: SLICES }, (_, index) => sliceOf(slices.get(index) ?? [], index * width)),
  };
}

function sliceOf(seen: readonly Seen[], from: number): Slice {
  const ok = seen.filter(({ outcome }) => outcome === 'ok');
  return {
    from,
    requests: seen.length,
    succeeded: ok.length,
    fell_back: ok.filter(({ fellBack }) => fellBack).length,
    first_content_p95_ms: quantiles(ok.flatMap(({ firstMs }) => firstMs ?? [])).p95,
    served: counted(ok.flatMap(({ provider }) => provider ?? [])),
  };
}

function loads(seen: readonly Seen[]): Record<string, Load> {
  const all = seen.flatMap(({ attempts }) => attempts);
  const byProvider = Map.groupBy(all, ({ provider }) => provider);
  return Object.fromEntries(
    [...byProvider].sort().map(([provider, attempts]) => {
      const of = (wanted: (outcome: string) => boolean) =>
        attempts.filter(({ outcome }) => wanted(outcome)).length;
      return [
        provider,
        {
          attempts: attempts.length,
          served: of((outcome) => outcome === 'ok'),
          failed: of((outcome) => outcome !== 'ok' && outcome !== 'aborted'),
          aborted: of((outcome) => outcome === 'aborted'),
        },
      ];
    }),
  );
}

export function counted(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

export function quantiles(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number | null =>
    sorted.length > 0
      ? Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
      : null;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
