/** The parts of a .cpuprofile that are read here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface Share {
  readonly name: string;
  readonly micros: number;
}

/** Self time between two moments, the largest first; idle time is left out. */
export function selfTimes(profile: CpuProfile, from: number, until: number) {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const functions = new Map<string, number>();
  const files = new Map<string, number>();
  const packages = new Map<string, number>();
  let busyMicros = 0;
  let at = profile.startTime;
  const add = (sums: Map<string, number>, name: string, micros: number) =>
    sums.set(name, (sums.get(name) ?? 0) + micros);
  for (const [index, id] of profile.samples.entries()) {
    at += profile.timeDeltas[index] ?? 0;
    // a sample stands for the time until the next one
    const micros = profile.timeDeltas[index + 1] ?? 0;
    const frame = frames.get(id);
    if (!frame || at < from || at > until || frame.functionName === '(idle)') continue;
    const { functionName, url, lineNumber } = frame;
    const file = url === '' ? functionName || '(native)' : short(url);
    busyMicros += micros;
    add(
      functions,
      url === '' ? functionName : `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`,
      micros,
    );
    add(files, url === '' ? '(native and runtime)' : file, micros);
    add(
      packages,
      url === '' ? (RUNTIME.has(functionName) ? functionName : '(native)') : packageOf(url),
      micros,
    );
  }
  return { functions: sorted(functions), files: sorted(files), packages: sorted(packages), busyMicros };
}

const RUNTIME = new Set(['(program)', '(garbage collector)']);

const sorted = (sums: ReadonlyMap<string, number>): Share[] =>
  [...sums].map(([name, micros]) => ({ name, micros })).sort((a, b) => b.micros - a.micros);

/** Without the folders that all have in common. */
const short = (url: string): string =>
  url.replace(/^file:\/\//, '').replace(/^.*\/(node_modules|packages)\//, '$1/');

function packageOf(url: string): string {
  if (url.startsWith('node:'))
    return url.split('/')[0] === 'node:internal' ? `node:internal/${url.split('/')[1]}` : url;
  const name = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  return name ?? /packages\/[^/]+/.exec(url)?.[0] ?? short(url);
}
