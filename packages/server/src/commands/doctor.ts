import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createTransport } from '@inferbridge/providers';
import { assemble } from '../build/assemble.ts';
import { ConfigError } from '../config/config-error.ts';
import { type Flags, type Loaded, loadConfig } from '../config/load.ts';
import { gatewayHost } from '../gateway.ts';
import { examineProviders, examineStores, type Finding } from '../operations/doctor.ts';
import { loadEncryptionKey } from '../secrets/encryption-key.ts';
import { createVault } from '../secrets/vault.ts';
import { chaos, type Score } from '../simulation/chaos.ts';
import { parseSeed } from '../simulation/seed.ts';
import { table } from '../simulation/table.ts';
import { createAccounts, type OpenKey } from '../store/accounts.ts';
import { readStore } from '../store/database.ts';
import type { AccountsSchema } from '../store/schema.ts';

export interface DoctorFlags extends Flags {
  readonly chaos?: boolean | undefined;
  readonly keys?: string | undefined;
  readonly seed?: string | undefined;
  readonly 'stored-keys'?: boolean | undefined;
}

const silent = { info() {}, warn() {}, error() {} };

/** `inferbridge doctor`: what is wrong before it is needed. Exit code 1 where something is. */
export async function doctorCommand(flags: DoctorFlags): Promise<number> {
  const loaded = await loadConfig(flags);
  return flags.chaos ? scoreCard(loaded, flags) : examine(loaded, flags['stored-keys'] === true);
}

async function examine(loaded: Loaded, withStored: boolean): Promise<number> {
  const transport = createTransport({ addresses: loaded.config.selfHosted });
  const host = gatewayHost(transport.send, silent);
  const findings: Finding[] = [];
  try {
    const assembly = await assemble(loaded, host);
    findings.push({
      what: 'configuration',
      verdict: 'ok',
      said: loaded.file ?? 'none found, the defaults hold',
    });
    for (const note of assembly.notes) findings.push({ what: 'configuration', verdict: 'warn', said: note });
    findings.push(...(await examineStores(loaded)));
    const stored = withStored ? await storedKeys(loaded) : [];
    findings.push(...(await examineProviders(assembly, host, stored)));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const line of error.lines) findings.push({ what: 'configuration', verdict: 'fail', said: line });
  } finally {
    await transport.close();
  }
  process.stdout.write(
    `${table(
      findings.map(({ what, verdict, said }) => [verdict, what, said]),
      'words',
    )}
`,
  );
  return findings.some(({ verdict }) => verdict === 'fail') ? 1 : 0;
}

async function storedKeys(loaded: Loaded): Promise<readonly OpenKey[]> {
  const { config, encryptionKey, production } = loaded;
  const file = join(config.dataDir, 'accounts.sqlite');
  if (!existsSync(file)) return [];
  const { fernet } = loadEncryptionKey({
    dataDir: config.dataDir,
    fromEnvironment: encryptionKey,
    production,
  });
  const db = readStore<AccountsSchema>(file);
  const { keys } = await createAccounts({
    db,
    vault: createVault(fernet),
    wall: Date.now,
    onUnreadable() {},
  }).everyKey();
  await db.destroy();
  return keys;
}

async function scoreCard(loaded: Loaded, { keys, seed }: DoctorFlags): Promise<number> {
  const { scores, untried } = await chaos({
    loaded,
    seed: parseSeed(seed),
    keys: keys?.split(',').map((name) => name.trim()),
  });
  const tiers = [...Map.groupBy(scores, ({ tier }) => tier)];
  if (tiers.length === 0)
    throw new ConfigError([
      'no tier has a target with a key; name those that have one with --keys openai,groq',
    ]);
  for (const [tier, own] of tiers) process.stdout.write(`${cardOf(tier, own)}\n`);
  for (const { tier, why } of untried) process.stdout.write(`${tier}: not tried, ${why}\n`);
  if (untried.length > 0) process.stdout.write('\n');
  const lost = scores.filter(({ result }) => result === 'lost').length;
  const held = scores.length - lost;
  process.stdout.write(
    `${held} of ${scores.length} faults held${lost > 0 ? '; a tier with targets of a second provider holds more' : ''}\n`,
  );
  return lost > 0 ? 1 : 0;
}

/** Somebody who waits this long may have left. */
const LONG_MS = 20_000;

function slowest(scores: readonly Score[]): string {
  const most = Math.max(...scores.map(({ ms }) => ms));
  if (most < LONG_MS) return '';
  return `
  up to ${Math.round(most / 1000)} s: a client that leaves sooner has no answer, unless its SDK says how long it waits;
  the tier's timeouts: {firstContentMs: …} bound it
`;
}

function cardOf(tier: string, scores: readonly Score[]): string {
  const said = ({ result, by, error, ms }: Score) =>
    `${result === 'answered' ? `answered by ${by}` : result === 'honest' ? 'an error event, no [DONE]' : `error: ${error}`}, ${(ms / 1000).toFixed(1)} s`;
  const faults = [...Map.groupBy(scores, ({ fault }) => fault)];
  const victims = [...new Set(scores.map(({ victim }) => victim))];
  return `${tier}, while ${victims.join(', for streams ')} …

${table(
  [
    ['  fault', 'whole answers', 'streams'],
    ...faults.map(([fault, both]) => [
      `  ${fault}`,
      ...[false, true].map((stream) => {
        const score = both.find((one) => one.stream === stream);
        return score ? said(score) : '';
      }),
    ]),
  ],
  'words',
)}
${slowest(scores)}`;
}
