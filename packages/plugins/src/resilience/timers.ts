import {
  type Call,
  type Clock,
  fork,
  GatewayError,
  type Layer,
  LEAST_TELLING_MS,
  linked,
  onFinish,
  type Phase,
  type Timeouts,
} from '@inferbridge/core';

export interface TimersOptions extends Partial<Timeouts> {
  readonly clock: Clock;
}

/** What an attempt may take where nobody says otherwise, in milliseconds. */
export const DEFAULT_TIMEOUTS: Timeouts = {
  connectMs: 3_000,
  headersMs: 30_000,
  firstContentMs: 30_000,
  idleMs: 60_000,
  totalMs: 600_000,
};

/**
 * The five timers of an attempt: connecting, response headers, first content, silence between bytes, and the whole.
 * Without streaming, headers and first content come only when the model has finished, so there those two bound
 * nothing unless the call's own `state.timeouts` set them; then they bound the wait for the whole reply.
 * A timer that ends before the commit is a `timeout` (the next candidate gets its chance), after it the stream fails.
 */
export function timers({ clock, ...given }: TimersOptions): Layer {
  const defaults = { ...DEFAULT_TIMEOUTS, ...given };
  return (target) => ({
    ...target,
    async handle(call, permit) {
      const { signal, abort } = call.abort ? { signal: call.signal, abort: call.abort } : own(call.signal);
      const watch = watchdog(clock, timeoutsOf(call, defaults), (name, ms) =>
        abort(
          new GatewayError('timeout', `${PLACE[name]} within ${ms} ms`, {
            code: `${name}_timeout`,
            blameless: call.state.timeoutsOfCaller === true && ms < LEAST_TELLING_MS,
          }),
        ),
      );
      try {
        const reply = await target.handle(fork(call, { signal, progress: watch.progress }), permit);
        onFinish(reply, watch.stop);
        return reply;
      } catch (error) {
        watch.stop();
        throw error;
      }
    },
  });
}

/** For targets that are called without the engine around them. */
function own(parent: AbortSignal) {
  const controller = linked(parent);
  return { signal: controller.signal, abort: (reason: unknown) => controller.abort(reason) };
}

type Name = 'connect' | 'headers' | 'first_content' | 'idle' | 'total';

const PLACE: Record<Name, string> = {
  connect: 'no connection',
  headers: 'no response headers',
  first_content: 'no content',
  idle: 'nothing more came',
  total: 'not done',
};

function timeoutsOf(call: Call, defaults: Timeouts): Timeouts {
  const own = call.state.timeouts ?? {};
  if (call.request.value.stream === true) return { ...defaults, ...own };
  const unbounded = { headersMs: Number.POSITIVE_INFINITY, firstContentMs: Number.POSITIVE_INFINITY };
  return { ...defaults, ...unbounded, ...own };
}

const NAMES = ['connect', 'headers', 'first_content', 'idle', 'total'] as const satisfies readonly Name[];
const NEVER = Number.POSITIVE_INFINITY;

/** Keeps the moments at which something is too late; one timer, set again only where the next moment comes sooner. */
function watchdog(clock: Clock, timeouts: Timeouts, expire: (name: Name, ms: number) => void) {
  const { connectMs, headersMs, firstContentMs, idleMs, totalMs } = timeouts;
  const ms = {
    connect: connectMs,
    headers: headersMs,
    first_content: firstContentMs,
    idle: idleMs,
    total: totalMs,
  };
  const start = clock.now();
  const due = {
    connect: NEVER,
    headers: NEVER,
    first_content: start + firstContentMs,
    idle: NEVER,
    total: start + totalMs,
  };
  let timer: unknown = null;
  let armedFor = NEVER;
  let stopped = false;

  const soonest = (): Name => NAMES.reduce((first, name) => (due[name] < due[first] ? name : first), 'total');
  const armFor = (at: number) => {
    if (stopped || at >= armedFor) return;
    if (timer !== null) clock.clearTimeout(timer);
    armedFor = at;
    timer = clock.setTimeout(ring, Math.max(0, at - clock.now()));
  };
  const arm = () => armFor(due[soonest()]);
  const ring = () => {
    armedFor = NEVER;
    timer = null;
    const next = soonest();
    if (stopped) return;
    if (due[next] > clock.now()) return arm();
    stop();
    expire(next, ms[next]);
  };
  const stop = () => {
    stopped = true;
    if (timer !== null) clock.clearTimeout(timer);
    timer = null;
  };
  /** From now on; the timer is set anew only where this is sooner than what it waits for. */
  const set = (name: Name) => {
    due[name] = clock.now() + ms[name];
    armFor(due[name]);
  };
  const progress = (phase: Phase) => {
    if (stopped) return;
    if (phase === 'connecting') set('connect');
    else if (phase === 'connected') {
      due.connect = NEVER;
      set('headers');
    } else if (phase === 'headers') {
      due.headers = NEVER;
      set('idle');
    } else if (phase === 'content') {
      due.first_content = NEVER;
      set('idle');
    } else if (phase === 'paused') due.idle = NEVER;
    else set('idle');
  };
  // the first moment is most often that of connecting, which begins at once: one timer then serves both
  armFor(Math.min(due[soonest()], start + connectMs));
  return { progress, stop };
}
