import {
  type Attempt,
  armOf,
  asGatewayError,
  type Call,
  type Clock,
  type ErrorClass,
  type GatewayError,
  type Middleware,
  type Money,
  onFinish,
  type Reply,
  systemClock,
  type Usage,
} from '@inferbridge/core';

/** What is remembered of a call. Holds no prompt, no completion, no key. */
export interface CallRecord {
  readonly id: string;
  /** Milliseconds since 1970 (UTC), microseconds as fraction: when the call came in. */
  readonly at: number;
  /** The model as the caller named it. */
  readonly asked: string;
  readonly status: 'success' | 'fallback_success' | 'cache_hit' | 'error';
  readonly error: { readonly class: ErrorClass; readonly message: string } | null;
  /** Who served it; `null` where nobody did. */
  readonly provider: string | null;
  readonly model: string | null;
  readonly residency: string | null;
  readonly stream: boolean;
  readonly usage: Usage | null;
  readonly cost: Money | null;
  /** From entry to the reply, or to the end of its stream. */
  readonly latencyMs: number;
  readonly attempts: readonly Attempt[];
  /** The side of an experiment that it was on, `null` where there was none. */
  readonly arm: string | null;
}

export interface LoggerOptions {
  /** Gets one record per call, when it is over. What it throws is swallowed: a log is never in the way. */
  readonly sink: (record: CallRecord, call: Call) => void;
  readonly clock?: Clock;
}

/** Tells the sink about each call once, when its reply has finished, failed, or been abandoned. */
export function logger({ sink, clock = systemClock }: LoggerOptions): Middleware {
  return async (call, next) => {
    const startedAt = clock.now();
    const at = clock.wall();
    const tell = (reply: Reply | null, error: GatewayError | null) => {
      const latencyMs = clock.now() - startedAt;
      const now = () => {
        try {
          sink(recordOf(call, reply, error, at, latencyMs), call);
        } catch {
          // the sink's trouble is the sink's
        }
      };
      if (call.state.losers) void atMost(clock, LOSERS_MS, call.state.losers).then(now);
      else now();
    };
    try {
      const reply = await next(call);
      onFinish(reply, ({ error, abandoned }) => tell(reply, error ?? (abandoned ? gone(call) : null)));
      return reply;
    } catch (error) {
      const failure = asGatewayError(error);
      tell(null, failure);
      throw failure;
    }
  };
}

/** Whoever lost a race ends at once; an upstream that does not listen is not waited for. */
const LOSERS_MS = 100;

function atMost(clock: Clock, ms: number, done: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimeout(resolve, ms);
    void done.then(() => {
      clock.clearTimeout(timer);
      resolve();
    });
  });
}

const gone = (call: Call): GatewayError | null =>
  call.signal.aborted ? asGatewayError(call.signal.reason) : null;

function recordOf(
  call: Call,
  reply: Reply | null,
  error: GatewayError | null,
  at: number,
  latencyMs: number,
): CallRecord {
  return {
    id: call.id,
    at,
    asked: call.request.value.model,
    status: error ? 'error' : statusOf(call, reply),
    error: error && { class: error.class, message: error.message },
    provider: reply?.by.provider ?? null,
    model: reply?.by.model ?? null,
    residency: reply?.by.residency ?? null,
    stream: call.request.value.stream === true,
    usage: reply?.usage() ?? null,
    cost: reply?.cost() ?? null,
    latencyMs,
    attempts: call.trail,
    arm: call.state.route ? armOf(call.state.route.plan) : null,
  };
}

/** A fallback is a success of one candidate after another one failed or had to be passed over. */
function statusOf(call: Call, reply: Reply | null): CallRecord['status'] {
  if (reply?.cached) return 'cache_hit';
  const passedOver = call.trail.some(
    ({ outcome, provider, model }) =>
      outcome !== 'ok' &&
      outcome !== 'aborted' &&
      outcome !== 'running' &&
      (provider !== reply?.by.provider || model !== reply?.by.model),
  );
  return passedOver ? 'fallback_success' : 'success';
}
