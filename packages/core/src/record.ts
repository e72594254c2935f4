import type { Attempt, Call } from './call.ts';
import { type GatewayError, isOurs } from './errors.ts';
import type { Host } from './host.ts';
import { expectedUsage, requestFacts } from './plan.ts';
import { REFUSAL } from './refusal.ts';
import type { End } from './reply.ts';
import type { Permit, Settlement, Target } from './target.ts';
import type { Price, Usage } from './usage.ts';

/** One attempt on the trail, and the permit under which it runs. */
export interface Record {
  /** The request is on its way to the upstream: from here on it may cost something. */
  sent(): void;
  content(): void;
  /** `usage`: where the upstream answered, and the answer is taken for a failure. */
  failed(error: GatewayError, usage?: Usage | null): GatewayError;
  /** `heard`: tokens of content that came, estimated, for an end without usage. */
  ended(end: End, usage: Usage | null, heard: number): void;
  readonly entry: Attempt;
}

/** Writes the attempt down and settles its permit, once, when it is over. */
export function begin(call: Call, target: Target, host: Host, permit: Permit, price: Price | null): Record {
  const startedAt = host.clock.now();
  const entry: Attempt = {
    provider: target.provider,
    model: target.model,
    outcome: 'running',
    status: null,
    startedAt,
    waitedMs: call.waitedMs ?? 0,
    firstContentMs: null,
    latencyMs: null,
    why: null,
    until: null,
    usage: null,
    cost: null,
  };
  call.trail.push(entry);
  let settled = false;
  let sent = false;
  const bill = (usage: Usage | null) => {
    entry.cost = usage && price ? price(usage, host.clock.wall()) : null;
    if (entry.cost !== null) call.budget.spend(entry.cost);
  };
  /** What was asked is billed although nobody waited for the answer, and so is what had come of it. */
  const estimate = (heard: number) => {
    if (!sent || !price) return;
    bill({ ...expectedUsage(requestFacts(call.request)), outputTokens: heard });
    if (entry.cost !== null) entry.estimated = true;
  };
  const settle = (outcome: Settlement['outcome'], error?: GatewayError) => {
    if (settled) return;
    settled = true;
    entry.outcome = outcome;
    entry.latencyMs = host.clock.now() - startedAt;
    entry.why = error?.message ?? entry.why;
    entry.status = error?.details.status ?? entry.status;
    const { retryAfterMs = null, blameless = false } = error?.details ?? {};
    if (blameless) entry.blameless = true;
    permit.settle({
      outcome: blameless ? 'aborted' : outcome,
      retryAfterMs,
      firstContentMs: entry.firstContentMs,
      latencyMs: entry.latencyMs,
    });
  };
  return {
    entry,
    sent() {
      sent = true;
    },
    content() {
      entry.firstContentMs = host.clock.now() - startedAt;
      entry.status = 200;
      call.progress?.('content');
    },
    failed(error, usage = null) {
      entry.usage = usage;
      if (usage) bill(usage);
      else if (isOurs(error) || error.class === 'timeout' || error.details.code === REFUSAL) estimate(0);
      settle(isOurs(error) ? 'aborted' : error.class, error);
      return error;
    },
    ended(end, usage, heard) {
      entry.usage = usage;
      if (usage || !(end.error || end.abandoned)) bill(usage);
      else estimate(heard);
      if (end.error) settle(isOurs(end.error) ? 'aborted' : end.error.class, end.error);
      else settle(end.abandoned ? 'aborted' : 'ok');
    },
  };
}
