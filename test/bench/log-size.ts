/* The request log at size: node test/bench/log-size.ts [rows, default 1,000,000] [folder] */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../../packages/core/src/random.ts';
import { openLogs } from '../../packages/server/src/store/database.ts';
import { createRequestLog, type LogQuery } from '../../packages/server/src/store/request-log.ts';
import { createRowInsert } from '../../packages/server/src/store/row-insert.ts';
import type { RequestRow } from '../../packages/server/src/store/schema.ts';
import { startProgram } from './child.ts';
import { signUp, startGateway } from './gateway.ts';
import type { Outcome } from './job.ts';
import { spread } from './stats.ts';

const rows = Number(process.argv[2] ?? 1_000_000);
const dir = process.argv[3] ?? mkdtempSync(join(tmpdir(), 'inferbridge-log-size-'));
const file = join(dir, 'data', 'logs.sqlite'); // where a gateway in that folder looks for it
mkdirSync(join(dir, 'data'), { recursive: true });
const USERS = 50;
/** One user has half of it. */
const HEAVY = 'user-0';
const DAYS = 7;
const END = Date.UTC(2026, 10, 21) * 1_000;
const START = END - DAYS * 86_400_000_000;

const random = seededRandom(20_261_121);
const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T; // never empty
const ROUTE = {
  tier: 'ib/balanced',
  strategy: 'priority',
  plan: { in_order: [{ attempt: 'openai:gpt-6.1-terra' }, { attempt: 'anthropic:claude-sonnet-5-5' }] },
  steps: ['openai', 'anthropic'].map((provider, place) => ({
    provider,
    model: 'a-model-of-theirs',
    start: place === 0 ? ('now' as const) : ('on_failure' as const),
    why: `target ${place + 1} of ib/balanced`,
  })),
  left_out: [],
};

function rowAt(at: number): RequestRow {
  const failed = random() < 0.003;
  const fellBack = !failed && random() < 0.02;
  const provider = fellBack ? 'anthropic' : pick(['openai', 'openai', 'openai', 'groq', 'mistral']);
  const cost = Math.floor(random() * 4_000_000);
  const attempt = {
    provider,
    model: 'gpt-6.1-terra',
    outcome: failed ? 'server_error' : 'ok',
    status: failed ? 500 : 200,
    why: failed ? 'the upstream answered 500' : null,
    waited_ms: 0,
    first_content_ms: Math.floor(random() * 900),
    latency_ms: Math.floor(random() * 4_000),
    until: null,
    cost_usd: (cost / 1e9).toFixed(6),
  };
  return {
    user_id: random() < 0.5 ? HEAVY : `user-${1 + Math.floor(random() * (USERS - 1))}`,
    request_id: `${Math.floor(random() * 2 ** 48).toString(16)}-${at}`,
    mode: pick(['ib/cheap', 'ib/balanced', 'ib/balanced', 'ib/premium', 'direct']),
    provider,
    model: 'gpt-6.1-terra',
    input_tokens: Math.floor(random() * 4_000),
    output_tokens: Math.floor(random() * 900),
    latency_ms: attempt.latency_ms,
    cost_nano_usd: cost,
    cache_hit: random() < 0.1,
    status: failed ? 'error' : fellBack ? 'fallback_success' : 'success',
    error: failed ? 'server_error: every candidate failed' : null,
    residency_requested: null,
    residency_actual: 'global',
    created_at: at,
    strategy: 'priority',
    stream: random() < 0.5,
    tools: false,
    images: false,
    attempts_cost_nano_usd: cost,
    attempts: fellBack ? [{ ...attempt, provider: 'openai', outcome: 'timeout' }, attempt] : [attempt],
    arm: null,
    tags: null,
    route: { ...ROUTE, expected_cost_usd: (cost / 1e9).toFixed(6) },
  };
}

