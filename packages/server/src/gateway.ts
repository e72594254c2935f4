import type { RequestListener } from 'node:http';
import {
  createHost,
  createRetryBudget,
  createRoster,
  type GatewayError,
  type Host,
  type Log,
  systemClock,
  type Transport,
} from '@inferbridge/core';
import type { Orphan } from '@inferbridge/plugins';
import type { Assembly } from './build/assemble.ts';
import { drillsOf } from './build/layers.ts';
import { buildPipeline, limitsOf } from './build/pipeline.ts';
import { selfHostedNames } from './build/providers.ts';
import { rowOf } from './build/row.ts';
import { openStores } from './build/stores.ts';
import { namedModels, tierProviders } from './build/tiers.ts';
import { createTroubleReport } from './build/trouble.ts';
import { isModeName, modeName } from './compat/names.ts';
import type { Loaded } from './config/load.ts';
import { chatFront } from './fronts/chat.ts';
import { createFronts } from './fronts/index.ts';
import { createAddressOf } from './http/address.ts';
import { createApp } from './http/app.ts';
import { createCallState } from './http/call-state.ts';
import { createCors } from './http/cors.ts';
import { createEdge } from './http/edge.ts';
import { createIdentities } from './http/identify.ts';
import { createModelCall } from './http/model-call.ts';
import { watchOverload } from './http/overload.ts';
import { createRateWindow } from './http/rate-window.ts';
import { HEALTH_CHECK_SECONDS, startHealthChecks } from './operations/health-checks.ts';
import { createPrices } from './pricing/prices.ts';
import { createCatalogue } from './routing/catalogue.ts';
import { createCredentials, operatorCredentials } from './routing/credentials.ts';
import { createModeOf } from './routing/mode.ts';
import { createResolve } from './routing/resolve.ts';
import { createTargets } from './routing/targets.ts';
import type { EncryptionKey } from './secrets/encryption-key.ts';
import type { Siblings } from './workers/siblings.ts';

/** By one user. */
const KEY_TESTS_A_MINUTE = 30;

/** Everything behind the port. */
export interface InferBridge {
  /** Answers every request of the HTTP server. */
  readonly handle: RequestListener;
  readonly key: EncryptionKey;
  /** The operator's key, where it was made just now; it is never shown again. */
  readonly operatorKey: string | null;
  /** From here on `/health` says so and connections are not kept. */
  drain(): void;
  /** Is a model call on its way? */
  busy(): boolean;
  /** Model calls that have come so far. */
  calls(): number;
  /** Resolves when every model call has ended and told the log. */
  idle(): Promise<void>;
  /** Ends open streams with an error event of their own. */
  endStreams(reason: GatewayError): void;
  /** Ends calls that run on although nobody waits for them. */
  endOrphans(reason: GatewayError): void;
  /** Writes what waits and closes the stores. */
  close(): Promise<void>;
}

/** The host that the gateway runs on: the machine's clock and chance, the given transport and log. */
export const gatewayHost = (transport: Transport, log: Log): Host =>
  createHost({ transport, log, clock: systemClock });

