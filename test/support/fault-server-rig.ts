import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll } from 'vitest';
import { type Account, account, type LogRow } from './account.ts';
import { completion, streamed } from './answers.ts';
import { type FaultServer, startFaultServer } from './fault-server.ts';
import type { Dialect } from './fault-server-words.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { startUpstream, type Upstream } from './upstream.ts';

/** Who stands first and fails: any vendor of OpenAI's dialect, OpenAI itself (its bytes pass untouched), Anthropic. */
export const FIRSTS = ['compatible', 'openai', 'anthropic'] as const;
export type First = (typeof FIRSTS)[number];
export const dialectOf = (first: First): Dialect => (first === 'anthropic' ? 'anthropic' : 'openai');

export const SECOND = 'Hello from the second.';

/** So short that a case takes less than a second, so long that a busy machine stays below. */
export const TIMEOUTS = { connectMs: 350, headersMs: 350, firstContentMs: 450, idleMs: 350, totalMs: 2_000 };
const ROOMY = { headersMs: 5_000, firstContentMs: 10_000, idleMs: 5_000, totalMs: 20_000 };

export interface Rig {
  gateway: TestGateway;
  faulty: FaultServer;
  healthy: Upstream;
}

export interface RigOptions {
  /** Further providers at addresses of the test's own; each gets the tiers `<name>/two` and `<name>/one`. */
  readonly providers?: () => Promise<Record<string, string>> | Record<string, string>;
  /** Names of further providers at the address of the one that fails: what is kept by provider is theirs alone. */
  readonly spares?: readonly string[];
  readonly config?: object;
}

const PRELOAD = new URL('./fault-server-preload.ts', import.meta.url).href;

/** The tiers of a provider that fails: with a second one behind it, and alone; `patient`: it may be tried again. */
const tiersOf = (name: string, target: string) => ({
  [`${name}/two`]: { targets: [target, 'healthy:m'], timeouts: TIMEOUTS, retries: 0 },
  [`${name}/one`]: { targets: [target], timeouts: TIMEOUTS, retries: 0 },
  [`${name}/patient`]: { targets: [target], timeouts: TIMEOUTS, retries: 2 },
  [`${name}/roomy`]: { targets: [target, 'healthy:m'], timeouts: ROOMY, retries: 0 },
  [`${name}/roomy-one`]: { targets: [target], timeouts: ROOMY, retries: 0 },
});

/** A gateway between a provider that fails by script and one that is well, for the tests of a file. */
export function rig({ providers = () => ({}), spares = [], config = {} }: RigOptions = {}): Rig {
  const parts = {} as Rig; // filled before the first test
  beforeAll(async () => {
    const [faulty, healthy, given] = await Promise.all([startFaultServer(), startUpstream(), providers()]);
    const baseUrl = `${faulty.url}/v1`;
    const more = { ...given, ...Object.fromEntries(spares.map((name) => [name, baseUrl])) };
    const compatible = (url: string) => ({ use: 'openai-compatible', baseUrl: url });
    parts.faulty = faulty;
    parts.healthy = healthy;
    parts.gateway = await startGateway({
      nodeArgs: ['--import', PRELOAD],
      config: {
        providers: {
          compatible: compatible(baseUrl),
          openai: { baseUrl },
          anthropic: { baseUrl },
          healthy: compatible(`${healthy.url}/healthy/v1`),
          ...Object.fromEntries(Object.entries(more).map(([name, url]) => [name, compatible(url)])),
        },
        tiers: {
          ...tiersOf('compatible', 'compatible:m'),
          ...tiersOf('openai', 'openai:gpt-test'),
          ...tiersOf('anthropic', 'anthropic:claude-test'),
          ...Object.assign({}, ...Object.keys(more).map((name) => tiersOf(name, `${name}:m`))),
        },
        ...config,
      },
    });
    healthy.script('healthy', { whole: completion(SECOND), stream: streamed(SECOND) });
  });
  afterAll(async () => {
    await parts.gateway?.close();
    await parts.faulty?.close();
    await parts.healthy?.close();
  });
  return parts;
}

