import { hash } from 'node:crypto';
import type { CallRow, LoggedAttempt, RequestRow } from './schema.ts';
import { firstIdAt } from './time.ts';
import type { Way } from './words.ts';

/** Bits of `flags`. */
const CACHE_HIT = 1;
const STREAM = 2;
const TOOLS = 4;
const IMAGES = 8;

/** The words that a row is made of. */
export const wordsIn = (row: RequestRow): readonly (string | null)[] => [
  row.user_id,
  row.mode,
  row.provider,
  row.model,
  row.status,
  row.residency_requested,
  row.residency_actual,
  row.strategy,
  row.arm,
];

/** A decision record without what differs from request to request. */
export function routeText({ route }: RequestRow): string | null {
  if (!route) return null;
  const known = written.get(route.steps);
  if (known?.tier === route.tier && known.strategy === route.strategy) return known.text;
  const { expected_cost_usd: _, ...rest } = route;
  const text = JSON.stringify(rest);
  written.set(route.steps, { tier: route.tier, strategy: route.strategy, text });
  return text;
}

/** By their steps: a record of the same way is made of the same parts. */
const written = new WeakMap<object, { tier: string; strategy: string; text: string }>();

/** How far a request id's own time may lie before its row's: the body comes between them. */
export const LONGEST_UPLOAD_MICROS = 900_000_000;

/** A number for ids that do not tell their time. Two that share it are told apart by the id itself. */
export function requestNumber(id: string, at: number): number | null {
  const own = microsOf(id);
  if (own !== null && at >= own && at - own < LONGEST_UPLOAD_MICROS) return null;
  return hashedId(id);
}

export const hashedId = (id: string): number => Number.parseInt(hash('sha256', id, 'hex').slice(0, 12), 16);

/** The way of a row, as numbers of words. */
export function wayOf(row: RequestRow, words: ReadonlyMap<string, number>): Way {
  const number = (word: string | null) => (word === null ? 0 : (words.get(word) ?? 0));
  return {
    mode: number(row.mode),
    provider: number(row.provider),
    residency: number(row.residency_actual),
    status: number(row.status),
  };
}

export function encodeRow(
  row: RequestRow,
  seq: number,
  words: ReadonlyMap<string, number>,
  way: number,
  route: number | null,
): CallRow {
  const number = (word: string | null) => (word === null ? null : (words.get(word) ?? 0));
  const expected = row.route?.expected_cost_usd ?? null;
  return {
    seq,
    user: words.get(row.user_id) ?? 0,
    request: requestNumber(row.request_id, row.created_at),
    request_id: row.request_id,
    way,
    model: number(row.model),
    input_tokens: row.input_tokens,
    output_tokens: row.output_tokens,
    latency_ms: row.latency_ms,
    cost: row.cost_nano_usd,
    attempts_cost: row.attempts_cost_nano_usd,
    flags:
      (row.cache_hit ? CACHE_HIT : 0) |
      (row.stream ? STREAM : 0) |
      (row.tools ? TOOLS : 0) |
      (row.images ? IMAGES : 0),
    error: row.error,
    residency_requested: number(row.residency_requested),
    strategy: number(row.strategy),
    arm: number(row.arm),
    tags: row.tags && JSON.stringify(row.tags),
    attempts: JSON.stringify(row.attempts.map(encodeAttempt)),
    route,
    expected: expected === null ? null : Math.round(Number(expected) * 1e9),
  };
}

/** Every number of a word in a row and its way. */
export const wordNumbersIn = (row: CallRow, way: Way | undefined): readonly (number | null)[] => [
  row.user,
  row.model,
  row.residency_requested,
  row.strategy,
  row.arm,
  ...Object.values(way ?? {}),
];

