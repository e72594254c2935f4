import {
  type Blocked,
  type Clock,
  type Layer,
  type Settlement,
  settling,
  type Target,
} from '@inferbridge/core';

export interface CooldownOptions {
  readonly clock: Clock;
  /** After a limit without a hint: this long, doubled each further time in a row up to a minute; default 1,000. */
  readonly firstMs?: number;
  /** After the account was out of money; default 300,000. */
  readonly quotaMs?: number;
  /** After a key was refused; a changed key has another credential and starts fresh. Default 600,000. */
  readonly credentialMs?: number;
}

interface Cooling {
  readonly until: number;
  readonly reason: 'cooling' | 'bad_credential' | 'quota_exhausted';
  readonly inRow: number;
}

const LONGEST_GUESS_MS = 60_000;
const MOST_KEPT = 50_000;

/**
 * Leaves a target alone for as long as its upstream asked. A limit holds for credential and model, a refused key or
 * an empty account for the whole credential; where two times meet, the later one wins.
 */
export function cooldown({
  clock,
  firstMs = 1_000,
  quotaMs = 300_000,
  credentialMs = 600_000,
}: CooldownOptions): Layer {
  const coolings = new Map<string, Cooling>();
  const cool = (key: string, reason: Cooling['reason'], forMs: number, inRow = 0) => {
    const until = Math.max(clock.now() + forMs, coolings.get(key)?.until ?? 0);
    coolings.set(key, { until, reason, inRow });
    if (coolings.size > MOST_KEPT) forget(coolings, clock.now());
  };
  return (target) => {
    const wide = `${target.provider}\n${target.credential}`;
    const narrow = `${wide}\n${target.model}`;
    const note = ({ outcome, retryAfterMs }: Settlement) => {
      const active = (coolings.get(narrow)?.until ?? 0) > clock.now();
      if (outcome === 'ok') {
        // one that began before the limit says nothing of the time after it
        if (!active) coolings.delete(narrow);
      } else if (outcome === 'bad_credential') cool(wide, 'bad_credential', credentialMs);
      else if (outcome === 'quota_exhausted') cool(wide, 'quota_exhausted', quotaMs);
      else if (outcome === 'rate_limited') {
        // a burst that meets one limit together is one limit, not many in a row
        const before = coolings.get(narrow)?.inRow ?? 0;
        const inRow = active ? Math.max(1, before) : before + 1;
        cool(
          narrow,
          'cooling',
          retryAfterMs ?? Math.min(LONGEST_GUESS_MS, firstMs * 2 ** (inRow - 1)),
          inRow,
        );
      }
    };
    const blocked = (): Blocked | null => {
      if (coolings.size === 0) return null;
      const now = clock.now();
      const active = [coolings.get(wide), coolings.get(narrow)].filter(
        (cooling) => cooling && cooling.until > now,
      );
      const longest = active.reduce((a, b) => (a && b && a.until >= b.until ? a : b), undefined);
      if (!longest) return null;
      return { blocked: longest.reason, why: WHY[longest.reason], forMs: longest.until - now };
    };
    return {
      ...target,
      facts: (call) => {
        const facts = target.facts(call);
        const mine = blocked();
        return mine ? { ...facts, blocked: mine } : facts;
      },
      acquire: (call) => blocked() ?? settling(target.acquire(call), note),
    } satisfies Target;
  };
}

const WHY: Record<Cooling['reason'], string> = {
  cooling: 'cooling down after a rate limit',
  bad_credential: 'its key was refused',
  quota_exhausted: 'its account is out of quota',
};

function forget(coolings: Map<string, Cooling>, now: number): void {
  for (const [key, { until }] of coolings) if (until <= now) coolings.delete(key);
}
