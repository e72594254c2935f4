import type { Phase } from './call.ts';
import { type Clock, systemClock } from './clock.ts';

/** One HTTP request to an upstream. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly signal: AbortSignal;
  /** True where a user, not the operator, chose the address: it is then checked against the guard at every connect. */
  readonly guarded?: boolean;
  readonly progress?: (phase: Exclude<Phase, 'content'>) => void;
}

/** An upstream's answer; its body is read once, whole or piece by piece. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; repeated ones joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** The whole body; rejects with `malformed` beyond `limit` bytes. */
  bytes(limit?: number): Promise<Uint8Array>;
  /** The body as it comes, at the reader's pace; leaving it early aborts the request. */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * How upstreams are reached. Rejects with a `GatewayError` (`unreachable`, `timeout`, `malformed`) or with the
 * signal's reason; follows no redirects.
 */
export type Transport = (request: HttpRequest) => Promise<HttpResponse>;

/** Where warnings go: fields first, words second, as pino has it. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Everything that a program gets from outside itself. */
export interface Host {
  readonly clock: Clock;
  /** In [0, 1). */
  random(): number;
  readonly transport: Transport;
  readonly log: Log;
}

/** Says nothing. */
export const silentLog: Log = { info() {}, warn() {}, error() {} };

/** A host on the machine's clock and randomness that logs nowhere. */
export function createHost(parts: Partial<Host> & Pick<Host, 'transport'>): Host {
  return { clock: systemClock, random: Math.random, log: silentLog, ...parts };
}