/** Opens the stores and puts an assembled gateway together; throws a `ConfigError` where a store or key cannot be used. */
export async function createInferBridge(
  loaded: Loaded,
  assembly: Assembly,
  host: Host,
  siblings: Siblings | null = null,
): Promise<InferBridge> {
  const { config } = loaded;
  const { providers, tiers, aliases, strategyOf, operator, stages } = assembly;
  const stores = await openStores(loaded, host, siblings);
  const { accounts, requestLog, writer, reliability, shared } = stores;
  const prices = createPrices(
    Object.fromEntries(Object.entries(config.providers).map(([name, { prices: own }]) => [name, own])),
  );
  const { clock } = host;
  const credentials = createCredentials({ accounts, clock, operator });
  const targets = createTargets({ providers, prices, host, layers: assembly.layers });
  const catalogue = createCatalogue({ providers, prices, host, named: namedModels(tiers), clock });
  const identities = createIdentities({
    users: accounts,
    operators: stores.operators,
    operatorKey: loaded.operatorKey,
    importedKeys: config.importedKeys,
    clock,
    log: host.log,
  });
  const authenticate = identities.user;
  const forgetUser = (userId: string) => {
    identities.forget(userId);
    credentials.forget(userId);
  };
  siblings?.listen({
    forget: forgetUser,
    forgetCached: (owner) => {
      shared.cache.entries.forget(owner).catch(() => {}); // a cache that is away keeps nothing
    },
    flush: writer.flush,
  });
  const modeOf = createModeOf({ tiers, aliases, modeName, isModeName });
  const resolve = createResolve({
    tiers,
    aliases,
    modeName,
    isModeName,
    strategy: strategyOf,
    providers,
    credentials,
    targets,
    catalogue,
    prepare: prices.load,
    retryBudget: createRetryBudget({ clock }),
  });
  const reportTrouble = createTroubleReport(host.log, clock.now);
  const orphans = new Set<Orphan>();
  const gateway = buildPipeline(stages, host, {
    authenticate,
    resolve,
    cache: { ...shared.cache.options, orphans },
    limits: {
      ...limitsOf(config),
      ledger: shared.ledger,
      clock,
    },
    sink: (record, call) => {
      reportTrouble(record.attempts);
      const { user, faults } = call.state;
      // what a request's own drill spoiled says nothing of the provider
      const telling = faults ? record.attempts.filter(({ fault }) => fault === undefined) : record.attempts;
      if (user) reliability.add(user.id, telling);
      const row = rowOf(record, call, modeOf(call));
      if (row) writer.add(row);
    },
  });
  const checks = startHealthChecks({
    host,
    gate: assembly.gate,
    providers,
    operator: Object.fromEntries(
      Object.entries(operator).map(([name, secrets]) => [name, operatorCredentials(secrets)]),
    ),
    everySeconds: (name) => config.providers[name]?.healthCheckSeconds ?? HEALTH_CHECK_SECONDS,
  });
  const callState = createCallState({
    tags: config.tags,
    drills: drillsOf(config),
    providers: providers.names(),
  });
  const open = createRoster<(reason: GatewayError) => void>();
  const answerOf = createModelCall({
    gateway,
    host,
    authenticate,
    bodyLimitBytes: config.bodyLimitBytes,
    callState,
    open,
  });
  const fronts = createFronts({ strict: config.strictFields });
  let draining = false;
  const overload = watchOverload(host);
  const app = createApp({
    log: host.log,
    bodyLimitBytes: config.bodyLimitBytes,
    fronts,
    host,
    resolve,
    chat: chatFront({ strict: config.strictFields }),
    callState,
    draining: () => draining,
    overloaded: overload.why,
    identities,
    addressOf: createAddressOf(config.trustedProxies),
    limits: limitsOf(config),
    importedKeys: config.importedKeys,
    forgetUser(userId) {
      forgetUser(userId);
      siblings?.forget(userId);
    },
    purge: stores.purges.now,
    auditKey: stores.auditKey,
    dataDir: config.dataDir,
    accounts,
    providers,
    credentials,
    catalogue,
    requestLog,
    reliability,
    targets,
    named: namedModels(tiers),
    flushLogs: stores.flushLogs,
    wall: clock.wall,
    pricesUpdated: prices.lastUpdated,
    signup: config.signup,
    signups: createRateWindow(clock, config.limits.signupsPerMinute),
    upstream: host,
    tests: createRateWindow(clock, KEY_TESTS_A_MINUTE),
    selfHosted: selfHostedNames(config, providers),
    addresses: config.selfHosted,
    tierProviders: tierProviders(tiers),
    aliases,
    startedAt: Math.floor(clock.wall() / 1000),
    parts: { accounts: accounts.ping, logs: requestLog.ping },
  });
  const edge = createEdge({
    models: new Map(fronts.map((front) => [front.path, { front, answer: answerOf(front) }])),
    rest: app.callback(),
    random: host.random,
    cors: createCors(config.cors.origins),
    inFlight: Math.ceil(config.limits.inFlight / (siblings?.count ?? 1)),
    orphans,
    overloaded: overload.why,
    draining: () => draining,
  });
  return {
    handle: edge.handle,
    idle: edge.idle,
    busy: edge.busy,
    calls: edge.calls,
    key: stores.key,
    operatorKey: stores.operatorKey,
    drain: () => {
      draining = true;
    },
    endStreams: (reason) => {
      for (const end of open) end(reason);
    },
    endOrphans: (reason) => {
      for (const orphan of orphans) orphan.abort(reason);
    },
    async close() {
      checks.stop();
      overload.stop();
      await identities.close();
      await stores.close();
    },
  };
}
