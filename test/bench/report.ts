import type { BigRequest } from './big-request.ts';
import type { ColdStarts } from './cold-start.ts';
import type { Machine } from './machine.ts';
import type { Cell } from './matrix.ts';
import type { Memory } from './memory.ts';
import type { Contestant, Section, Series } from './rounds.ts';
import { ratios, type Spread, spread } from './stats.ts';
import { targetTable } from './targets.ts';

/** All that a run has found. */
export interface Results {
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  readonly closed: Section;
  /** The gateway with cache and limits in use. */
  readonly extras: Section;
  readonly open: Section;
  /** As fast as each event can be a segment of its own. */
  readonly streams: Section;
  /** Fifty events a second, as a model speaks. */
  readonly spoken: Section;
  /** The same beside others, each in every round. */
  readonly beside: { readonly closed: Section; readonly open: Section; readonly streams: Section };
  readonly peers: {
    readonly versions: Readonly<Record<string, string>>;
    readonly missing: Readonly<Record<string, string>>;
    readonly peculiar: readonly string[];
  };
  readonly starts: ColdStarts;
  readonly rssIdle: number;
  readonly rssAfter: number;
  /** CPU microseconds, stream by stream. */
  readonly perEvent: readonly number[];
  /** CPU µs that planning and the engine add to a request with three candidates, by strategy. */
  readonly planning: Readonly<Record<string, readonly number[]>>;
  readonly pictures: readonly BigRequest[];
  readonly matrix: readonly Cell[];
  readonly memory: Memory | null;
  readonly requests: number;
  readonly throughGateway: number;
  readonly rows: number;
  readonly costUsd: string;
  readonly faults: readonly string[];
}

/** What there is to reach beside the table of targets. */
const TARGETS = { perEvent: 15, planning: 15, picture: 3 } as const;

type Figure = Exclude<keyof Series, 'never'>;
type Compare = 'ratio' | 'difference' | 'nothing';
const COLUMNS: readonly Contestant['name'][] = ['direct', 'bare', 'gateway', 'anthropic'];

export function markdown(results: Results): string {
  const { closed, open, streams, spoken, starts, machine } = results;
  const rows = [
    row('requests/s, 32 connections', closed, 'perSecond', 'ratio', 0),
    row('CPU µs a request', closed, 'cpu', 'ratio', 1),
    row('share of its core', closed, 'busy', 'nothing', 2),
    row('latency p50, ms', closed, 'p50', 'nothing', 2),
    row('latency p99, ms', closed, 'p99', 'nothing', 2),
    row('open loop 500/s: p50, ms', open, 'p50', 'difference', 2),
    row('open loop 500/s: p99, ms', open, 'p99', 'difference', 2),
    row('open loop 500/s: CPU µs a request', open, 'cpu', 'ratio', 0),
    row('100 streams, 50 events/s each: time to first content p50, ms', spoken, 'p50', 'difference', 2),
    row('100 streams, 50 events/s each: time to first content p99, ms', spoken, 'p99', 'difference', 2),
    row('100 streams, 50 events/s each: CPU µs an event', spoken, 'cpu', 'ratio', 1),
    row('100 streams, 200 events/s each: time to first content p50, ms', streams, 'p50', 'difference', 2),
    row('100 streams, 200 events/s each: time to first content p99, ms', streams, 'p99', 'difference', 2),
    row('100 streams, 200 events/s each: CPU µs an event', streams, 'cpu', 'ratio', 1),
    row('100 streams: pieces a stream of 201', streams, 'pieces', 'nothing', 1),
  ];
  const start = (times: readonly number[]) => show(spread(times), 0);
  return [
    '# Benchmark of the gateway',
    '',
    `${machine.date} UTC, \`${machine.command}\`, commit ${machine.commit}. ${machine.cpus} × ${machine.model}, ${machine.memoryGigabytes} GB, load ${machine.loadBefore.toFixed(2)} before. ` +
      `Node ${machine.node}, undici ${machine.undici}, SQLite ${machine.sqlite}.`,
    machine.pinned
      ? 'The server under test has core 0, load generator and mock upstream core 1 (taskset).'
      : 'Nothing is kept to a core: taskset or a second core is missing.',
    `Medians of ${results.rounds} interleaved rounds of ${results.seconds} s, least–most in brackets; 2 KB requests, 0.8 KB replies, an instant mock, auth, tier, prices and SQL log on.`,
    '',
    ...targetTable(results),
    '',
    '| figure | direct to the mock | bare pass-through | gateway | gateway, Anthropic behind | gateway against bare |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
    '| figure | value | target |',
    '| --- | --- | --- |',
    ...featureRows(results.extras),
    `| cold start to the first 200, data directory there, ms | ${start(starts.existing)} | |`,
    ...readerRows(results.memory),
    `| RSS after the load, MB | ${results.rssAfter.toFixed(0)} | |`,
    ...Object.entries(results.planning).map(
      ([name, added]) =>
        `| planning and the engine, three candidates, ${name}, CPU µs a request | ${show(spread(added), 1)} | ≤ ${TARGETS.planning} |`,
    ),
    `| translating a stream of 2,000 Anthropic events, CPU µs an event | ${show(spread(results.perEvent), 1)} | ≤ ${TARGETS.perEvent} |`,
    ...results.pictures.map(
      ({ way, grown, bodyMegabytes: size }) =>
        `| a ${size.toFixed(0)} MB picture, ${way}, RSS grown by MB | ${start(grown)} | ≤ ${(size * TARGETS.picture).toFixed(0)} |`,
    ),
    `| requests in all / through the gateway / rows in its log | ${results.requests} / ${results.throughGateway} / ${results.rows} | equal |`,
    `| cost in the log, US dollars | ${results.costUsd} | |`,
    `| what failed | ${results.faults.join('; ') || 'nothing'} | nothing |`,
    ...matrixTable(results.matrix),
    ...peerTable(results),
    '',
  ].join('\n');
}

