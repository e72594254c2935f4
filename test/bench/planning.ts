import {
  type Call,
  createCall,
  createEnding,
  createRetryBudget,
  type Facts,
  layered,
  type Reply,
  type Strategy,
  systemClock,
  type Target,
} from '@inferbridge/core';
import { priority, resilience, router, strategies } from '@inferbridge/plugins';

/*
 * What planning and the engine add to a request with three candidates, layers included: the same targets, which answer
 * at once and write nothing down, asked through the router and by themselves. A process of its own.
 */

const REQUESTS = 5_000;
const host = { clock: systemClock, random: Math.random };

const facts: Facts = {
  price: ({ inputTokens, outputTokens }) => (inputTokens + 4 * outputTokens) * 1e-6,
  window: 128_000,
  residency: 'global',
  latencyMs: null,
  slowMs: null,
  ewmaMs: null,
  errorRate: null,
  inFlight: null,
  blocked: null,
  unfit: null,
};

/** Answers at once. */
function instant(provider: string): Target {
  const by = { provider, model: 'm', residency: 'global' };
  return {
    ...by,
    id: `${provider}:m`,
    credential: 'k',
    facts: () => facts,
    acquire: () => ({ settle() {} }),
    async handle(_, permit) {
      permit.settle({ outcome: 'ok', retryAfterMs: null, firstContentMs: 1, latencyMs: 1 });
      const ending = createEnding();
      ending.finish({ abandoned: false });
      const bytes = new Uint8Array(2);
      return {
        kind: 'completion',
        bytes,
        json: () => ({}) as never,
        by,
        ending,
        usage: () => null,
        cost: () => null,
      }; // nobody reads it
    },
  };
}

const callOf = (): Call =>
  createCall({ model: 't', messages: [{ role: 'user', content: 'How much is planning?' }] });

const bare = instant('a');
const alone = async (call: Call): Promise<Reply> => bare.handle(call, { settle() {} });

const routed = (strategy: Strategy) => {
  const layers = resilience(host);
  const targets = ['a', 'b', 'c'].map((name) => layered(instant(name), layers));
  const run = { retryBudget: createRetryBudget({ clock: systemClock }) };
  return router(() => ({ name: 't', tier: { name: 't', strategy, targets }, run }), { host });
};

async function cpuOf(handler: (call: Call) => Promise<Reply>): Promise<number> {
  const before = process.cpuUsage();
  for (let i = 0; i < REQUESTS; i++) await handler(callOf());
  const { user, system } = process.cpuUsage(before);
  return (user + system) / REQUESTS;
}

/** Race starts three attempts; the others one. */
const MEASURED = strategies.filter(({ name }) => !['conditional', 'race'].includes(name));

process.on('message', async ({ times }: { times: number }) => {
  const added: Record<string, number[]> = {};
  const handlers = MEASURED.map((plugin) => ({ name: plugin.name, handler: routed(plugin([]).strategy) }));
  for (let i = 0; i < times; i++)
    for (const { name, handler } of handlers) {
      const base = await cpuOf(alone);
      added[name] = [...(added[name] ?? []), (await cpuOf(handler)) - base];
    }
  process.send?.({ added });
});
process.on('disconnect', () => process.exit(0));
for (let i = 0; i < 5; i++) await cpuOf(routed(priority([]).strategy)); // warm
process.send?.({ port: 0 });
