import { isErrorClass } from '@inferbridge/core';
import { EMBEDDINGS_MODE } from '../compat/names.ts';
import type { Loaded } from '../config/load.ts';
import type { RequestRow } from '../store/schema.ts';
import { historyOf, OF_REQUESTS } from './history.ts';
import { type Arrival, type Asked, play, promptOf } from './simulate.ts';
import { counted, type Quantiles, quantiles } from './summary.ts';
import { createWorld, type World } from './world.ts';

/** One side of the comparison. */
export interface Side {
  readonly requests: number;
  readonly success_rate: number;
  readonly fallback_share: number;
  readonly cost_usd: number;
  readonly attempts_cost_usd: number;
  readonly total_ms: Quantiles;
  /** Requests served, by `provider:model`. */
  readonly mix: Readonly<Record<string, number>>;
}

export interface WhatIf {
  readonly since: string;
  readonly until: string;
  readonly before: Side;
  readonly after: Side;
  /** Not replayed, by reason: what the cache answered, callers' own mistakes, embeddings, tiers that the other configuration has not. */
  readonly left_out: Readonly<Record<string, number>>;
  /** Attempts at targets that the log knows nothing of: they were taken to be like the others. */
  readonly guessed: Readonly<Record<string, number>>;
}

export interface WhatIfOptions {
  readonly loaded: Pick<Loaded, 'config' | 'base'>;
  /** In the order of their times; at least one. */
  readonly rows: readonly RequestRow[];
  readonly seed: number;
  /** Providers that have a key; default those of the log. */
  readonly keys?: readonly string[] | undefined;
}

/** Yesterday's requests against another configuration, each target behaving as it did at that time. */
export async function whatIf({ loaded, rows, seed, keys }: WhatIfOptions): Promise<WhatIf> {
  const startMs = timeOf(rows[0]);
  const endMs = timeOf(rows.at(-1));
  const history = historyOf(rows, startMs);
  const held = keys ?? [
    ...new Set([
      ...[...history.targets].map((id) => id.slice(0, id.indexOf(':'))),
      ...Object.entries(loaded.config.providers).flatMap(([name, { apiKey, apiKeys }]) =>
        (apiKey ?? apiKeys) ? [name] : [],
      ),
    ]),
  ];
  const world = await createWorld({
    loaded,
    seed,
    keys: held,
    strangers: keys === undefined,
    decide: history.decide,
    wallMs: startMs,
  });
  const reasons = rows.map((row) => whyNot(row, world));
  const asked = rows.filter((_, index) => reasons[index] === null);
  const usual = usualTokens(asked);
  const arrivals = asked.map((row): Arrival => ({ at: timeOf(row) - startMs, asked: requestOf(row, usual) }));
  const seen = await play(world, arrivals, endMs - startMs);
  const ok = seen.filter(({ outcome }) => outcome === 'ok');
  return {
    since: new Date(startMs).toISOString(),
    until: new Date(endMs).toISOString(),
    before: before(asked),
    after: {
      requests: seen.length,
      success_rate: ok.length / Math.max(1, seen.length),
      fallback_share: ok.filter(({ fellBack }) => fellBack).length / Math.max(1, ok.length),
      cost_usd: sum(seen.map(({ cost }) => cost ?? 0)),
      attempts_cost_usd: sum(seen.map(({ attemptsCost }) => attemptsCost)),
      total_ms: quantiles(ok.map(({ totalMs }) => totalMs)),
      mix: counted(ok.flatMap(({ target }) => target ?? [])),
    },
    left_out: counted(reasons.filter((reason) => reason !== null)),
    guessed: Object.fromEntries(history.guessed),
  };
}

function before(rows: readonly RequestRow[]): Side {
  const ok = rows.filter(({ status }) => status !== 'error');
  return {
    requests: rows.length,
    success_rate: ok.length / Math.max(1, rows.length),
    fallback_share: ok.filter(({ status }) => status === 'fallback_success').length / Math.max(1, ok.length),
    cost_usd: sum(rows.map((row) => Number(row.cost_nano_usd ?? 0) / 1e9)),
    attempts_cost_usd: sum(rows.map((row) => Number(row.attempts_cost_nano_usd ?? 0) / 1e9)),
    total_ms: quantiles(ok.map((row) => row.latency_ms)),
    mix: counted(ok.map((row) => `${row.provider}:${row.model}`)),
  };
}

/** Milliseconds since 1970. */
const timeOf = (row: RequestRow | undefined): number => Number(row?.created_at ?? 0) / 1_000;

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);

interface Tokens {
  readonly input: number;
  readonly output: number;
}

/** What a request without an answer is taken to have used. */
function usualTokens(rows: readonly RequestRow[]): Tokens {
  return {
    input: quantiles(rows.flatMap((row) => row.input_tokens ?? [])).p50 ?? 500,
    output: quantiles(rows.flatMap((row) => row.output_tokens ?? [])).p50 ?? 200,
  };
}

/** How requests were routed that named no tier. */
const DIRECT: ReadonlySet<string> = new Set(['direct', 'override', 'chain']);

/** Why this request says nothing of the other configuration; `null` where it does. */
function whyNot(row: RequestRow, { tierNames }: World): string | null {
  if (row.cache_hit) return 'answered by the cache';
  if (row.mode === EMBEDDINGS_MODE) return 'embeddings';
  const errorClass = row.error?.split(':')[0] ?? '';
  if (isErrorClass(errorClass) && OF_REQUESTS.has(errorClass)) return `the caller's own: ${errorClass}`;
  const { attempts } = row;
  if (attempts.some(({ fault }) => fault !== undefined)) return 'a fire drill';
  if (row.status === 'error' && attempts.some(({ blameless }) => blameless === true))
    return 'its caller waited too little';
  if (DIRECT.has(row.mode)) return targetOf(row) === null ? 'it is not known who was asked' : null;
  return tierNames.includes(row.mode) ? null : `no tier ${row.mode} in that configuration`;
}

/** Who served, or who was asked first. */
function targetOf(row: RequestRow): string | null {
  if (row.provider !== null && row.model !== null) return `${row.provider}:${row.model}`;
  const [first] = row.attempts;
  return first ? `${first.provider}:${first.model}` : null;
}

function requestOf(row: RequestRow, usual: Tokens): Asked {
  const text = promptOf(Number(row.input_tokens ?? usual.input));
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } };
  const tool = { type: 'function', function: { name: 'f', parameters: { type: 'object' } } };
  return {
    user: row.user_id,
    tags: row.tags ?? {},
    patience: 600_000,
    request: {
      model: DIRECT.has(row.mode) ? (targetOf(row) ?? row.mode) : row.mode,
      stream: row.stream,
      max_completion_tokens: Math.max(1, Number(row.output_tokens ?? usual.output)),
      messages: [{ role: 'user', content: row.images ? [{ type: 'text', text }, image] : text }],
      ...(row.tools && { tools: [tool] }),
    },
  };
}
