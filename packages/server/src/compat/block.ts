import type { Money, Reply } from '@inferbridge/core';
import type { Explanation } from '@inferbridge/plugins';

/** What every successful response tells about itself. */
export interface Block {
  readonly provider: string;
  readonly model: string;
  readonly mode: string;
  readonly cache_hit: boolean;
  /** The answer of a call that was on its way already. */
  readonly coalesced?: true;
  /** An old answer, since every candidate failed. */
  readonly stale?: true;
  /** From entry to assembly. */
  readonly latency_ms: number;
  /** US dollars with six decimals; zeros where unknown. */
  readonly cost_usd: string;
  readonly residency_actual: string;
  readonly request_id: string;
  /** Where the request went and why, for those who asked. */
  readonly trace?: Explanation;
}

export interface BlockFacts {
  readonly mode: string;
  readonly requestId: string;
  readonly latencyMs: number;
  readonly trace?: Explanation | null;
}

export const usd = (money: Money | null): string => (money ?? 0).toFixed(6);

export function blockOf(reply: Reply, { mode, requestId, latencyMs, trace }: BlockFacts): Block {
  const hit = reply.cached !== undefined;
  const { provider, model, residency } = reply.by;
  return {
    provider: hit ? 'cache' : provider,
    model: hit ? `${provider}:${model}` : model,
    mode,
    cache_hit: hit,
    ...(reply.cached === 'coalesced' && { coalesced: true }),
    ...(reply.cached === 'stale' && { stale: true }),
    latency_ms: Math.round(latencyMs),
    cost_usd: usd(hit ? 0 : reply.cost()),
    residency_actual: hit ? 'cache' : residency,
    request_id: requestId,
    ...(trace && { trace }),
  };
}

const NAME = 'inferbridge';
const OPEN = 0x7b;
const CLOSE = 0x7d;
const SPACE = 0x20;

/** A completion's bytes with the block as their last field; the rest stays as it is, byte by byte. */
export function withBlock(bytes: Uint8Array, block: Block): Buffer {
  const end = bytes.lastIndexOf(CLOSE);
  let last = end - 1;
  while ((bytes[last] ?? OPEN) <= SPACE) last -= 1; // blanks, which JSON has no others of
  const comma = bytes[last] === OPEN ? '' : ',';
  const text = `${comma}"${NAME}":${JSON.stringify(block)}}`;
  const all = Buffer.allocUnsafe(end + Buffer.byteLength(text));
  all.set(bytes.subarray(0, end));
  all.write(text, end);
  return all;
}

/** Puts the block where streams carry it: the first choice's delta of the last chunk with a choice. */
export function deltaWithBlock<Delta extends object>(delta: Delta, block: Block): Delta {
  return { ...delta, [NAME]: block };
}

/** The block under its name, for events and bodies that are made anew. */
export const named = (block: Block): object => ({ [NAME]: block });
