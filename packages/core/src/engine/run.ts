import type { Call } from '../call.ts';
import { linked, sleep } from '../clock.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import type { Host } from '../host.ts';
import { branches, leaves, type Plan } from '../plan.ts';
import { abandon, type Reply } from '../reply.ts';
import { nextTry } from './again.ts';
import { attempt, type Way } from './attempt.ts';
import { ExhaustedError } from './failure.ts';
import type { Run, RunOptions } from './state.ts';

/**
 * Runs a plan until one candidate has committed: resolves with its reply, rejects with the terminal failure of a
 * candidate (the caller's own mistake, refused content), with `client_closed` or `deadline`, or with an
 * `ExhaustedError` that lists every candidate.
 */
export async function run(
  plan: Plan,
  call: Call,
  host: Pick<Host, 'clock' | 'random'>,
  options: RunOptions = {},
): Promise<Reply> {
  const state: Run = {
    call,
    host,
    options,
    failures: new Map(),
    calls: new Map(),
    retried: 0,
    panicked: false,
    terminal: null,
  };
  try {
    return await walk(plan, state, { signal: call.signal, last: true });
  } catch (error) {
    stopIfOver(state);
    if (state.failures.size === 0) throw asGatewayError(error);
  }
  const candidates = leaves(plan);
  for (;;) {
    const next = nextTry(candidates, state);
    if (!next) break;
    if (next.waitMs > 0) await sleep(host.clock, next.waitMs, call.signal).catch(() => stopIfOver(state));
    try {
      return await attempt(next.candidate, state, {
        signal: call.signal,
        last: true,
        waitedMs: next.waitMs,
        insist: next.insist,
      });
    } catch {
      stopIfOver(state);
    }
  }
  throw new ExhaustedError([...state.failures.values()], host.clock.now(), host.clock.wall());
}

/** Rethrows what nothing can follow: the client has gone, or a candidate failed for good. */
function stopIfOver({ call, terminal }: Run): void {
  if (call.signal.aborted) throw asGatewayError(call.signal.reason);
  if (terminal) throw terminal;
}

function walk(plan: Plan, state: Run, way: Way): Promise<Reply> {
  if ('attempt' in plan) return attempt(plan.attempt, state, way);
  const plans = branches(plan);
  if (plans.length === 0)
    return Promise.reject(new GatewayError('internal', 'a plan has a node without branches'));
  if ('inOrder' in plan) return inOrder(plans, state, way);
  if ('together' in plan) return concurrent(plans, state, way);
  const { cap } = plan;
  const { clock } = state.host;
  const afterMs = Math.max(0, plan.afterMs);
  cap?.note(clock.now());
  return concurrent(plans, state, way, {
    afterMs,
    may: (next) => (cap?.take(next, clock.now()) ?? true) && mayHedge(next, state),
  });
}

function inOrder(plans: readonly Plan[], state: Run, way: Way): Promise<Reply> {
  const [only] = plans;
  return only && plans.length === 1 ? walk(only, state, way) : oneByOne(plans, state, way);
}

async function oneByOne(plans: readonly Plan[], state: Run, way: Way): Promise<Reply> {
  let left = plans.length;
  for (const plan of plans) {
    left -= 1;
    const last = left === 0;
    try {
      return await walk(plan, state, last ? way : { ...way, last });
    } catch (error) {
      if (last || over(state, way)) throw error;
    }
  }
  throw new GatewayError('internal', 'a plan has a node without branches');
}

/** True once nothing new may begin on this way. */
function over({ terminal, call }: Run, way: Way): boolean {
  if (terminal !== null || way.signal.aborted) return true;
  return call.budget.timeLeft() <= 0 || (call.budget.usdLeft() ?? 1) <= 0;
}

/** A hedge costs the provider a request it would not have had; it spends from the provider's retry budget. */
function mayHedge(plan: Plan, { options }: Run): boolean {
  const first = leaves(plan)[0];
  return first !== undefined && (options.retryBudget?.take(first.target.provider) ?? true);
}

interface Stagger {
  readonly afterMs: number;
  /** May this one begin although nobody has failed yet? */
  may(plan: Plan): boolean;
}

/** All at once, or each a while after the one before; the first to commit wins and the others are aborted. */
function concurrent(plans: readonly Plan[], state: Run, way: Way, stagger?: Stagger): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { clock } = state.host;
    const ways: AbortController[] = [];
    const walks: Promise<unknown>[] = [];
    let begun = 0;
    let running = 0;
    let won = false;
    let timer: unknown = null;

    const begin = () => {
      const plan = plans[begun];
      if (won || plan === undefined) return;
      const mine = linked(way.signal);
      begun += 1;
      running += 1;
      ways.push(mine);
      walks.push(
        walk(plan, state, { ...way, signal: mine.signal }).then(
          (reply) => win(reply, mine),
          (error) => lose(error),
        ),
      );
      if (stagger) arm(stagger);
      else begin();
    };
    const arm = ({ afterMs, may }: Stagger) => {
      clock.clearTimeout(timer);
      const next = plans[begun];
      if (next === undefined) return;
      timer = clock.setTimeout(() => {
        if (!won && !over(state, way) && may(next)) begin();
      }, afterMs);
    };
    const win = (reply: Reply, mine: AbortController) => {
      running -= 1;
      if (won) return void abandon(reply);
      won = true;
      clock.clearTimeout(timer);
      for (const other of ways)
        if (other !== mine) other.abort(new GatewayError('lost', 'another candidate was faster'));
      if (running > 0) {
        const { state: facts } = state.call;
        facts.losers = Promise.allSettled([facts.losers, ...walks]);
      }
      resolve(reply);
    };
    const lose = (error: unknown) => {
      running -= 1;
      if (won) return;
      if (begun < plans.length && !over(state, way)) return begin();
      if (running > 0) return;
      clock.clearTimeout(timer);
      reject(error);
    };
    begin();
  });
}
