import { createServer, type Server } from 'node:http';
import { type AddressInfo, isIPv6, type Socket } from 'node:net';
import { createRoster, GatewayError, type Log } from '@inferbridge/core';
import { createTransport } from '@inferbridge/providers';
import { assemble } from './build/assemble.ts';
import { ConfigError } from './config/config-error.ts';
import type { Loaded } from './config/load.ts';
import { createInferBridge, gatewayHost, type InferBridge } from './gateway.ts';
import type { Siblings } from './workers/siblings.ts';

/** A gateway that serves. */
export interface Running {
  readonly url: string;
  readonly notes: readonly string[];
  readonly bridge: InferBridge;
  /** Lets requests finish (streams longer), ends the rest with an error of its own, writes all rows. */
  stop(): Promise<void>;
}

const DRAIN_MS = 30_000;
/** Nobody waits for them, but somebody may ask again. */
const DRAIN_ORPHANS_MS = 10_000;
const DRAIN_STREAMS_MS = 120_000;

/** Builds everything, and only then opens the port; throws a `ConfigError` where either cannot be done. */
export async function start(loaded: Loaded, log: Log, siblings: Siblings | null = null): Promise<Running> {
  const transport = createTransport({ addresses: loaded.config.selfHosted });
  const host = gatewayHost(transport.send, log);
  const assembly = await assemble(loaded, host);
  const bridge = await createInferBridge(loaded, assembly, host, siblings);
  const server = createServer({
    headersTimeout: 30_000,
    requestTimeout: 300_000,
    keepAliveTimeout: 65_000,
    maxHeaderSize: 16_384,
  });
  const { host: address, port, bodyLimitBytes } = loaded.config;
  const sockets = createRoster<Socket>();
  server.on('connection', (socket) => {
    socket.once('close', sockets.add(socket));
  });
  server.on('request', bridge.handle);
  server.on('checkContinue', (request, response) => {
    // a body that is too large is refused before it is sent
    if (Number(request.headers['content-length'] ?? 0) <= bodyLimitBytes) response.writeContinue();
    bridge.handle(request, response);
  });
  try {
    await listen(server, port, address);
  } catch (error) {
    await bridge.close();
    await transport.close();
    throw new ConfigError([reason(error, address, port)]);
  }
  if (!siblings) for (const note of assembly.notes) log.warn({}, note);
  const bound = server.address() as AddressInfo; // listening on a port, so it is not a pipe's name
  return {
    url: `http://${isIPv6(bound.address) ? `[${bound.address}]` : bound.address}:${bound.port}`,
    notes: assembly.notes,
    bridge,
    async stop() {
      bridge.drain();
      await drained(server, sockets, bridge);
      await bridge.close();
      await transport.close();
    },
  };
}

/** The same without a port, for `--check`; tells what a start would say. */
export async function check(loaded: Loaded, log: Log): Promise<readonly string[]> {
  const transport = createTransport();
  const { notes } = await assemble(loaded, gatewayHost(transport.send, log));
  await transport.close();
  return notes;
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: 4_096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** New connections are refused at once; open requests get their time. */
async function drained(server: Server, sockets: Iterable<Socket>, bridge: InferBridge): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const hangUp = () => {
    server.closeIdleConnections();
    // Node takes one on which nothing has come yet for one whose request is on its way
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  };
  hangUp();
  const idle = setInterval(hangUp, 250);
  const why = new GatewayError('shed', 'the gateway is shutting down');
  // again and again: an attempt that is ended may be followed by another one
  const orphans = setInterval(() => bridge.endOrphans(why), DRAIN_ORPHANS_MS);
  const end = setTimeout(() => bridge.endStreams(why), DRAIN_STREAMS_MS);
  const hard = setTimeout(() => server.closeAllConnections(), DRAIN_STREAMS_MS + DRAIN_MS);
  await closed;
  await bridge.idle();
  clearInterval(idle);
  clearInterval(orphans);
  clearTimeout(end);
  clearTimeout(hard);
}

function reason(error: unknown, host: string, port: number): string {
  const { code } = error as NodeJS.ErrnoException; // what listening throws
  if (code === 'EADDRINUSE')
    return `port: ${port} on ${host} is taken; choose another with --port or INFERBRIDGE_PORT`;
  if (code === 'EACCES') return `port: ${port} needs privileges; choose one above 1023`;
  if (code === 'EADDRNOTAVAIL') return `host: ${host} is no address of this machine`;
  return `cannot listen on ${host}:${port} (${code})`;
}