const db = await openLogs(file, () => {});
const insert = createRowInsert(db);
const cpuBefore = process.cpuUsage();
const began = performance.now();
let last = 'nobody';
for (let done = 0; done < rows; done += 100) {
  const batch = Array.from({ length: Math.min(100, rows - done) }, (_, i) =>
    rowAt(START + Math.floor(((done + i) / rows) * (END - START))),
  );
  last = batch.at(-1)?.request_id ?? last;
  await insert.all(batch);
  if (done % 1_000_000 === 0 && done > 0) process.stderr.write(`${done / 1e6} M rows\n`);
}
const { user, system } = process.cpuUsage(cpuBefore);
const wrote = performance.now() - began;

/** Afresh each time: what the process has read of the file is in its own cache, and the machine's. */
const timed = async (name: string, target: string, work: () => Promise<unknown>, times = 9) => {
  const ms: number[] = [];
  for (let i = 0; i < times; i++) {
    const from = performance.now();
    await work();
    ms.push(performance.now() - from);
  }
  ms.sort((a, b) => a - b);
  const [median, worst] = [ms[Math.floor(ms.length / 2)] ?? 0, ms.at(-1) ?? 0];
  console.log(`| ${name} | ${median.toFixed(1)} | ${worst.toFixed(1)} | ${target} |`);
};

console.log(
  `\n${rows.toLocaleString('en')} rows, half of them one user's; ${(statSync(file).size / 1e6).toFixed(0)} MB, ${Math.round(statSync(file).size / rows)} bytes a row with indexes`,
);
console.log(
  `written in ${(wrote / 1000).toFixed(0)} s, ${((user + system) / rows).toFixed(1)} µs CPU a row (making it up included)\n`,
);
console.log('| what | median ms | worst ms | target |\n| --- | --- | --- | --- |');
const log = createRequestLog(db);
const page =
  (more: Partial<LogQuery> = {}, who = HEAVY) =>
  () =>
    log.page(who, { since: null, limit: 100, after: null, ...more });
await timed('first page', '≤ 50', page());
await timed('first page, 1,000 rows', '', page({ limit: 1_000 }));
await timed('a page in the middle', '≤ 50', page({ after: START + (END - START) / 2 }));
await timed('errors only', '≤ 50', page({ status: 'error' }));
await timed('one provider', '≤ 50', page({ provider: 'mistral' }));
await timed(
  'errors of one provider in one mode',
  '≤ 50',
  page({ status: 'error', provider: 'groq', mode: 'ib/premium' }),
);
await timed('by request id', '≤ 50', page({ requestId: last }));
await timed('another user', '≤ 50', page({}, 'user-7'));
await timed('stats over seven days', '≤ 300', () => log.sums(HEAVY, START + 1, END - 1));
await timed('spent this month', '', () => log.spent(HEAVY, { startsAt: START / 1_000, endsAt: END / 1_000 }));
let until = START + 3_600_000_000;
await timed('one slice of retention (200 rows)', '≤ 50', () => log.prune((until += 60_000_000), 200), 200);
await timed(
  'a batch of 100 new rows',
  '',
  () => insert.all(Array.from({ length: 100 }, () => rowAt(END + 1))),
  50,
);
await db.destroy();

/** What goes through a gateway that has such a log. */
const upstream = await startProgram('mock-upstream.ts', 'load');
const load = await startProgram('load.ts', 'load');
const gateway = await startGateway({ upstreamPort: upstream.port, dir });
const key = await signUp(gateway);
const job = { port: gateway.port, key, model: 'ib/balanced', stream: false, connections: 32, seconds: 3 };
await load.ask({ ...job, seconds: 8 });
const perSecond: number[] = [];
for (let round = 0; round < 5; round++) {
  const { ok, seconds } = await load.ask<Outcome>(job);
  perSecond.push(ok / seconds);
}
const { median, least, most } = spread(perSecond);
console.log(
  `\nrequests/s through a gateway with this log: ${median.toFixed(0)} (${least.toFixed(0)}–${most.toFixed(0)} over five rounds)`,
);
await gateway.stop();
await Promise.all([load.stop(), upstream.stop()]);
if (!process.argv[3]) rmSync(dir, { recursive: true, force: true });
