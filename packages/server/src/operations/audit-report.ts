import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { added, type Counts, groupedBy, loggedRow, usdOfNano } from '../compat/log.ts';
import type { AuditKey } from '../secrets/audit-key.ts';
import type { RequestLog, Sum } from '../store/request-log.ts';
import type { RequestRow } from '../store/schema.ts';
import { isoMicros, micros } from '../store/time.ts';

export interface AuditQuery {
  readonly userId: string;
  /** Microseconds since 1970: `[start, end)`. */
  readonly start: number;
  readonly end: number;
  readonly residency: string | null;
}

/** A finished report: on disk, since it may hold millions of records. */
export interface AuditReport {
  readonly digest: string;
  readonly signature: string;
  /** The whole report as JSON; reading it to its end, or leaving it, removes it. */
  json(): Readable;
  readonly bytes: number;
  readonly summary: Summary;
  /** The first records, for people to read. */
  readonly first: readonly AuditRecord[];
  readonly generatedAt: string;
  discard(): void;
}

export type AuditRecord = ReturnType<typeof loggedRow>;
export type Summary = ReturnType<ReturnType<typeof createSums>['done']>;

export interface AuditReportOptions {
  readonly requestLog: Pick<RequestLog, 'all'>;
  readonly key: AuditKey;
  readonly dataDir: string;
  readonly wall: () => number;
  /** Whoever wanted it has left. */
  readonly signal?: AbortSignal;
}

/** What an interrupted export has left behind. */
export const removeReports = (dataDir: string): void =>
  rmSync(join(dataDir, FOLDER), { recursive: true, force: true });

const FOLDER = 'reports';
const MOST_FIRST = 2_000;
/** Keys and the log are worth more than a report. */
const LEAST_FREE_BYTES = 16_777_216;

/**
 * Writes a report in the one form that its digest is made of: keys sorted, no white space, non-ASCII escaped, as
 * Python's `json.dumps(report, sort_keys=True, separators=(',', ':'))` writes it. Row by row: it is never held whole.
 */
export async function auditReport(query: AuditQuery, options: AuditReportOptions): Promise<AuditReport> {
  const { requestLog, key, dataDir, wall, signal } = options;
  const folder = join(dataDir, FOLDER);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < LEAST_FREE_BYTES)
    throw Object.assign(new Error('too little room for a report'), { code: 'ENOSPC' });
  const file = join(folder, `${randomUUID()}.json`);
  const out = createWriteStream(file, { mode: 0o600, flags: 'wx' });
  const hash = createHash('sha256');
  let bytes = 0;
  let failure: Error | null = null;
  out.on('error', (error) => {
    failure = error; // a full disk, say: this report's trouble, not the process's
  });
  const write = async (text: string) => {
    if (failure) throw failure;
    hash.update(text);
    bytes += text.length;
    if (!out.write(text)) await once(out, 'drain');
  };
  const discard = () => rmSync(file, { force: true });
  try {
    const generatedAt = isoMicros(micros(wall()));
    const { userId, start, end, residency } = query;
    const head = {
      date_range: { start: isoMicros(start), end: isoMicros(end) },
      filters: { residency },
      generated_at: generatedAt,
    };
    await write(`${canonical(head).slice(0, -1)},"records":[`);
    const sums = createSums();
    const first: AuditRecord[] = [];
    let comma = '';
    for await (const rows of requestLog.all(userId, start, end, residency ?? undefined)) {
      let text = '';
      for (const row of rows) {
        const record = loggedRow(row);
        sums.add(row);
        if (first.length < MOST_FIRST) first.push(record);
        text += comma + canonical(record);
        comma = ',';
      }
      await write(text);
      await new Promise(setImmediate); // requests come first
      signal?.throwIfAborted();
    }
    const summary = sums.done();
    const tail = { report_version: '1.0', summary, user_id: userId };
    await write(`],${canonical(tail).slice(1)}`);
    const digest = hash.digest('hex');
    const signature = key.sign(digest);
    const signed = { algorithm: 'sha256', ed25519: { key_id: key.id, value: signature }, value: digest };
    out.end();
    await finished(out);
    const ending = `,"signature":${canonical(signed)}}`;
    return {
      digest,
      signature,
      summary,
      first,
      generatedAt,
      bytes: bytes - 1 + ending.length,
      json: () => joined(file, bytes - 1, ending, discard),
      discard,
    };
  } catch (error) {
    out.destroy();
    // before that its file may still be made
    if (!out.closed) await new Promise<void>((resolve) => void out.once('close', resolve));
    discard();
    throw error;
  }
}

/** The file up to its closing brace, and behind that the signature. */
function joined(file: string, until: number, ending: string, discard: () => void): Readable {
  const out = new PassThrough();
  const source = createReadStream(file, { end: until - 1 });
  source.pipe(out, { end: false });
  source.on('end', () => out.end(ending));
  source.on('error', (error) => out.destroy(error));
  out.on('close', () => {
    source.destroy();
    discard();
  });
  return out;
}

/** Adds rows up by the way that they went, one at a time. */
function createSums() {
  type Way = Pick<Sum, 'provider' | 'residency' | 'status'>;
  const ways = new Map<string, { -readonly [Figure in keyof Counts]: number } & Way>();
  return {
    add({ provider, residency_actual: residency, status, ...row }: RequestRow) {
      const key = JSON.stringify([provider, residency, status]);
      const sum = ways.get(key) ?? { provider, residency, status, ...NOTHING };
      ways.set(key, sum);
      sum.requests += 1;
      sum.inputTokens += row.input_tokens ?? 0;
      sum.outputTokens += row.output_tokens ?? 0;
      sum.costNanoUsd += row.cost_nano_usd ?? 0;
      sum.cacheHits += row.cache_hit ? 1 : 0;
    },
    done() {
      const sums = [...ways.values()];
      return {
        total_requests: added(sums, (sum) => sum.requests),
        total_input_tokens: added(sums, (sum) => sum.inputTokens),
        total_output_tokens: added(sums, (sum) => sum.outputTokens),
        total_cost_usd: usdOfNano(added(sums, (sum) => sum.costNanoUsd)),
        cache_hits: added(sums, (sum) => sum.cacheHits),
        by_provider: groupedBy(sums, 'provider'),
        by_residency: groupedBy(sums, 'residency'),
        by_status: groupedBy(sums, 'status'),
      };
    },
  };
}

const NOTHING = { requests: 0, inputTokens: 0, outputTokens: 0, costNanoUsd: 0, cacheHits: 0 } as const;

/** As Python's `json.dumps` with sorted keys and no white space: every character beyond ASCII is escaped. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).sort(([a], [b]) => byCodePoint(a, b));
    return `{${fields.map(([name, inner]) => `${escaped(name)}:${canonical(inner)}`).join(',')}}`;
  }
  return typeof value === 'string' ? escaped(value) : JSON.stringify(value);
}

/** Python sorts by code point, JavaScript by its halves of them. */
function byCodePoint(a: string, b: string): number {
  const [one, other] = [[...a], [...b]];
  for (let i = 0; i < Math.min(one.length, other.length); i++) {
    const difference = (one[i]?.codePointAt(0) ?? 0) - (other[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

/** JSON.stringify escapes as Python does below 0x7f. */
const escaped = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