function row(title: string, section: Section, figure: Figure, compare: Compare, digits: number): string {
  const cells = COLUMNS.map((name) => {
    const values = section[name]?.[figure] ?? [];
    return values.length === 0 || values.some(Number.isNaN) ? '' : show(spread(values), digits);
  });
  return `| ${[title, ...cells, against(section, figure, compare)].join(' | ')} |`;
}

function against({ gateway, bare }: Section, figure: Figure, compare: Compare): string {
  if (!gateway || !bare || compare === 'nothing') return '';
  if (compare === 'ratio') return `× ${show(ratios(gateway[figure], bare[figure]), 2)}`;
  const added = gateway[figure].map((value, round) => value - (bare[figure][round] ?? Number.NaN));
  return `+ ${show(spread(added), 2)}`;
}

const show = ({ median, least, most }: Spread, digits: number): string =>
  `${number(median, digits)} (${number(least, digits)}–${number(most, digits)})`;

const number = (value: number, digits: number): string =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** What features cost in CPU, against the same requests without them in the same rounds. */
function featureRows({ gateway, stored, hit, limited }: Section): readonly string[] {
  if (!gateway || !stored || !hit || !limited) return [];
  const share = (series: Series) => show(ratios(series.cpu, gateway.cpu), 2);
  const added = limited.cpu.map((cpu, round) => cpu - (gateway.cpu[round] ?? Number.NaN));
  return [
    `| a reply that is stored in the cache, CPU against one that is not | × ${share(stored)} | ≤ 1.10 |`,
    `| a cache hit, CPU against a miss | × ${share(hit)} | ≤ 0.65 |`,
    `| limits on requests, tokens and money, CPU µs a request | + ${show(spread(added), 1)} | ≤ 5 |`,
  ];
}

function readerRows(memory: Memory | null): readonly string[] {
  if (!memory) return [];
  const { readers, byReaders, sentToEach } = memory;
  return [
    `| ${readers} clients who stop to read a stream of 64 MB: RSS grown by all of them, MB | ${byReaders.toFixed(0)} | |`,
    `| of that stream, what the upstream could send to each of them, MB | ${sentToEach.toFixed(1)} | |`,
  ];
}

/** Requests of every size with replies of every kind. */
function matrixTable(cells: readonly Cell[]): readonly string[] {
  return [
    '',
    '| request body | reply | gateway: replies/s | bare: replies/s | the gateway’s are | CPU µs a reply or event | bare | the gateway’s is |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...cells.flatMap(({ bytes, events, section: { gateway, bare } }) => {
      if (!gateway || !bare) return [];
      const size =
        bytes < 1_024 ? `${bytes} B` : bytes < 1_048_576 ? `${bytes / 1_024} KB` : `${bytes / 1_048_576} MB`;
      const cells = [
        size,
        events === null ? 'whole, 0.8 KB' : `${events.toLocaleString('en')} events`,
        show(spread(gateway.perSecond), 0),
        show(spread(bare.perSecond), 0),
        `× ${show(ratios(gateway.perSecond, bare.perSecond), 2)}`,
        show(spread(gateway.cpu), 1),
        show(spread(bare.cpu), 1),
        `× ${show(ratios(gateway.cpu, bare.cpu), 2)}`,
      ];
      return [`| ${cells.join(' | ')} |`];
    }),
  ];
}

/** Somebody else beside this gateway: what is in the way of a request, in the same rounds. */
function peerTable({ beside, peers }: Results): readonly string[] {
  const { closed, open, streams } = beside;
  const names = (Object.keys(closed) as Contestant['name'][]).filter((name) => name !== 'direct');
  const missing = Object.entries(peers.missing).map(([name, how]) => `${name} is missing (${how})`);
  if (names.length === 0) return missing.length > 0 ? ['', missing.join('; ')] : [];
  const cell = (section: Section, name: Contestant['name'], figure: Figure, digits: number) => {
    const values = section[name]?.[figure] ?? [];
    return values.length === 0 || !values.every(Number.isFinite) ? '–' : show(spread(values), digits);
  };
  const times = (name: Contestant['name']) => {
    const [ours, theirs] = [closed.gateway, closed[name]];
    return ours && theirs ? `× ${show(ratios(ours.perSecond, theirs.perSecond), 2)}` : '';
  };
  return [
    '',
    '| beside others, one process on the same core | requests/s, 32 connections | the gateway’s are | CPU µs a request | open loop 100/s: p50, ms | p99, ms | 100 streams: first content p50, ms | CPU µs an event |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...names.map((name) => {
      const version = peers.versions[name];
      const cells = [
        version === undefined ? name : `${name} ${version}`,
        cell(closed, name, 'perSecond', 0),
        name === 'gateway' ? '' : times(name),
        cell(closed, name, 'cpu', 0),
        cell(open, name, 'p50', 2),
        cell(open, name, 'p99', 2),
        cell(streams, name, 'p50', 2),
        cell(streams, name, 'cpu', 1),
      ];
      return `| ${cells.join(' | ')} |`;
    }),
    ...(missing.length > 0 ? ['', missing.join('; ')] : []),
    ...(peers.peculiar.length > 0 ? ['', `Others: ${peers.peculiar.join('; ')}`] : []),
  ];
}
