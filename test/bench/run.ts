import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { bigRequests } from './big-request.ts';
import { startProgram } from './child.ts';
import { coldStarts } from './cold-start.ts';
import { rssMegabytes } from './cpu.ts';
import { logged, ROOT, signUp, startGateway, temporaryFolder } from './gateway.ts';
import { describeMachine } from './machine.ts';
import { matrix } from './matrix.ts';
import { memory } from './memory.ts';
import { installPeers, startPeers } from './peers.ts';
import { markdown, type Results } from './report.ts';
import { type Contestant, createReferee } from './rounds.ts';

const USAGE = `npx pnpm bench [--quick] [--rounds N] [--seconds N] [--no-peers | --install-peers]

  Measures the gateway against a bare pass-through and writes test/bench/results/latest.{json,md}.
  --quick    short rounds, prints only: shows that it works, not how fast it is
  --no-peers        without nginx, HAProxy, Portkey and LiteLLM, which are measured where they are found
  --install-peers   fetches the last two into ~/.cache/inferbridge-bench (or INFERBRIDGE_BENCH_PEERS), and measures nothing
`;

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    'no-peers': { type: 'boolean', default: false },
    'install-peers': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const quick = flags.quick;
const rounds = Number(flags.rounds ?? (quick ? 1 : 5));
const seconds = Number(flags.seconds ?? (quick ? 0.5 : 3));

const CONNECTIONS = 32;
const STREAMS = 100;
const RATE = 500;
/** What the slowest of them can still do. */
const PEERS_RATE = 100;
const CACHED = 'x-inferbridge-cache: true\r\n';

const say = (text: string) => process.stderr.write(`${text}\n`);

const troubles: string[] = [];

