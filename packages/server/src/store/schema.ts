/** Tables as Kysely sees them. Times are microseconds since 1970 (UTC), money is nano-dollars: integers both. */
export interface AccountsSchema {
  users: UserRow;
  api_keys: ApiKeyRow;
  provider_keys: ProviderKeyRow;
}

export interface UserRow {
  id: string;
  email: string;
  created_at: number;
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
}

export interface LogsSchema {
  requests: RequestRow;
  reliability: ReliabilityRow;
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

export interface RequestRow {
  /** Begins with the time at which the call came in, so that ids sort as the rows do. */
  id: string;
  user_id: string;
  request_id: string;
  mode: string;
  provider: string | null;
  model: string | null;
  input_tokens: number | null;
  output_tokens: number | null;
  latency_ms: number;
  cost_nano_usd: number | null;
  cache_hit: number;
  status: string;
  error: string | null;
  residency_requested: string | null;
  residency_actual: string | null;
  created_at: number;
  strategy: string | null;
  stream: number;
  tools: number;
  images: number;
  attempts_cost_nano_usd: number | null;
  /** JSON. */
  attempts: string;
  arm: string | null;
  /** JSON: what strategies could tell the request apart by. */
  tags: string | null;
  /** JSON: the decision record, as `/v1/route/explain` has it. */
  route: string | null;
}
