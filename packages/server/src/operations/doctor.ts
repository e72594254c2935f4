import { constants, existsSync } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { asGatewayError, type Credential, type Host } from '@inferbridge/core';
import type { Assembly } from '../build/assemble.ts';
import type { Loaded } from '../config/load.ts';
import { operatorCredentials } from '../routing/credentials.ts';
import { loadEncryptionKey } from '../secrets/encryption-key.ts';
import { createVault } from '../secrets/vault.ts';
import { createAccounts, type OpenKey } from '../store/accounts.ts';
import { readStore } from '../store/database.ts';
import { createRequestLog } from '../store/request-log.ts';
import type { AccountsSchema, LogsSchema } from '../store/schema.ts';
import { askHealth, isCheckable } from './health-checks.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly what: string;
  readonly verdict: 'ok' | 'warn' | 'fail';
  /** What was found, and what to do where it is not well. */
  readonly said: string;
}

const REMEDIES: Readonly<Record<string, string>> = {
  bad_credential: 'the key was refused: is it right, and not revoked?',
  quota_exhausted: 'the account is out of money or quota',
  rate_limited: 'rate limited: the key works, the account is busy',
  unreachable: 'cannot be reached: check baseUrl, DNS, proxy and firewall',
  timeout: 'no answer in time',
};

/** Is there room for logs and a backup? */
const LEAST_FREE_BYTES = 1_073_741_824;
const MOST_SKEW_MS = 30_000;

/** Looks at the stores without making any; nothing is written. */
export async function examineStores(loaded: Loaded): Promise<readonly Finding[]> {
  const { dataDir } = loaded.config;
  const findings: Finding[] = [];
  const place = nearestExisting(dataDir);
  const writable = await access(place, constants.W_OK).then(
    () => true,
    () => false,
  );
  findings.push(
    writable
      ? { what: 'data directory', verdict: 'ok', said: dataDir }
      : {
          what: 'data directory',
          verdict: 'fail',
          said: `${place} cannot be written to; change its owner or set dataDir`,
        },
  );
  const { bavail, bsize } = await statfs(place);
  if (bavail * bsize < LEAST_FREE_BYTES)
    findings.push({
      what: 'disk',
      verdict: 'warn',
      said: `${Math.round((bavail * bsize) / 1_048_576)} MB are free; request rows may need more, see retentionDays`,
    });
  const accounts = join(dataDir, 'accounts.sqlite');
  if (!existsSync(accounts)) {
    const missing = loaded.encryptionKey === null && loaded.production;
    findings.push({
      what: 'stores',
      verdict: missing ? 'fail' : 'ok',
      said: missing
        ? 'there is no encryption key, and in production none is made: set INFERBRIDGE_ENCRYPTION_KEY'
        : 'none yet; the first start makes them',
    });
    return findings;
  }
  return [...findings, ...(await openedStores(loaded, accounts))];
}

async function openedStores(loaded: Loaded, file: string): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const { config, encryptionKey, production } = loaded;
  if (encryptionKey === null && !existsSync(join(config.dataDir, 'encryption.key')))
    return [
      {
        what: 'encryption key',
        verdict: 'fail',
        said: 'there are stored keys, but no encryption key to read them with; restore it',
      },
    ];
  try {
    const { fernet } = loadEncryptionKey({
      dataDir: config.dataDir,
      fromEnvironment: encryptionKey,
      production,
    });
    const db = readStore<AccountsSchema>(file);
    const unreadable: string[] = [];
    const store = createAccounts({
      db,
      vault: createVault(fernet),
      wall: Date.now,
      onUnreadable: (id) => void unreadable.push(id),
    });
    const { users, keys } = await store.everyKey();
    await db.destroy();
    findings.push({
      what: 'accounts',
      verdict: 'ok',
      said: `${users} users, ${keys.length + unreadable.length} provider keys`,
    });
    if (unreadable.length > 0)
      findings.push({
        what: 'encryption key',
        verdict: 'fail',
        said: `${unreadable.length} provider keys cannot be decrypted with it; was it changed?`,
      });
    else findings.push({ what: 'encryption key', verdict: 'ok', said: 'reads every stored key' });
    const logs = join(config.dataDir, 'logs.sqlite');
    if (existsSync(logs)) {
      const logDb = readStore<LogsSchema>(logs);
      await createRequestLog(logDb).ping();
      await logDb.destroy();
      findings.push({ what: 'request log', verdict: 'ok', said: logs });
    }
  } catch (error) {
    findings.push({
      what: 'stores',
      verdict: 'fail',
      said: error instanceof Error ? error.message : String(error),
    });
  }
  return findings;
}

/** The folder itself, or whichever of its parents is there. */
const nearestExisting = (path: string): string => (existsSync(path) ? path : nearestExisting(dirname(path)));

/** One cheap call with each of the operator's keys, and what the answers' dates say of this machine's clock. */
export async function examineProviders(
  { providers, operator }: Pick<Assembly, 'providers' | 'operator'>,
  host: Host,
  stored: readonly OpenKey[] = [],
): Promise<readonly Finding[]> {
  const skews: number[] = [];
  const watching: Host = {
    ...host,
    async transport(request) {
      const response = await host.transport(request);
      const date = Date.parse(response.headers['date'] ?? '');
      if (!Number.isNaN(date)) skews.push(Math.abs(host.clock.wall() - date));
      return response;
    },
  };
  const asked: { readonly what: string; readonly name: string; readonly credential: Credential }[] = [
    ...Object.entries(operator).flatMap(([name, secrets]) =>
      operatorCredentials(secrets).map((credential, index) => ({
        what: `${name}${secrets.length > 1 ? `, key ${index + 1}` : ''}`,
        name,
        credential,
      })),
    ),
    ...stored.map((key) => ({
      what: `${key.provider}, a user's key ${key.id.slice(0, 8)}`,
      name: key.provider,
      credential: { id: key.id, secret: key.secret, ...(key.base_url !== null && { baseUrl: key.base_url }) },
    })),
  ];
  const findings = await Promise.all(
    asked.map(async ({ what, name, credential }): Promise<Finding> => {
      const provider = providers.get(name);
      if (!provider) return { what, verdict: 'fail', said: `there is no provider named "${name}" any more` };
      if (!isCheckable(provider))
        return { what, verdict: 'warn', said: 'has nothing cheap to ask; not checked' };
      const startedAt = host.clock.now();
      return askHealth(provider, credential, watching).then(
        () => ({ what, verdict: 'ok', said: `answered in ${Math.round(host.clock.now() - startedAt)} ms` }),
        (error: unknown) => {
          const { class: kind, message } = asGatewayError(error);
          return {
            what,
            verdict: kind === 'rate_limited' ? 'warn' : 'fail',
            said: REMEDIES[kind] ?? message,
          };
        },
      );
    }),
  );
  if (findings.length === 0)
    return [
      { what: 'providers', verdict: 'ok', said: "none has a key of the operator's; users bring their own" },
    ];
  return [...findings, ...clock(skews)];
}

function clock(skews: readonly number[]): readonly Finding[] {
  if (skews.length === 0) return [];
  const least = Math.min(...skews);
  return [
    least > MOST_SKEW_MS
      ? {
          what: 'clock',
          verdict: 'warn',
          said: `differs from the providers' by ${Math.round(least / 1000)} s; run NTP`,
        }
      : { what: 'clock', verdict: 'ok', said: 'agrees with the providers' },
  ];
}
