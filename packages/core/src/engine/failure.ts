import { type ErrorClass, GatewayError } from '../errors.ts';
import type { Blocked, Candidate } from '../target.ts';

/** What became of one candidate: it was called and failed, or it could not be called. */
export interface Failure {
  readonly candidate: Candidate;
  readonly error: GatewayError | null;
  readonly blocked: Blocked | null;
  /** On `Clock.now()`. */
  readonly at: number;
}

/**
 * What all failures together come to:
 * `rate_limited` all were limited or cool down · `timeout` all took too long · `upstream` server errors, connection
 * errors, or those with timeouts · `mixed` a limit among others · `bad_credential` all keys refused ·
 * `quota_exhausted` all out of money · `model_not_found` nobody has the model · `unsupported` none can honour the
 * request · `context_length` it fits into none.
 */
export type Verdict =
  | 'rate_limited'
  | 'timeout'
  | 'upstream'
  | 'mixed'
  | 'bad_credential'
  | 'quota_exhausted'
  | 'model_not_found'
  | 'unsupported'
  | 'context_length'
  | 'content_policy';

/** Every candidate failed. Carries them all; the edge turns the verdict into a status. */
export class ExhaustedError extends GatewayError {
  readonly verdict: Verdict;
  readonly failures: readonly Failure[];

  constructor(failures: readonly Failure[], now: number, wall: number) {
    const verdict = verdictOf(failures);
    const retryAfterMs = verdict === 'rate_limited' ? soonest(failures, now) : null;
    super(
      CLASS[verdict],
      `every candidate failed: ${failures.map((f) => describe(f, now, wall)).join('; ')}`,
      {
        ...(retryAfterMs !== null && { retryAfterMs }),
        ...codeOf(failures),
        ...paramOf(failures),
        cause: failures.find((failure) => failure.error)?.error ?? undefined,
      },
    );
    this.verdict = verdict;
    this.failures = failures;
  }
}

const CLASS: Record<Verdict, ErrorClass> = {
  rate_limited: 'rate_limited',
  timeout: 'timeout',
  upstream: 'server_error',
  mixed: 'overloaded',
  bad_credential: 'bad_credential',
  quota_exhausted: 'quota_exhausted',
  model_not_found: 'model_not_found',
  unsupported: 'unsupported',
  context_length: 'context_length',
  content_policy: 'content_policy',
};

const BLOCKED_AS: Record<Blocked['blocked'], ErrorClass> = {
  cooling: 'rate_limited',
  open: 'server_error',
  probing: 'server_error',
  full: 'overloaded',
  unhealthy: 'unreachable',
  bad_credential: 'bad_credential',
  quota_exhausted: 'quota_exhausted',
};

/** The class under which a candidate counts, called or not. */
export function classOf(failure: Failure): ErrorClass {
  if (failure.error) return failure.error.class;
  return failure.blocked ? BLOCKED_AS[failure.blocked.blocked] : 'server_error';
}

/** Failures that are facts about the request or the account rather than about the moment; they decide only alone. */
const STANDING = [
  'content_policy',
  'context_length',
  'unsupported',
  'model_not_found',
  'quota_exhausted',
  'bad_credential',
] as const satisfies readonly (ErrorClass & Verdict)[];

export function verdictOf(failures: readonly Failure[]): Verdict {
  const classes = failures.map(classOf);
  const standing = STANDING.filter((name) => classes.includes(name));
  const passing = classes.filter((name) => !standing.some((other) => other === name));
  if (passing.length === 0) {
    const telling = standing.length > 1 ? standing.filter((name) => name !== 'model_not_found') : standing;
    return telling[0] ?? 'upstream';
  }
  if (failures.every(({ blocked }) => blocked?.blocked === 'full')) return 'mixed';
  const limited = passing.filter((name) => name === 'rate_limited').length;
  if (limited === passing.length) return 'rate_limited';
  if (limited > 0) return 'mixed';
  const late = passing.every((name) => name === 'timeout' || name === 'deadline');
  return late ? 'timeout' : 'upstream';
}

function soonest(failures: readonly Failure[], now: number): number | null {
  const waits = failures.flatMap((failure) => {
    if (classOf(failure) !== 'rate_limited') return [];
    const wait = failure.blocked ? failure.blocked.forMs : failure.error?.details.retryAfterMs;
    return wait === undefined || wait === null ? [] : [Math.max(0, wait - (now - failure.at))];
  });
  return waits.length > 0 ? Math.min(...waits) : null;
}

/** The finer name where all failures share one. */
function codeOf(failures: readonly Failure[]): { code?: string } {
  const codes = new Set(failures.map(({ error }) => error?.details.code));
  const [code] = codes;
  return codes.size === 1 && code !== undefined ? { code } : {};
}

function paramOf(failures: readonly Failure[]): { param?: string; code?: string } {
  const blamed = failures.find((failure) => failure.error?.details.param !== undefined)?.error?.details;
  if (!blamed?.param) return {};
  return { param: blamed.param, ...(blamed.code && { code: blamed.code }) };
}

/** `groq:openai/gpt-oss-20b rate limited (429) until 12:00:05Z` */
function describe(failure: Failure, now: number, wall: number): string {
  const { candidate, error, blocked } = failure;
  const wait = blocked ? blocked.forMs : (error?.details.retryAfterMs ?? null);
  const until =
    wait === null ? '' : ` until ${new Date(wall + wait - (now - failure.at)).toISOString().slice(0, 19)}Z`;
  if (blocked) return `${candidate.target.id} not called, ${blocked.why}${until}`;
  const status = error?.details.status === undefined ? '' : ` (${error.details.status})`;
  // what it cannot honour is known here, not at the provider
  const what = error?.class === 'unsupported' && !error.details.upstream ? `: ${error.message}` : '';
  return `${candidate.target.id} ${WORDS[error?.class ?? 'internal'] ?? error?.class}${status}${until}${what}`;
}

const WORDS: Partial<Record<ErrorClass, string>> = {
  rate_limited: 'rate limited',
  quota_exhausted: 'out of quota',
  bad_credential: 'refused the key',
  overloaded: 'overloaded',
  server_error: 'failed',
  unreachable: 'could not be reached',
  timeout: 'took too long',
  malformed: 'answered with something unreadable',
  model_not_found: 'does not have the model',
  unsupported: 'cannot honour the request',
  context_length: 'cannot take a prompt this long',
  content_policy: 'refused the content',
  deadline: 'was not done in time',
};
