import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfigError } from '../config/config-error.ts';
import { type Flags, loadConfig } from '../config/load.ts';
import { parseSeed } from '../simulation/seed.ts';
import { ms, percent, table, usd } from '../simulation/table.ts';
import { type Side, type WhatIf, whatIf } from '../simulation/what-if.ts';
import { readStore } from '../store/database.ts';
import { createRequestLog } from '../store/request-log.ts';
import type { LogsSchema, RequestRow } from '../store/schema.ts';
import { micros } from '../store/time.ts';

export interface WhatIfFlags extends Flags {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly logs?: string | undefined;
  readonly keys?: string | undefined;
  readonly seed?: string | undefined;
  readonly json?: string | undefined;
}

const MOST_ROWS = 500_000;
const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `inferbridge what-if`: what the requests of the log would have met under another configuration. */
export async function whatIfCommand(flags: WhatIfFlags): Promise<number> {
  const loaded = await loadConfig(flags);
  const since = instant('--since', flags.since ?? '24h');
  const until = flags.until === undefined ? Date.now() : instant('--until', flags.until);
  const file = resolve(flags.logs ?? join(loaded.config.dataDir, 'logs.sqlite'));
  if (!existsSync(file))
    throw new ConfigError([`${file} is not there; name the log of a gateway with --logs FILE`]);
  const db = readStore<LogsSchema>(file);
  const rows: RequestRow[] = [];
  for await (const page of createRequestLog(db).replay(micros(since), micros(until))) {
    rows.push(...page);
    if (rows.length >= MOST_ROWS) break;
  }
  await db.destroy();
  if (rows.length === 0)
    throw new ConfigError([
      `${file} has no request since ${new Date(since).toISOString()}; reach further back with --since`,
    ]);
  const result = await whatIf({
    loaded,
    rows,
    seed: parseSeed(flags.seed),
    ...(flags.keys !== undefined && { keys: flags.keys.split(',').map((name) => name.trim()) }),
  });
  if (flags.json === '-') process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else process.stdout.write(told(result, rows.length >= MOST_ROWS));
  if (flags.json && flags.json !== '-') writeFileSync(flags.json, `${JSON.stringify(result, null, 2)}\n`);
  return 0;
}

/** `24h`, or ISO 8601. */
function instant(flag: string, text: string): number {
  const [, amount, unit = ''] = /^(\d+)([mhd])$/.exec(text) ?? [];
  const at = amount ? Date.now() - Number(amount) * (UNITS[unit] ?? 0) : Date.parse(text);
  if (Number.isNaN(at))
    throw new ConfigError([`${flag}: 24h, 7d or an ISO 8601 time is wanted, got "${text}"`]);
  return at;
}

function told({ since, until, before, after, left_out: out, guessed }: WhatIf, cut: boolean): string {
  const row = (name: string, of: (side: Side) => string) => [name, of(before), of(after)];
  const targets = [...new Set([...Object.keys(before.mix), ...Object.keys(after.mix)])].sort();
  const unknown = Object.entries(guessed);
  const others = Object.entries(out);
  return `requests from ${since} to ${until}${cut ? `; the first ${MOST_ROWS} of them` : ''}

${table([
  ['', 'as it was', 'as it would be'],
  row('requests', (side) => String(side.requests)),
  row('success', (side) => percent(side.success_rate)),
  row('by fallback', (side) => percent(side.fallback_share)),
  row('cost', (side) => usd(side.cost_usd)),
  row('cost of all attempts', (side) => usd(side.attempts_cost_usd)),
  row('latency p50', (side) => ms(side.total_ms.p50)),
  row('latency p95', (side) => ms(side.total_ms.p95)),
  row('latency p99', (side) => ms(side.total_ms.p99)),
])}

${table([['served by', 'as it was', 'as it would be'], ...targets.map((name) => row(name, (side) => String(side.mix[name] ?? 0)))])}
${others.length > 0 ? `\nnot replayed: ${others.map(([why, times]) => `${times} (${why})`).join(', ')}\n` : ''}${unknown.length > 0 ? `\nnot in the log, and taken to be like the others: ${unknown.map(([name, times]) => `${name} (${times} attempts)`).join(', ')}\n` : ''}`;
}
