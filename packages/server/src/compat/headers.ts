import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError, type Reply } from '@inferbridge/core';
import type { CacheWish } from '@inferbridge/plugins';
import { timeOrderedId } from '../store/time.ts';
import { RESIDENCY_HEADER } from './names.ts';

/** What a client may say about one request, besides its body. */
export interface RequestHeaders {
  /** `provider:model`, instead of whatever the body names. */
  readonly override: string | null;
  readonly residency: string | null;
  /** Upstream timeout of each attempt. */
  readonly timeoutMs: number | null;
  readonly session: string | null;
  /** How long the client itself will wait, where its SDK tells. */
  readonly patienceMs: number | null;
  /** The decision record is wanted in the block. */
  readonly trace: boolean;
  /** The fire drill, as it is written: `openai=500, anthropic=cut`. */
  readonly fault: string | null;
  /** What is said about caching. */
  readonly cache: CacheWish;
}

const RESIDENCIES_ARE = /^[a-z][a-z0-9_-]{0,31}$/;

type Names = readonly [ours: string, legacy: string];
const both = (name: string): Names => [`x-inferbridge-${name}`, `x-agni-${name}`];
const NAMED = {
  override: both('override-model'),
  residency: both('residency'),
  timeout: both('timeout'),
  session: both('session'),
  trace: both('trace'),
  fault: both('fault'),
  cache: both('cache'),
  stale: both('stale'),
  pace: both('cache-pace'),
  ttl: both('cache-ttl'),
} as const;

/** Reads the documented headers; the new name wins over the legacy alias. Throws `invalid_request` naming the header. */
export function readHeaders(headers: IncomingHttpHeaders): RequestHeaders {
  const named = ([ours, legacy]: Names): string | null => one(headers[ours]) ?? one(headers[legacy]);
  const override = named(NAMED.override);
  if (override !== null && !/^[a-z][a-z0-9_-]*(@[^:]{1,128})?:[^,]{1,256}$/.test(override))
    throw invalid('X-InferBridge-Override-Model', 'provider:model is wanted');
  const residency = named(NAMED.residency)?.toLowerCase() ?? null;
  if (residency !== null && !RESIDENCIES_ARE.test(residency))
    throw invalid(RESIDENCY_HEADER, 'india or eu is wanted');
  return {
    override,
    residency,
    timeoutMs: timeout(named(NAMED.timeout)),
    session: named(NAMED.session),
    patienceMs: patience(headers),
    trace: named(NAMED.trace)?.toLowerCase() === 'true',
    fault: named(NAMED.fault),
    cache: cacheWish(headers, named),
  };
}

/** Printable, as a header has it; longer ones are no keys. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

function cacheWish(headers: IncomingHttpHeaders, named: (names: Names) => string | null): CacheWish {
  const flag = (name: Names): boolean | undefined => {
    const text = named(name)?.trim().toLowerCase();
    return text === undefined ? undefined : text === 'true' || text === '1';
  };
  const [use, stale, paced] = [flag(NAMED.cache), flag(NAMED.stale), flag(NAMED.pace)];
  const ttl = named(NAMED.ttl);
  const ttlSeconds = ttl === null ? undefined : Number(ttl);
  if (ttlSeconds !== undefined && (ttl?.trim() === '' || !Number.isFinite(ttlSeconds)))
    throw invalid('X-InferBridge-Cache-TTL', 'a number of seconds is wanted');
  const key = one(headers['idempotency-key']);
  if (key !== null && !IDEMPOTENCY_KEY.test(key))
    throw invalid('Idempotency-Key', 'up to 255 printable characters without spaces are wanted');
  const control = headers['cache-control']?.toLowerCase() ?? '';
  const maxAge = /(?:^|[\s,])max-age=(\d{1,9})/.exec(control)?.[1];
  return {
    ...(use !== undefined && { use }),
    ...(stale !== undefined && { stale }),
    ...(paced && { paced }),
    ...(ttlSeconds !== undefined && { ttlSeconds }),
    ...(key !== null && { idempotencyKey: key }),
    ...(control.includes('no-store') && { noStore: true }),
    ...(control.includes('no-cache') && { noCache: true }),
    ...(maxAge !== undefined && { maxAgeSeconds: Number(maxAge) }),
  };
}

/** What a reply tells in headers: request fields that could not be honoured, and that it was given before. */
export function replyHeaders({ dropped, replayed }: Reply): Readonly<Record<string, string>> {
  const names = (dropped ?? []).filter((name) => /^[\w.-]{1,64}$/.test(name)).slice(0, MOST_DROPPED);
  return {
    ...(names.length > 0 && { 'x-inferbridge-dropped-params': names.join(', ') }),
    ...(replayed && { 'idempotent-replayed': 'true' }),
  };
}

const MOST_DROPPED = 32;

/** The client's own id where it is one, else a fresh one, which tells its time: rows are found by it. */
export function requestId(headers: IncomingHttpHeaders): string {
  const given = one(headers['x-request-id']);
  return given !== null && /^[A-Za-z0-9_-]{1,128}$/.test(given) ? given : timeOrderedId(Date.now() * 1_000);
}

function timeout(text: string | null): number | null {
  if (text === null) return null;
  const seconds = Number(text);
  if (text.trim() === '' || !Number.isFinite(seconds))
    throw invalid('X-InferBridge-Timeout', 'a number of seconds is wanted');
  return Math.min(300, Math.max(1, seconds)) * 1000;
}

/** openai-node says how long it waits in X-Stainless-Timeout, openai-python in x-stainless-read-timeout; seconds both. */
function patience(headers: IncomingHttpHeaders): number | null {
  const seconds = Number(
    one(headers['x-stainless-timeout']) ?? one(headers['x-stainless-read-timeout']) ?? Number.NaN,
  );
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : null;
}

const one = (value: string | string[] | undefined): string | null =>
  Array.isArray(value) ? (value[0] ?? null) : (value ?? null);

const invalid = (header: string, why: string): GatewayError =>
  new GatewayError('invalid_request', `${header}: ${why}`, { param: header, code: 'validation_error' });

/** A report's digest, and the signature over it. */
export const auditHeaders = (digest: string, signature: string): Readonly<Record<string, string>> => ({
  'x-inferbridge-audit-signature': digest,
  'x-inferbridge-audit-ed25519': signature,
});

/** What of an answer's headers a page of another origin may read. */
export const EXPOSED_HEADERS = [
  'x-request-id',
  'request-id',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'x-ratelimit-limit-rpm',
  'x-ratelimit-limit-tpm',
  'x-inferbridge-dropped-params',
  'idempotent-replayed',
  ...Object.keys(auditHeaders('', '')),
  'content-disposition',
].join(', ');
