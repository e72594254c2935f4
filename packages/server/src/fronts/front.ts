import type { IncomingHttpHeaders } from 'node:http';
import type { Reply, Request, Stream } from '@inferbridge/core';
import type { Block } from '../compat/block.ts';
import type { WireError } from '../compat/error-shape.ts';

/** One way to ask this gateway: a path, and the dialect that is spoken there. Everything behind it is the same. */
export interface Front {
  readonly path: string;
  /** Reads JSON where `JSON.parse` would lose something; throws what that throws. */
  readonly parse?: (text: string) => unknown;
  /** The body as a request; throws 422 or 400 that names the field at fault. */
  request(body: Record<string, unknown>, bytes: Uint8Array, headers: IncomingHttpHeaders): Request;
  /** Answers one request. */
  writer(exchange: Exchange): Writer;
  /** A failure in this dialect's envelope. */
  failure(wire: WireError, requestId: string): { readonly status: number; readonly body: object };
  /** Headers of this dialect's own on every answer. */
  headers?(requestId: string): Readonly<Record<string, string>>;
}

/** What is known of one request when its answer is written. */
export interface Exchange {
  readonly requestId: string;
  /** The body as it came in, but for the conversation. */
  readonly asked: Record<string, unknown>;
  readonly request: Request;
  /** Made at the end, when cost and tokens are known. */
  block(reply: Reply): Block;
}

export interface Writer {
  /** A reply that is there at once. */
  whole(reply: Exclude<Reply, Stream>): Buffer;
  /** Throws what the reply's frames throw. */
  stream(reply: Stream): AsyncIterable<Uint8Array>;
  /** The last events of a stream that has failed. */
  broken(wire: WireError): string;
}