export interface Question {
  /** Which provider stands first; default `compatible`. */
  readonly first?: string;
  /** Which of its tiers; default `two`. */
  readonly tier?: 'two' | 'one' | 'patient' | 'roomy' | 'roomy-one';
  readonly stream?: boolean;
  readonly user?: Account;
  readonly body?: object;
  readonly headers?: Record<string, string>;
}

/** What a client got, and what the log says of it. */
export interface Told {
  readonly user: Account;
  readonly status: number;
  readonly headers: Headers;
  /** As it came. */
  readonly raw: string;
  /** All content, joined. */
  readonly text: string;
  /** The data of every event, `[DONE]` as it is; a whole answer alone where there was no stream. */
  readonly said: readonly unknown[];
  readonly done: boolean;
  readonly error: { message: string; type: string; param: string | null; code: string | null } | null;
  readonly row: LogRow | undefined;
  /** Provider and outcome of every attempt. */
  readonly attempts: readonly (readonly [string, string])[];
  readonly ms: number;
}

/** A user who has keys for the provider that fails and for the one that is well. */
export const customer = ({ gateway }: Rig, first = 'compatible'): Promise<Account> =>
  account(gateway, [first, 'healthy']);

/** Asks once, reads to the end, and looks into the log. */
export async function ask(parts: Rig, question: Question = {}): Promise<Told> {
  const { first = 'compatible', tier = 'two', stream = false, headers = {}, body = {} } = question;
  const user = question.user ?? (await customer(parts, first));
  const startedAt = Date.now();
  const response = await user.chat({ model: `${first}/${tier}`, stream, ...body }, headers);
  const raw = await response.text();
  const ms = Date.now() - startedAt;
  const [row] = await user.logs('?limit=1');
  const streams = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
  const said = streams ? dataOf(raw).map(parsed) : [JSON.parse(raw)];
  return {
    user,
    status: response.status,
    headers: response.headers,
    raw,
    text: said.map(contentOf).join(''),
    said,
    done: said.includes('[DONE]'),
    error: said.map(errorOf).find((error) => error !== null) ?? null,
    row,
    attempts: (row?.attempts ?? [])
      .filter(({ outcome }) => outcome !== 'left_out')
      .map(({ provider, outcome }) => [provider, outcome] as const),
    ms,
  };
}

/** The data of every event, by the letter of the specification: any line end, many lines, no space needed. */
export function dataOf(raw: string): readonly string[] {
  const events: string[] = [];
  let data: string[] = [];
  for (const line of raw.replace(/^\ufeff/, '').split(/\r\n|\n|\r/)) {
    if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
    if (line !== '' || data.length === 0) continue;
    events.push(data.join('\n'));
    data = [];
  }
  return events;
}

/** What is no JSON stays the text that it is. */
function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}

type Said = {
  choices?: { delta?: { content?: string }; message?: { content?: string } }[];
  error?: Told['error'];
};

const contentOf = (said: unknown): string => {
  const [choice] = (said as Said | null)?.choices ?? []; // any JSON: what is not there is not read
  return choice?.delta?.content ?? choice?.message?.content ?? '';
};
const errorOf = (said: unknown): Told['error'] => (said as Said | null)?.error ?? null;

/** What the gateway's process holds in memory, in MB. */
export const rssOf = ({ gateway }: Rig): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) / 1024;

/** For how long at most the gateway's event loop stood still since this was asked the last time. */
export async function stoodStillMs({ gateway }: Rig): Promise<number> {
  const before = gateway.output().length;
  process.kill(gateway.pid, 'SIGUSR2');
  for (let i = 0; i < 100; i++) {
    await wait(20);
    const found = /stood still (\d+) ms/.exec(gateway.output().slice(before))?.[1];
    if (found) return Number(found);
  }
  throw new Error('the gateway did not tell for how long it stood still');
}
