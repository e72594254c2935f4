/**
 * What can go wrong, closed: an upstream's own file classifies once, and retry, breaker, fallback, the log and the
 * edge read the class. Nobody looks at a status twice.
 */
export type ErrorClass = keyof typeof ERROR_CLASSES;

/** What a class means for the engine and the permits. */
export interface ClassRule {
  /** May the same target be tried again? `alone`: only where nobody else can be called. */
  readonly again: 'alone' | 'no';
  /** Does the next candidate get its chance? `larger`: only one with a larger context window. `tier`: if the tier says so. */
  readonly next: 'yes' | 'larger' | 'tier' | 'no';
  /** What it is held against. */
  readonly against: 'cooldown' | 'credential' | 'breaker' | 'nobody';
}

const ERROR_CLASSES = {
  rate_limited: { again: 'alone', next: 'yes', against: 'cooldown' },
  quota_exhausted: { again: 'no', next: 'yes', against: 'credential' },
  bad_credential: { again: 'no', next: 'yes', against: 'credential' },
  overloaded: { again: 'alone', next: 'yes', against: 'breaker' },
  server_error: { again: 'alone', next: 'yes', against: 'breaker' },
  unreachable: { again: 'alone', next: 'yes', against: 'breaker' },
  timeout: { again: 'no', next: 'yes', against: 'breaker' },
  malformed: { again: 'alone', next: 'yes', against: 'breaker' },
  model_not_found: { again: 'no', next: 'yes', against: 'nobody' },
  unsupported: { again: 'no', next: 'yes', against: 'nobody' },
  context_length: { again: 'no', next: 'larger', against: 'nobody' },
  content_policy: { again: 'no', next: 'tier', against: 'nobody' },
  invalid_request: { again: 'no', next: 'no', against: 'nobody' },
  deadline: { again: 'no', next: 'no', against: 'nobody' },
  shed: { again: 'no', next: 'no', against: 'nobody' },
  client_closed: { again: 'no', next: 'no', against: 'nobody' },
  lost: { again: 'no', next: 'no', against: 'nobody' },
  unauthenticated: { again: 'no', next: 'no', against: 'nobody' },
  internal: { again: 'no', next: 'yes', against: 'breaker' },
} as const satisfies Record<string, ClassRule>;

/** Is this the name of a class? */
export const isErrorClass = (name: string): name is ErrorClass => Object.hasOwn(ERROR_CLASSES, name);

/** The rule of a class. */
export const ruleOf = (errorClass: ErrorClass): ClassRule => ERROR_CLASSES[errorClass];

/** What the upstream itself said; goes to the caller alone, never into a log or a message of ours. */
export interface UpstreamError {
  readonly status: number;
  readonly message: string;
  readonly type: string | null;
  readonly param: string | null;
  readonly code: string | null;
}

export interface ErrorDetails {
  /** The upstream's HTTP status, where there was one. */
  readonly status?: number;
  readonly upstream?: UpstreamError;
  /** How long to leave the upstream alone, in milliseconds from now, where it said so. */
  readonly retryAfterMs?: number;
  /** The request's field that is to blame. */
  readonly param?: string;
  /** A finer, stable name within the class, as the wire's `code`. */
  readonly code?: string;
  /** Did it happen after content had been sent on? Then nothing may be tried any more. */
  readonly committed?: boolean;
  /** It says nothing of the upstream: the request had too little time. */
  readonly blameless?: boolean;
  /** A limit of ours that is exceeded: which one, and what they are. */
  readonly limit?: { readonly type: 'rpm' | 'tpm' | 'usd'; readonly rpm?: number; readonly tpm?: number };
  readonly cause?: unknown;
}

const MARK = Symbol.for('inferbridge.GatewayError');

/**
 * Every failure that crosses a border between packages. `message` is ours: it names the thing and the remedy and
 * holds no key, no prompt and nothing that an upstream wrote.
 */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly class: ErrorClass;
  readonly details: ErrorDetails;

  constructor(errorClass: ErrorClass, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.class = errorClass;
    this.details = details;
    Object.defineProperty(this, MARK, { value: true });
  }
}

/** Also true for an error of another copy of this package. */
export const isGatewayError = (error: unknown): error is GatewayError =>
  typeof error === 'object' && error !== null && MARK in error;

/** Ended from our side: the client left, a race was lost, the time was up. Says nothing of the upstream. */
export const isOurs = (error: GatewayError): boolean => OURS.has(error.class);

const OURS: ReadonlySet<ErrorClass> = new Set(['client_closed', 'lost', 'deadline', 'shed']);

/** Any thrown thing as a `GatewayError`; what nobody classified is `internal`. */
export function asGatewayError(error: unknown): GatewayError {
  if (isGatewayError(error)) return error;
  return new GatewayError('internal', 'an unexpected error', { cause: error });
}
