import type { Explanation } from '@inferbridge/plugins';
import type { Generated } from 'kysely';

/** Tables as Kysely sees them. Times are microseconds since 1970 (UTC), money is nano-dollars: integers both. */
export interface AccountsSchema {
  users: UserRow;
  api_keys: ApiKeyRow;
  provider_keys: ProviderKeyRow;
  signup_tokens: SignupTokenRow;
  operator_keys: OperatorKeyRow;
  purges: PurgeRow;
}

export interface SignupTokenRow {
  id: string;
  hash: string;
  note: string | null;
  created_at: number;
  expires_at: number;
  used_at: number | null;
}

export interface OperatorKeyRow {
  id: string;
  hash: string;
  prefix: string;
  last_four: string;
  created_at: number;
  revoked_at: number | null;
}

/** A user that is gone, and whose rows in other stores may be left. */
export interface PurgeRow {
  user_id: string;
  created_at: number;
}

export interface UserRow {
  id: string;
  email: string;
  created_at: number;
  /** The user's own limits, `null` for those of all; money is nano-dollars. */
  rpm: number | null;
  tpm: number | null;
  usd_per_day: number | null;
  usd_per_month: number | null;
}

export interface ApiKeyRow {
  id: string;
  user_id: string;
  hash: string;
  prefix: string;
  last_four: string;
  created_at: number;
  last_used_at: number | null;
  revoked_at: number | null;
}

export interface ProviderKeyRow {
  id: string;
  user_id: string;
  provider: string;
  /** Fernet token; see `createVault`. */
  secret: string;
  label: string | null;
  base_url: string | null;
  declared_region: string | null;
  residency: string;
  created_at: number;
  /** When its secret was replaced the last time. */
  changed_at: number | null;
}

export interface LogsSchema {
  calls: CallRow;
  words: WordRow;
  ways: WayRow;
  routes: RouteRow;
  hours: HourRow;
  reliability: ReliabilityRow;
}

/** One model call, narrow: what repeats from row to row is a number in `words` or `routes`. */
export interface CallRow {
  /** When it came in, made unique: rows sort by it, and their ids are made of it. */
  seq: number;
  user: number;
  /** The request id, cut down to a number, where it does not tell its time: those are found by that. */
  request: number | null;
  request_id: string;
  way: number;
  model: number | null;
  input_tokens: number | null;
  output_tokens: number | null;
  latency_ms: number;
  cost: number | null;
  attempts_cost: number | null;
  /** Bits: see `row-codec.ts`. */
  flags: number;
  error: string | null;
  residency_requested: number | null;
  strategy: number | null;
  arm: number | null;
  /** JSON. */
  tags: string | null;
  /** JSON: lists of values, see `row-codec.ts`. */
  attempts: string;
  route: number | null;
  /** What the route was expected to cost. */
  expected: number | null;
}

export interface WordRow {
  id: Generated<number>;
  word: string;
  /** The last day on which it was used, days since 1970. */
  day: number;
}

/** Which way calls went: numbers of words, 0 for none. What pages are filtered by and sums are told apart by. */
export interface WayRow {
  id: Generated<number>;
  mode: number;
  provider: number;
  residency: number;
  status: number;
}

/** Decision records, each kept once: most requests of a tier go the same way. */
export interface RouteRow {
  id: Generated<number>;
  hash: string;
  text: string;
  /** The last day on which it was used, days since 1970. */
  day: number;
}

/** Sums of a user's calls in one hour. */
export interface HourRow {
  user: number;
  /** Hours since 1970. */
  hour: number;
  way: number;
  requests: number;
  priced: number;
  cost: number;
  attempts_cost: number;
  input_tokens: number;
  output_tokens: number;
  cache_hits: number;
  /** Over what was not served from the cache. */
  latency_ms: number;
}

/** What became of one user's attempts at one model in one minute or hour, as one process saw them. */
export interface ReliabilityRow {
  /** Milliseconds. */
  resolution: number;
  /** Milliseconds since 1970. */
  start: number;
  user_id: string;
  provider: string;
  model: string;
  writer: string;
  requests: number;
  succeeded: number;
  told: number;
  /** JSON, as the two below: counts by class, and histograms. */
  errors: string;
  first: string;
  total: string;
}

/** One attempt of a call, or a candidate that was left out, as the log shows it. */
export interface LoggedAttempt {
  readonly provider: string;
  readonly model: string;
  readonly outcome: string;
  readonly status: number | null;
  readonly waited_ms?: number;
  readonly first_content_ms?: number | null;
  readonly latency_ms?: number | null;
  readonly why: string | null;
  readonly until?: string | null;
  readonly cost_usd?: string | null;
  readonly cost_estimated?: boolean;
  readonly blameless?: boolean;
  readonly fault?: string;
}

/** A model call as everybody but the store sees it. */
export interface RequestRow {
  /** Begins with the time at which the call came in, so that ids sort as the rows do; absent until it is stored. */
  readonly id?: string;
  readonly user_id: string;
  readonly request_id: string;
  readonly mode: string;
  readonly provider: string | null;
  readonly model: string | null;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly latency_ms: number;
  readonly cost_nano_usd: number | null;
  readonly cache_hit: boolean;
  readonly status: string;
  readonly error: string | null;
  readonly residency_requested: string | null;
  readonly residency_actual: string | null;
  readonly created_at: number;
  readonly strategy: string | null;
  readonly stream: boolean;
  readonly tools: boolean;
  readonly images: boolean;
  readonly attempts_cost_nano_usd: number | null;
  readonly attempts: readonly LoggedAttempt[];
  readonly arm: string | null;
  /** What strategies could tell the request apart by. */
  readonly tags: Readonly<Record<string, string>> | null;
  /** The decision record, as `/v1/route/explain` has it. */
  readonly route: Explanation | null;
}
