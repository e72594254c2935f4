import { join } from 'node:path';
import type { Host } from '@inferbridge/core';
import { ENCRYPTION_KEY_VARIABLES, OPERATOR_KEY_PREFIX } from '../compat/names.ts';
import { ConfigError } from '../config/config-error.ts';
import type { Loaded } from '../config/load.ts';
import { removeReports } from '../operations/audit-report.ts';
import { startPurges } from '../operations/purge.ts';
import { freshKey } from '../secrets/api-key.ts';
import { type AuditKey, loadAuditKey } from '../secrets/audit-key.ts';
import { loadEncryptionKey } from '../secrets/encryption-key.ts';
import { createVault } from '../secrets/vault.ts';
import { createAccounts } from '../store/accounts.ts';
import { bytesOf, openAccounts, openLogs } from '../store/database.ts';
import { createLogWriter } from '../store/log-writer.ts';
import { createOperators } from '../store/operators.ts';
import { createReliabilityLog } from '../store/reliability.ts';
import { createRequestLog } from '../store/request-log.ts';
import { startRetention } from '../store/retention.ts';
import { createRowInsert } from '../store/row-insert.ts';
import { openShared } from '../store/shared.ts';
import { createWords } from '../store/words.ts';
import type { Siblings } from '../workers/siblings.ts';

/** Everything that a gateway keeps, opened. */
export type Stores = Awaited<ReturnType<typeof openStores>>;

/** Throws a `ConfigError` where a store or the encryption key cannot be used. */
export async function openStores(loaded: Loaded, host: Host, siblings: Siblings | null = null) {
  const { config } = loaded;
  const { clock, log } = host;
  const housekeeping = siblings?.housekeeping ?? true;
  const key = loadEncryptionKey({
    dataDir: config.dataDir,
    fromEnvironment: loaded.encryptionKey,
    production: loaded.production,
  });
  const [accountsDb, logsDb] = await Promise.all([
    openAccounts(join(config.dataDir, 'accounts.sqlite')),
    openLogs(join(config.dataDir, 'logs.sqlite'), (aside) =>
      log.error({ aside }, 'the request log was damaged and has been moved aside'),
    ),
  ]);
  if (housekeeping) removeReports(config.dataDir);
  const accounts = createAccounts({
    db: accountsDb,
    vault: createVault(key.fernet),
    wall: clock.wall,
    onUnreadable: (id) =>
      log.error({ key_id: id }, 'a provider key cannot be decrypted; was the encryption key changed?'),
  });
  if (await accounts.lockedOut())
    throw new ConfigError([
      `the encryption key (${key.file ?? ENCRYPTION_KEY_VARIABLES[0]}) opens none of the provider keys that are stored; put the right one back`,
    ]);
  const operators = createOperators(accountsDb, clock.wall);
  const words = createWords(logsDb);
  const requestLog = createRequestLog(logsDb, words);
  const shared = await openShared(config, host, requestLog.spent, siblings);
  const writer = createLogWriter({ insert: createRowInsert(logsDb, words), clock, log });
  const reliability = createReliabilityLog({ db: logsDb, clock, log });
  const retention =
    housekeeping &&
    startRetention({
      requestLog,
      clock,
      log,
      days: config.retentionDays,
      maxBytes: config.logFileMaxBytes,
      bytes: () => bytesOf(logsDb),
    });
  const { entries } = shared.cache;
  const flushLogs = async () => {
    await Promise.all([writer.flush(), siblings?.flush()]);
  };
  const forget = (owner: string) => {
    siblings?.forgetCached(owner);
    return entries.forget(owner);
  };
  const purges = housekeeping
    ? startPurges({ users: accounts, requestLog, flushLogs, entries: { forget }, host })
    : { now: () => siblings?.purge(), stop() {} };
  let audit: AuditKey | null = null;
  return {
    key,
    /** Read, or made, when it is first wanted. */
    auditKey: () => (audit ??= loadAuditKey(config.dataDir)),
    accounts,
    operators,
    /** The operator's key, where one was made just now; it is never shown again. */
    operatorKey: loaded.operatorKey === null ? await firstOperatorKey(operators) : null,
    requestLog,
    writer,
    /** Also of the other processes, where there are some. */
    flushLogs,
    reliability,
    shared,
    purges,
    async close() {
      if (retention) retention.stop();
      purges.stop();
      await Promise.all([writer.close(), reliability.close(), shared.close()]);
      await Promise.all([accountsDb.destroy(), logsDb.destroy()]);
    },
  };
}

async function firstOperatorKey(operators: ReturnType<typeof createOperators>): Promise<string | null> {
  if (await operators.any()) return null;
  const { key, stored } = freshKey(OPERATOR_KEY_PREFIX);
  await operators.add(stored);
  return key;
}
