import { type Clock, type Log, letGo } from '@inferbridge/core';
import {
  type Asking,
  createGuard,
  type Ledger,
  type LedgerOptions,
  type MoneyBudget,
} from '@inferbridge/plugins';
import type { Redis } from './redis.ts';

/*
 * The same windows and budgets as in memory, for several processes. One script takes everything or nothing, on Redis's
 * own clock; a budget that Redis does not know is reported, filled in from what is written down, and asked for again.
 *
 * KEYS: the windows, then the budgets. ARGV: rpm or -1, tpm or -1, tokens, then limit, amount of each budget.
 */
const TAKE = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local second = tonumber(time[1])
local rpm, tpm, tokens = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local slots = redis.call('HGETALL', KEYS[1])
local sums = { r = 0, t = 0 }
local kept = { r = {}, t = {} }
for i = 1, #slots, 2 do
  local kind, at = string.sub(slots[i], 1, 1), tonumber(string.sub(slots[i], 3))
  if at < second - 60 then redis.call('HDEL', KEYS[1], slots[i])
  else
    local amount = tonumber(slots[i + 1])
    sums[kind] = sums[kind] + amount
    table.insert(kept[kind], { at, amount })
  end
end
local function wait(kind, amount, limit)
  if limit < 0 or sums[kind] + amount <= limit then return 0 end
  if amount > limit then return -1 end
  table.sort(kept[kind], function(a, b) return a[1] < b[1] end)
  local left = sums[kind]
  for _, slot in ipairs(kept[kind]) do
    left = left - slot[2]
    if left + amount <= limit then return (slot[1] + 61) * 1000 - now end
  end
  return 60000
end
local late = wait('r', 1, rpm)
if late ~= 0 then return { 'rpm', late, 0 } end
late = wait('t', tokens, tpm)
if late ~= 0 then return { 'tpm', late, 0 } end
for i = 2, #KEYS do
  local spent = redis.call('GET', KEYS[i])
  if not spent then return { 'unknown', i - 2, 0 } end
  local limit, amount = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  if tonumber(spent) + amount > limit or tonumber(spent) >= limit then return { 'usd', i - 2, 0 } end
end
if rpm >= 0 then redis.call('HINCRBY', KEYS[1], 'r:' .. second, 1) end
if tpm >= 0 then redis.call('HINCRBY', KEYS[1], 't:' .. second, tokens) end
redis.call('EXPIRE', KEYS[1], 120)
for i = 2, #KEYS do redis.call('INCRBY', KEYS[i], ARGV[2 * i + 1]) end
return { 'taken', 0, second }
`;

/** KEYS as above. ARGV: the second, tokens and requests to give back, then the change of each budget. */
const SETTLE = `
if tonumber(ARGV[2]) > 0 and redis.call('HEXISTS', KEYS[1], 't:' .. ARGV[1]) == 1 then
  redis.call('HINCRBY', KEYS[1], 't:' .. ARGV[1], -tonumber(ARGV[2]))
end
if tonumber(ARGV[3]) > 0 and redis.call('HEXISTS', KEYS[1], 'r:' .. ARGV[1]) == 1 then
  redis.call('HINCRBY', KEYS[1], 'r:' .. ARGV[1], -tonumber(ARGV[3]))