export function decodeRow(
  row: CallRow,
  way: Way | undefined,
  words: ReadonlyMap<number, string>,
  routes: ReadonlyMap<number, string>,
): RequestRow {
  const word = (number: number | null | undefined) => (number ? (words.get(number) ?? null) : null);
  const whole = (value: number | string | null) => (value === null ? null : Number(value));
  const route = row.route === null ? undefined : routes.get(row.route);
  const flags = Number(row.flags);
  return {
    id: idAt(Number(row.seq)),
    user_id: word(row.user) ?? '',
    request_id: row.request_id,
    mode: word(way?.mode) ?? '',
    provider: word(way?.provider),
    model: word(row.model),
    input_tokens: whole(row.input_tokens),
    output_tokens: whole(row.output_tokens),
    latency_ms: row.latency_ms,
    cost_nano_usd: whole(row.cost),
    cache_hit: (flags & CACHE_HIT) !== 0,
    status: word(way?.status) ?? '',
    error: row.error,
    residency_requested: word(row.residency_requested),
    residency_actual: word(way?.residency),
    created_at: Number(row.seq),
    strategy: word(row.strategy),
    stream: (flags & STREAM) !== 0,
    tools: (flags & TOOLS) !== 0,
    images: (flags & IMAGES) !== 0,
    attempts_cost_nano_usd: whole(row.attempts_cost),
    attempts: (JSON.parse(row.attempts) as unknown[]).map(decodeAttempt), // as it is written above
    arm: word(row.arm),
    tags: row.tags === null ? null : JSON.parse(row.tags),
    route:
      route === undefined
        ? null
        : {
            ...JSON.parse(route),
            expected_cost_usd: row.expected === null ? null : (Number(row.expected) / 1e9).toFixed(6),
          },
  };
}

/** The order of an attempt's values, as `encodeAttempt` writes them; what is left at the end is absent. */
const FIELDS = [
  'provider',
  'model',
  'outcome',
  'status',
  'why',
  'waited_ms',
  'first_content_ms',
  'latency_ms',
  'until',
  'cost_usd',
] as const;
const LEFT_OUT_FIELDS = 5;

function encodeAttempt(attempt: LoggedAttempt): readonly unknown[] {
  const { cost_estimated, blameless, fault } = attempt;
  const values: unknown[] = [attempt.provider, attempt.model, attempt.outcome, attempt.status, attempt.why];
  if (attempt.waited_ms !== undefined)
    values.push(
      attempt.waited_ms,
      attempt.first_content_ms ?? null,
      attempt.latency_ms ?? null,
      attempt.until ?? null,
      attempt.cost_usd ?? null,
    );
  if (cost_estimated || blameless || fault !== undefined)
    values.push({
      ...(cost_estimated && { cost_estimated }),
      ...(blameless && { blameless }),
      ...(fault !== undefined && { fault }),
    });
  return values;
}

function decodeAttempt(values: unknown): LoggedAttempt {
  if (!Array.isArray(values)) return values as LoggedAttempt; // as older versions wrote it
  const last: unknown = values.at(-1);
  const rest = typeof last === 'object' && last !== null ? last : {};
  const fields = values.length <= LEFT_OUT_FIELDS ? FIELDS.slice(0, LEFT_OUT_FIELDS) : FIELDS;
  return {
    ...Object.fromEntries(fields.map((field, place) => [field, values[place]])),
    ...rest,
  } as LoggedAttempt; // as it is written above
}

/** The id of the row that came in at this microsecond: UUID version 7, which holds all of it. */
export const idAt = (seq: number): string => `${firstIdAt(seq).slice(0, 19)}8000-000000000000`;

/** The microsecond that a UUID of version 7 tells, as ours do; `null` for any other id. */
export function microsOf(id: string): number | null {
  if (id.length !== 36 || id[14] !== '7' || !UUID.test(id)) return null;
  const ms = Number.parseInt(id.slice(0, 8), 16) * 65_536 + Number.parseInt(id.slice(9, 13), 16);
  return ms * 1_000 + Math.ceil((Number.parseInt(id.slice(15, 18), 16) * 1_000) / 4_096);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