/** What is measured apart from the rest; where that fails it says so and the rest stands. */
async function apart<Found>(what: string, work: () => Promise<Found>): Promise<Found | null> {
  try {
    return await work();
  } catch (error) {
    troubles.push(`${what}: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

async function bench(): Promise<Results> {
  const machine = describeMachine();
  const { dir, remove } = temporaryFolder();
  try {
    const upstream = await startProgram('mock-upstream.ts', 'load');
    const load = await startProgram('load.ts', 'load');
    const bare = await startProgram('bare.ts', 'server', [`http://127.0.0.1:${upstream.port}`]);
    say('cold starts …');
    const starts = await coldStarts(upstream.port, quick ? 1 : 5);
    const gateway = await startGateway({ upstreamPort: upstream.port, dir });
    await sleep(quick ? 1_000 : 5_000);
    const rssIdle = rssMegabytes(gateway.pid);
    const key = await signUp(gateway);
    say('dialects …');
    const translation = await startProgram('translation.ts', 'server');
    const { perEvent } = await translation.ask<{ perEvent: number[] }>({ times: quick ? 3 : 40 });
    await translation.stop();
    say('planning …');
    const planning = await startProgram('planning.ts', 'server');
    const { added } = await planning.ask<{ added: Record<string, number[]> }>({ times: quick ? 1 : 10 });
    await planning.stop();
    say('peers …');
    const peers =
      flags['no-peers'] || quick ? { running: [], missing: {} } : await startPeers(upstream.port, dir);
    const quiet = temporaryFolder(); // the same without the stage that writes the log
    const unlogged = await startGateway({
      upstreamPort: upstream.port,
      dir: quiet.dir,
      config: { stages: ['auth', 'limits', 'cache', 'router'] },
    });
    const own = { port: gateway.port, pid: gateway.pid, model: 'ib/balanced' };
    const contestants: readonly Contestant[] = [
      { name: 'direct', port: upstream.port, pid: null, model: 'ib/balanced' },
      { name: 'bare', port: bare.port, pid: bare.pid, model: 'ib/balanced' },
      { name: 'gateway', port: gateway.port, pid: gateway.pid, model: 'ib/balanced' },
      { name: 'anthropic', port: gateway.port, pid: gateway.pid, model: 'ib/premium' }, // Anthropic first
      { ...own, name: 'stored', headers: CACHED },
      { ...own, name: 'hit', headers: CACHED, same: true },
      { ...own, name: 'limited', key: await signUp(gateway, { limited: true }) },
      {
        name: 'unlogged',
        port: unlogged.port,
        pid: unlogged.pid,
        model: 'ib/balanced',
        key: await signUp(unlogged),
      },
      ...peers.running.map((peer) => ({ model: 'ib/balanced', foreign: true, ...peer })),
    ];
    const referee = createReferee({ load, upstream, key, contestants });
    const three = ['direct', 'bare', 'gateway'] as const;
    const four = [...three, 'anthropic'] as const;
    const replies = { stream: false, connections: CONNECTIONS, seconds };
    const events = { stream: true, connections: STREAMS, seconds };
    say('warm-up …');
    const everybody = [
      'direct',
      'bare',
      'gateway',
      'unlogged',
      ...peers.running.map(({ name }) => name),
    ] as const;
    const warmUp = { rounds: quick ? 1 : 3, seconds: quick ? 0.3 : 3 };
    await referee.section(everybody, warmUp.rounds, { ...replies, seconds: warmUp.seconds });
    await referee.section(four, 1, { ...replies, seconds: quick ? 0.5 : 8 });
    await referee.section(four, 1, { ...events, seconds: quick ? 0.5 : 4 });
    say('closed loop …');
    const closed = await referee.section(four, rounds, replies);
    say('cache and limits …');
    const features = ['gateway', 'stored', 'hit', 'limited', 'unlogged'] as const;
    await referee.section(features, 1, { ...replies, seconds: quick ? 0.3 : 2 });
    const extras = await referee.section(features, rounds, replies);
    say('open loop …');
    const open = await referee.section(three, rounds, { ...replies, rate: RATE });
    say('streams …');
    const streams = await referee.section(four, rounds, events);
    const spoken = await referee.section(four, rounds, { ...events, events: 50, spoken: true });
    await unlogged.stop();
    quiet.remove();
    say('every size …');
    const sizes = await matrix(referee, { rounds: Math.min(rounds, 3), seconds: quick ? 0.3 : 1, quick });
    say('beside others …');
    const all = ['direct', 'bare', 'gateway', ...peers.running.map(({ name }) => name)] as const;
    const beside = {
      closed: await referee.section(peers.running.length > 0 ? all : [], rounds, replies),
      open: await referee.section(peers.running.length > 0 ? all : [], rounds, {
        ...replies,
        rate: PEERS_RATE,
      }),
      streams: await referee.section(peers.running.length > 0 ? all : [], rounds, events),
    };
    await Promise.all(peers.running.map((peer) => peer.stop()));
    const rssAfter = rssMegabytes(gateway.pid);
    say('memory …');
    const held = await apart('memory', () => memory(upstream, { quick }));
    const pictures = await apart('pictures', () => bigRequests(upstream.port, quick ? 1 : 3));
    const { totals, by_status } = await logged(gateway, key);
    const faults = [...referee.faults, ...troubles];
    for (const [status, { requests }] of Object.entries(by_status))
      if (status !== 'success' && status !== 'cache_hit')
        faults.push(`${requests} rows of the log say ${status}`);
    const asked = referee.throughGateway();
    if (totals.requests !== asked) faults.push(`${asked} requests, but ${totals.requests} rows in the log`);
    await gateway.stop();
    await Promise.all([load.stop(), bare.stop(), upstream.stop()]);
    return {
      machine,
      rounds,
      seconds,
      closed,
      extras,
      open,
      streams,
      spoken,
      beside,
      peers: {
        versions: Object.fromEntries(peers.running.map(({ name, version }) => [name, version])),
        missing: peers.missing,
        peculiar: referee.peculiar,
      },
      starts,
      rssIdle,
      rssAfter,
      perEvent,
      planning: added,
      pictures: pictures ?? [],
      matrix: sizes,
      memory: held,
      requests: referee.requests(),
      throughGateway: asked,
      rows: totals.requests,
      costUsd: totals.cost_usd,
      faults,
    };
  } finally {
    remove();
  }
}

if (flags.help) {
  process.stdout.write(USAGE);
} else if (flags['install-peers']) {
  installPeers();
} else {
  if (!(rounds >= 1 && rounds <= 100 && seconds >= 0.1 && seconds <= 60))
    throw new RangeError('--rounds is 1 to 100, --seconds is 0.1 to 60');
  const results = await bench();
  const text = markdown(results);
  process.stdout.write(`\n${text}`);
  if (quick)
    process.stdout.write('\nShort rounds on cold code: this shows that it works, not how fast it is.\n');
  if (!quick) {
    const folder = join(ROOT, 'test/bench/results');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'latest.json'), `${JSON.stringify(results, null, 2)}\n`);
    writeFileSync(join(folder, 'latest.md'), text);
  }
  process.exitCode = results.faults.length > 0 ? 1 : 0;
}