end
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then redis.call('INCRBY', KEYS[i], ARGV[i + 2]) end
end
return 0
`;

const PREFIX = 'inferbridge-limits';

export interface RedisLedgerOptions extends Pick<LedgerOptions, 'spent'> {
  readonly client: Redis;
  readonly clock: Clock;
  readonly log: Log;
}

/** What callers have used, in Redis. While that cannot be reached everybody is let through, and the log says so. */
export function redisLedger({ client, clock, log, spent }: RedisLedgerOptions): Ledger {
  const guard = createGuard({ what: 'the store of limits', clock, log, patienceMs: PATIENCE_MS });
  const run = (script: string, keys: readonly string[], values: readonly (string | number)[]) =>
    client.isReady
      ? client.sendCommand(['EVAL', script, String(keys.length), ...keys, ...values.map(String)])
      : Promise.reject(new Error('not connected'));

  const keysOf = ({ user, budgets }: Asking): string[] => [
    `${PREFIX}:{${user}}:windows`,
    ...budgets.map(({ period }) => `${PREFIX}:{${user}}:${period}`),
  ];

  /** A budget that Redis does not know begins with what is written down; whoever was first wins. */
  const beginning = new Map<string, Promise<unknown>>();
  const begin = (user: string, budget: MoneyBudget): Promise<unknown> => {
    const key = `${PREFIX}:{${user}}:${budget.period}`;
    const known = beginning.get(key);
    if (known) return known;
    const seconds = Math.max(60, Math.ceil((budget.endsAt - clock.wall()) / 1_000) + 86_400);
    const set = async () => {
      const amount = spent ? await spent(user, budget) : 0;
      return client.sendCommand(['SET', key, String(Math.round(amount)), 'EX', String(seconds), 'NX']);
    };
    const made = set().finally(() => beginning.delete(key));
    beginning.set(key, made);
    return made;
  };

  const take = async (asking: Asking, tries = 3): Promise<readonly [string, number, number]> => {
    const { rpm = -1, tpm = -1, tokens, budgets, user } = asking;
    const values = [rpm, tpm, tokens, ...budgets.flatMap(({ limit, amount }) => [limit, amount])];
    const answer = (await run(TAKE, keysOf(asking), values)) as [string, number, number]; // as the script returns it
    const unknown = answer[0] === 'unknown' ? budgets[answer[1]] : undefined;
    if (!unknown || tries === 0) return answer;
    await begin(user, unknown);
    return take(asking, tries - 1);
  };

  /** What could not be settled yet: Redis was away. In the order in which it came. */
  let unsettled: (readonly [keys: readonly string[], values: readonly (string | number)[]])[] = [];
  let timer: unknown = null;
  const settle = async (keys: readonly string[], values: readonly (string | number)[]) => {
    const done = await guard.run(() => run(SETTLE, keys, values).then(() => true), false);
    if (done || unsettled.length >= MOST_UNSETTLED) return;
    unsettled.push([keys, values]);
    timer ??= clock.setTimeout(() => {
      timer = null;
      const again = unsettled;
      unsettled = [];
      for (const [those, these] of again) void settle(those, these);
    }, AGAIN_MS);
    letGo(timer);
  };

  let toldAt = Number.NEGATIVE_INFINITY;
  /** The guard says when the store is gone; here only where it was late this once. */
  const tell = () => {
    if (!guard.well() || clock.now() < toldAt + AGAIN_MS) return;
    toldAt = clock.now();
    log.warn({}, 'the store of limits was late; requests go on without it');
  };

  return {
    async take(asking) {
      let asked: Promise<readonly [string, number, number]> | null = null;
      const answer = await guard.run(() => (asked = take(asking)), null);
      const keys = keysOf(asking);
      /** Gives back what was reserved and not used, counts what was spent, reserved or not. */
      const settled = (taken: boolean, second: number, back: number, cost: number, asks = 0) => {
        const changes = asking.budgets.map(({ amount }) => Math.round(cost) - (taken ? amount : 0));
        const tokens = taken && asking.tpm !== undefined ? back : 0;
        const requests = taken && asking.rpm !== undefined ? asks : 0;
        if (tokens > 0 || requests > 0 || changes.some((change) => change !== 0))
          void settle(keys, [second, tokens, requests, ...changes]);
      };
      if (answer === null) {
        tell();
        // let through; an answer that comes too late may have reserved all the same
        const late = asked as Promise<readonly [string, number, number]> | null;
        return {
          settle(back, cost, asks) {
            if (!late) return settled(false, 0, back, cost);
            late.then(
              ([word, , second]) => settled(word === 'taken', second, back, cost, asks),
              () => settled(false, 0, back, cost),
            );
          },
        };
      }
      const [word, number, second] = answer;
      if (word === 'rpm' || word === 'tpm')
        return { over: word, waitMs: number < 0 ? Number.POSITIVE_INFINITY : number };
      const budget = asking.budgets[number];
      if (word === 'usd' && budget) return { over: 'usd', waitMs: budget.endsAt - clock.wall(), budget };
      return { settle: (back, cost, asks) => settled(true, second, back, cost, asks) };
    },
  };
}

/** More than a look-up in the cache has: a new budget takes three questions, and what is let through is money. */
const PATIENCE_MS = 100;
const MOST_UNSETTLED = 50_000;
const AGAIN_MS = 1_000;
