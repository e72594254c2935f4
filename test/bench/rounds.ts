import type { Program } from './child.ts';
import { cpuMicros } from './cpu.ts';
import type { Job, Outcome } from './job.ts';
import { STREAM_EVENTS } from './payload.ts';
import type { PeerName } from './peers.ts';

/** Somebody who answers requests. */
export interface Contestant {
  readonly name:
    | 'direct'
    | 'bare'
    | 'gateway'
    | 'anthropic'
    | 'stored'
    | 'hit'
    | 'limited'
    | 'unlogged'
    | PeerName;
  readonly port: number;
  /** The process whose CPU counts; `null` for the upstream itself. */
  readonly pid: number | null;
  readonly model: string;
  /** Another user's key. */
  readonly key?: string;
  readonly headers?: string;
  /** The same request each time: all but the first few never reach the upstream. */
  readonly same?: boolean;
  /** Somebody else's: what it refuses is told, and is no fault of this run. */
  readonly foreign?: boolean;
}

/** One figure per round. */
export interface Series {
  readonly perSecond: number[];
  /** CPU microseconds per request, or per content event of a stream. */
  readonly cpu: number[];
  /** Share of one core. */
  readonly busy: number[];
  readonly p50: number[];
  readonly p99: number[];
  /** Pieces in which one stream arrived. */
  readonly pieces: number[];
}

export type Section = Readonly<Partial<Record<Contestant['name'], Series>>>;

export interface Field {
  readonly load: Program;
  readonly upstream: Program;
  readonly key: string;
  readonly contestants: readonly Contestant[];
}

/** Runs jobs and keeps account of what went wrong and of what should be in the log. */
export function createReferee({ load, upstream, key, contestants }: Field) {
  const faults: string[] = [];
  const peculiar: string[] = [];
  let requests = 0;
  let throughGateway = 0;

  const callsSoFar = async () => (await upstream.ask<{ calls: number }>({})).calls;

  const play = async (who: Contestant, what: Omit<Job, 'port' | 'key' | 'model'>, series: Series | null) => {
    const before = await callsSoFar();
    const cpuBefore = who.pid === null ? Number.NaN : cpuMicros(who.pid);
    const { port, model, headers, same } = who;
    const job: Job = {
      port,
      key: who.key ?? key,
      model,
      ...(headers !== undefined && { headers }),
      ...(same && { same }),
      ...what,
    };
    const outcome = await load.ask<Outcome>(job);
    const cpu = who.pid === null ? Number.NaN : cpuMicros(who.pid) - cpuBefore;
    const calls = (await callsSoFar()) - before;
    const { ok, broken, refused, seconds } = outcome;
    const failed = Object.values(refused).reduce((sum, count) => sum + count, 0);
    requests += ok + broken + failed;
    const amiss = who.foreign ? peculiar : faults;
    if (who.pid !== null && who.name !== 'bare' && who.key === undefined && !who.foreign)
      throughGateway += ok + broken + failed;
    for (const [status, count] of Object.entries(refused))
      amiss.push(`${who.name}: ${count} × status ${status}`);
    if (broken > 0) amiss.push(`${who.name}: ${broken} replies ended early`);
    if (who.same ? calls > what.connections : calls !== ok + broken + failed)
      amiss.push(`${who.name}: ${ok + broken + failed} requests, but ${calls} calls of the upstream`);
    series?.perSecond.push(ok / seconds);
    series?.cpu.push(cpu / (what.stream ? ok * (what.events ?? STREAM_EVENTS) : ok));
    series?.busy.push(cpu / (seconds * 1_000_000));
    // where nothing came through they are null
    series?.p50.push(outcome.p50 ?? Number.NaN);
    series?.p99.push(outcome.p99 ?? Number.NaN);
    series?.pieces.push(outcome.pieces / ok);
  };

  return {
    faults,
    /** Of others. */
    peculiar,
    requests: () => requests,
    throughGateway: () => throughGateway,
    /** All contestants once, then all again: noise of the machine meets each of them. */
    async section(
      names: readonly Contestant['name'][],
      rounds: number,
      what: Omit<Job, 'port' | 'key' | 'model'>,
    ): Promise<Section> {
      const playing = contestants.filter(({ name }) => names.includes(name));
      const section: Partial<Record<Contestant['name'], Series>> = {};
      for (const { name } of playing)
        section[name] = { perSecond: [], cpu: [], busy: [], p50: [], p99: [], pieces: [] };
      for (let round = 0; round < rounds; round++)
        for (const who of playing) await play(who, what, section[who.name] ?? null);
      return section;
    },
  };
}
