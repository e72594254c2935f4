import {
  branches,
  type Call,
  type Clock,
  choicesOf,
  expectedUsage,
  GatewayError,
  type Handler,
  type Middleware,
  onFinish,
  type Plan,
  type Reply,
  systemClock,
} from '@inferbridge/core';
import type { User } from '../auth.ts';
import type { Planned } from '../router.ts';
import {
  type Answer,
  type Asking,
  type Budget,
  createLedger,
  isOver,
  type Ledger,
  type Over,
  type Reservation,
} from './ledger.ts';

export {
  type Answer,
  type Asking,
  type Budget as MoneyBudget,
  createLedger,
  isOver,
  type Ledger,
  type LedgerOptions,
  type Over,
  type Reservation,
} from './ledger.ts';
export { createWindow } from './window.ts';

/** What one user may use; absent is unlimited. Periods are days and months in UTC. */
export interface Limits {
  /** Requests in any sixty seconds. */
  readonly rpm?: number;
  /** Estimated tokens of prompts (characters / 4) in any sixty seconds. */
  readonly tpm?: number;
  readonly usdPerDay?: number;
  readonly usdPerMonth?: number;
}

export interface LimitsOptions extends Limits {
  /** Where it is kept; default in this process. */
  readonly ledger?: Ledger;
  readonly clock?: Clock;
}

/**
 * Bounds each user's requests, tokens and money; what is over is refused before anybody is called. Requests are counted as
 * they come; tokens and money by a router of this package when it calls somebody, so that cached answers are free.
 */
export function limits(options: LimitsOptions): Middleware {
  const { clock = systemClock } = options;
  const ledger = options.ledger ?? createLedger({ clock });
  const take = async (asking: Asking, own: Limits): Promise<Reservation> => {
    const taken: Answer | Promise<Answer> = ledger.take(asking);
    const answer = taken instanceof Promise ? await taken : taken;
    if (isOver(answer)) throw refusal(answer, own, asking.tokens);
    return answer;
  };

  const limited = async (call: Call, next: Handler, user: User, own: Limits): Promise<Reply> => {
    const { rpm, tpm } = own;
    const budgeted = isBudgeted(own);
    const counted =
      rpm === undefined ? null : await take({ user: user.id, rpm, tokens: 0, budgets: [] }, own);
    if (tpm !== undefined || budgeted)
      call.state.spending = async (planned, running, run) => {
        const beside = toolTokens(running);
        const tokens = tpm === undefined ? 0 : planned.request.inputTokens + beside;
        const cost = budgeted ? mostCost(planned, beside, choicesOf(running), clock.wall()) : 0;
        const budgets = budgeted ? budgetsOf(own, Math.ceil(cost * NANO), clock.wall()) : [];
        const asking = { user: user.id, tokens, budgets, ...(tpm !== undefined && { tpm }) };
        const reserved = await take(asking, own).catch((error: unknown) => {
          counted?.settle(0, 0, 1); // what is refused is no request
          throw error;
        });
        return settled(running, reserved, run);
      };
    return await next(call);
  };
  return (call, next) => {
    const { user } = call.state;
    const own = user?.limits ? { ...options, ...user.limits } : options;
    const any = own.rpm !== undefined || own.tpm !== undefined || isBudgeted(own);
    return user && any ? limited(call, next, user, own) : next(call);
  };
}

const isBudgeted = ({ usdPerDay, usdPerMonth }: Limits): boolean =>
  usdPerDay !== undefined || usdPerMonth !== undefined;

const NANO = 1e9;

/** Settles once, when all that the call has cost is known. */
async function settled(call: Call, { settle }: Reservation, run: Handler): Promise<Reply> {
  const now = () => settle(0, spentBy(call) * NANO);
  const settleIt = () => {
    if (call.state.losers) void call.state.losers.then(now, now);
    else now();
  };
  try {
    const reply = await run(call);
    onFinish(reply, settleIt);
    return reply;
  } catch (error) {
    settleIt();
    throw error;
  }
}

const spentBy = ({ trail }: Call): number => trail.reduce((sum, { cost }) => sum + (cost ?? 0), 0);

/**
 * US dollars that a call may come to: everybody who is called at once, the dearest of those who follow one another.
 * `beside`: tokens of its prompt that stand outside of its messages' texts.
 */
function mostCost({ plan, request }: Planned, beside: number, choices: number, wall: number): number {
  const expected = expectedUsage(request);
  const usage = {
    ...expected,
    inputTokens: expected.inputTokens + beside,
    outputTokens: (request.maxOutputTokens ?? expected.outputTokens) * choices,
  };
  const of = (part: Plan): number => {
    if ('attempt' in part) return part.attempt.facts.price?.(usage, wall) ?? 0;
    const costs = branches(part).map(of);
    return 'inOrder' in part ? Math.max(0, ...costs) : costs.reduce((sum, cost) => sum + cost, 0);
  };
  return of(plan);
}

/** Of what is asked beside the messages' texts: tools, their calls, the schema of the answer. Characters / 4 as well. */
function toolTokens({ request }: Call): number {
  if (request.operation !== 'chat') return 0;
  const { tools, response_format: format, messages } = request.value;
  let characters = 0;
  for (const part of [tools, format]) if (part) characters += JSON.stringify(part).length;
  for (const { tool_calls: calls } of messages)
    for (const call of calls ?? [])
      characters += (call.function?.name?.length ?? 0) + (call.function?.arguments?.length ?? 0);
  return Math.ceil(characters / 4);
}

function budgetsOf({ usdPerDay, usdPerMonth }: Limits, amount: number, wall: number): Budget[] {
  const now = new Date(wall);
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  const iso = now.toISOString();
  const budgets: Budget[] = [];
  if (usdPerDay !== undefined)
    budgets.push({
      period: iso.slice(0, 10),
      limit: Math.round(usdPerDay * NANO),
      amount,
      startsAt: Date.UTC(year, month, day),
      endsAt: Date.UTC(year, month, day + 1),
    });
  if (usdPerMonth !== undefined)
    budgets.push({
      period: iso.slice(0, 7),
      limit: Math.round(usdPerMonth * NANO),
      amount,
      startsAt: Date.UTC(year, month),
      endsAt: Date.UTC(year, month + 1),
    });
  return budgets;
}

const ALONE_TOO_MUCH_MS = 60_000;

function refusal({ over, waitMs, budget }: Over, { rpm, tpm }: Limits, tokens: number): GatewayError {
  const wait = Number.isFinite(waitMs) ? waitMs : ALONE_TOO_MUCH_MS;
  const seconds = Math.max(1, Math.ceil(wait / 1_000));
  const usd = (nano: number) => `$${(nano / NANO).toFixed(2)}`;
  const why = budget
    ? `budget exceeded: ${usd(budget.limit)} for ${budget.period}, and this request may cost up to ${usd(budget.amount)}`
    : Number.isFinite(waitMs)
      ? 'rate limit exceeded'
      : `rate limit exceeded: this request alone has about ${tokens} tokens`;
  return new GatewayError('rate_limited', `${why} — try again in ${seconds} seconds`, {
    retryAfterMs: wait,
    code: budget ? 'budget_exceeded' : 'rate_limit_exceeded',
    limit: { type: over, ...(rpm !== undefined && { rpm }), ...(tpm !== undefined && { tpm }) },
  });
}
