import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../config/parse.ts';
import { type Running, start } from '../lifecycle.ts';
import { type DemoUpstream, startDemoUpstream } from './upstream.ts';

export interface ShowOptions {
  readonly print: (line: string) => void;
  /** Everything takes this times as long; 1 is ten seconds. */
  readonly pace: number;
}

const NAMES = ['alpha', 'beta', 'gamma'] as const;
const EVERY_MS = 250;
/** Until the first one serves again; its breaker stays open for at most a few seconds. */
const MOST_ASKED = 40;
const silent = { info() {}, warn() {}, error() {} };
const PRICES = {
  alpha: { input: 5, output: 15 },
  beta: { input: 1, output: 3 },
  gamma: { input: 0.2, output: 0.6 },
};

/**
 * A gateway in front of three simulated providers, on real sockets, while the first one goes down and comes back.
 * Resolves with the requests that failed: none, or something is wrong.
 */
export async function show({ print, pace }: ShowOptions): Promise<number> {
  const dataDir = mkdtempSync(join(tmpdir(), 'inferbridge-demo-'));
  const upstreams = await Promise.all(
    NAMES.map((name, index) => startDemoUpstream({ name, firstMs: (40 + 30 * index) * pace })),
  );
  const running = await start(
    {
      config: configFor(upstreams, dataDir, pace),
      file: null,
      base: dataDir,
      encryptionKey: null,
      production: false,
      operatorKey: null,
    },
    silent,
  );
  try {
    return await perform(running, upstreams, { print, pace });
  } finally {
    await running.stop();
    await Promise.all(upstreams.map((upstream) => upstream.close()));
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function configFor(upstreams: readonly DemoUpstream[], dataDir: string, pace: number) {
  const providers = Object.fromEntries(
    NAMES.map((name, index) => [
      name,
      {
        use: 'openai-compatible',
        baseUrl: upstreams[index]?.url,
        apiKey: 'none-needed',
        prices: { demo: PRICES[name] },
      },
    ]),
  );
  const tier = {
    targets: NAMES.map((name) => `${name}:demo`),
    breaker: { failures: 3, openMs: 1_500 * pace },
  };
  return parseConfig({ port: 0, dataDir, providers, tiers: { demo: tier } }, { env: {} });
}

async function perform(
  { url }: Running,
  [alpha]: readonly DemoUpstream[],
  { print, pace }: ShowOptions,
): Promise<number> {
  const key = await signUp(url);
  let failed = 0;
  let number = 0;
  /** So many requests, or until this one alone was asked and served. */
  const ask = async (times: number, until?: string): Promise<void> => {
    for (let i = 0; i < times; i++) {
      const stream = number % 2 === 1;
      number += 1;
      const startedAt = performance.now();
      const answer = await asked(url, key, stream);
      if (!answer.ok) failed += 1;
      const took = Math.round(performance.now() - startedAt);
      const kind = stream ? 'stream' : 'answer';
      const tried = await tries(url, key, answer.requestId);
      print(
        `  ${String(number).padStart(2)}  ${kind}  ${answer.ok ? 'ok ' : 'FAILED'}  ${String(took).padStart(4)} ms  ${tried}`,
      );
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS * pace));
      if (tried === until) return;
    }
  };
  print(
    `a gateway on ${url}, in front of three simulated providers; the tier "demo" asks alpha, then beta, then gamma\n`,
  );
  await ask(5);
  alpha?.down();
  print('\n      alpha goes down: it answers 503 from here on\n');
  await ask(8);
  print('\n      where would the next request go? POST /v1/route/explain says, and calls nobody:\n');
  print(await explained(url, key));
  alpha?.up();
  print('\n      alpha is up again; one probe finds out\n');
  await ask(MOST_ASKED, 'alpha');
  await ask(2);
  print(`\n${await totals(url, key)}`);
  print(failed === 0 ? 'no client has seen an error' : `${failed} clients have seen an error`);
  return failed;
}

async function json<T>(url: string, key: string, body?: object): Promise<T> {
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  });
  return (await response.json()) as T; // our own gateway's answer, whose shape its tests hold
}

const signUp = async (url: string): Promise<string> =>
  (await json<{ api_key: string }>(`${url}/v1/users`, '', { email: 'demo@example.com' })).api_key;

const REQUEST = { model: 'demo', messages: [{ role: 'user', content: 'Who is there?' }] };

async function asked(url: string, key: string, stream: boolean): Promise<{ ok: boolean; requestId: string }> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...REQUEST, stream }),
  });
  const text = await response.text();
  const ok = response.ok && (!stream || text.includes('data: [DONE]'));
  return { ok, requestId: response.headers.get('x-request-id') ?? '' };
}

interface Tried {
  readonly provider: string;
  readonly outcome: string;
  readonly status: number | null;
  readonly why: string | null;
}

/** `alpha 503 → beta` */
async function tries(url: string, key: string, id: string): Promise<string> {
  const { data } = await json<{ data: { attempts: Tried[] }[] }>(`${url}/v1/logs?request_id=${id}`, key);
  return (data[0]?.attempts ?? [])
    .map(({ provider, outcome, status, why }) =>
      outcome === 'ok'
        ? provider
        : `${provider} ${outcome === 'skipped' ? `not asked: ${why}` : (status ?? outcome)}`,
    )
    .join('  →  ');
}

interface Explained {
  readonly steps: readonly { provider: string; start: string }[];
  readonly left_out: readonly { provider: string; why: string; until?: string }[];
}

async function explained(url: string, key: string): Promise<string> {
  const { steps, left_out: out } = await json<Explained>(`${url}/v1/route/explain`, key, REQUEST);
  return [
    ...steps.map(({ provider, start }) => `      ${provider.padEnd(6)} ${start}`),
    ...out.map(
      ({ provider, why, until }) =>
        `      ${provider.padEnd(6)} left out: ${why}${until ? ` until ${until}` : ''}`,
    ),
  ].join('\n');
}

interface Stats {
  readonly totals: { requests: number; cost_usd: string };
  readonly by_provider: Record<string, { requests: number }>;
  readonly by_status: Record<string, { requests: number }>;
}

async function totals(url: string, key: string): Promise<string> {
  const { totals: all, by_provider: by, by_status: status } = await json<Stats>(`${url}/v1/stats`, key);
  const served = Object.entries(by).map(([name, { requests }]) => `${name} ${requests}`);
  return `${all.requests} requests, ${status['fallback_success']?.requests ?? 0} of them by fallback; served by ${served.join(', ')}; cost $${all.cost_usd}`;
}
