import { writeFileSync } from 'node:fs';
import { ConfigError } from '../config/config-error.ts';
import { type Flags, loadConfig } from '../config/load.ts';
import { readDataFile } from '../config/read-file.ts';
import { chartSvg } from '../simulation/chart.ts';
import { parseScenario } from '../simulation/scenario.ts';
import { parseSeed } from '../simulation/seed.ts';
import { simulate } from '../simulation/simulate.ts';
import { summarise } from '../simulation/summary.ts';
import { summaryText } from '../simulation/table.ts';

export interface SimulateFlags extends Flags {
  readonly scenario?: string | undefined;
  readonly seed?: string | undefined;
  readonly json?: string | undefined;
  readonly svg?: string | undefined;
}

/** `inferbridge simulate`: what clients would have seen of an outage, on a clock that costs no time. */
export async function simulateCommand(flags: SimulateFlags): Promise<number> {
  const { scenario: path } = flags;
  if (!path) throw new ConfigError(['--scenario FILE is wanted; docs/simulate.md shows one']);
  const seed = parseSeed(flags.seed);
  const scenario = parseScenario(await readDataFile(path), path);
  const summary = summarise(await simulate(await loadConfig(flags), scenario, seed));
  if (flags.json === '-') process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
  else process.stdout.write(summaryText(summary));
  if (flags.json && flags.json !== '-') writeFileSync(flags.json, `${JSON.stringify(summary, null, 2)}\n`);
  if (flags.svg) writeFileSync(flags.svg, chartSvg(summary));
  return 0;
}
