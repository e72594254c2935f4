import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startProgram } from './child.ts';
import { logged, signUp, startGateway, temporaryFolder } from './gateway.ts';
import type { Job, Outcome } from './job.ts';
import { type CpuProfile, type Share, selfTimes } from './self-time.ts';

const USAGE = `node test/bench/profile.ts [--streams] [--anthropic] [--stored | --hits] [--limited] [--seconds N] [--top N] [--keep FILE]

  Where the gateway's CPU time goes under load: --cpu-prof, the seconds under load alone, by function, file and package.
`;

const { values: flags } = parseArgs({
  options: {
    streams: { type: 'boolean', default: false },
    anthropic: { type: 'boolean', default: false },
    stored: { type: 'boolean', default: false },
    hits: { type: 'boolean', default: false },
    limited: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '8' },
    top: { type: 'string', default: '40' },
    keep: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const micros = () => Number(process.hrtime.bigint() / 1000n); // the clock that the profile is written in

async function profile(): Promise<void> {
  const { dir, remove } = temporaryFolder();
  const profiles = mkdtempSync(join(tmpdir(), 'inferbridge-profile-'));
  try {
    const upstream = await startProgram('mock-upstream.ts', 'load');
    const load = await startProgram('load.ts', 'load');
    const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${profiles}`, '--cpu-prof-interval=250'];
    const gateway = await startGateway({ upstreamPort: upstream.port, dir, nodeArgs });
    const key = await signUp(gateway, { limited: flags.limited });
    const job: Job = {
      port: gateway.port,
      key,
      model: flags.anthropic ? 'ib/premium' : 'ib/balanced',
      stream: flags.streams,
      connections: flags.streams ? 50 : 32,
      seconds: 4,
      ...((flags.stored || flags.hits) && { headers: 'x-inferbridge-cache: true\r\n' }),
      ...(flags.hits && { same: true }),
    };
    await load.ask<Outcome>(job);
    const from = micros();
    const outcome = await load.ask<Outcome>({ ...job, seconds: Number(flags.seconds) });
    const until = micros();
    await logged(gateway, key);
    await gateway.stop();
    await Promise.all([load.stop(), upstream.stop()]);
    const [file] = existsSync(profiles) ? readdirSync(profiles) : [];
    if (!file) throw new Error('the gateway left no profile');
    if (flags.keep !== undefined) copyFileSync(join(profiles, file), flags.keep);
    const read = JSON.parse(readFileSync(join(profiles, file), 'utf8')) as CpuProfile; // as V8 writes them
    const { functions, files, packages, busyMicros } = selfTimes(read, from, until);
    const each = busyMicros / outcome.ok;
    process.stdout.write(
      `${outcome.ok} ${flags.streams ? 'streams' : 'requests'} in ${outcome.seconds.toFixed(1)} s, ${each.toFixed(1)} µs of CPU each under the profiler; refused ${JSON.stringify(outcome.refused)}\n`,
    );
    const top = Number(flags.top);
    print('by package', packages, top, outcome.ok);
    print('by file', files, top, outcome.ok);
    print('by function', functions, top, outcome.ok);
  } finally {
    remove();
    rmSync(profiles, { recursive: true, force: true });
  }
}

function print(title: string, shares: readonly Share[], top: number, count: number): void {
  const total = shares.reduce((sum, { micros: self }) => sum + self, 0);
  process.stdout.write(`\n${title}\n`);
  for (const { name, micros: self } of shares.slice(0, top))
    process.stdout.write(
      `${((self / total) * 100).toFixed(1).padStart(6)} %  ${(self / count).toFixed(2).padStart(8)} µs  ${name}\n`,
    );
}

if (flags.help) process.stdout.write(USAGE);
else await profile();
