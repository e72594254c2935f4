import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream, mkdirSync, rmSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import type { AuditKey } from '../secrets/audit-key.ts';
import type { RequestLog } from '../store/request-log.ts';
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

export type AuditRecord = ReturnType<typeof recordOf>;
interface Group {
  requests: number;
  input_tokens: number;
  output_tokens: number;
  cost_usd: string;
}
export interface Summary {
  readonly total_requests: number;
  readonly total_input_tokens: number;
  readonly total_output_tokens: number;
  readonly total_cost_usd: string;
  readonly cache_hits: number;
  readonly by_provider: Readonly<Record<string, Group>>;
  readonly by_residency: Readonly<Record<string, Group>>;
  readonly by_status: Readonly<Record<string, Group>>;
}

export interface AuditReportOptions {
  readonly requestLog: Pick<RequestLog, 'all'>;
  readonly key: AuditKey;
  readonly dataDir: string;
  readonly wall: () => number;
}

/** What an interrupted export has left behind. */
export const removeReports = (dataDir: string): void =>
  rmSync(join(dataDir, FOLDER), { recursive: true, force: true });

const FOLDER = 'reports';
const MOST_FIRST = 2_000;

/**
 * Writes a report in the one form that its digest is made of: keys sorted, no white space, non-ASCII escaped, as
 * Python's `json.dumps(report, sort_keys=True, separators=(',', ':'))` writes it. Row by row: it is never held whole.
 */
export async function auditReport(query: AuditQuery, options: AuditReportOptions): Promise<AuditReport> {
  const { requestLog, key, dataDir, wall } = options;
  const folder = join(dataDir, FOLDER);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${randomUUID()}.json`);
  const out = createWriteStream(file, { mode: 0o600, flags: 'wx' });
  const hash = createHash('sha256');
  let bytes = 0;
  const write = async (text: string) => {
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
        const record = recordOf(row);
        sums.add(row);
        if (first.length < MOST_FIRST) first.push(record);
        text += comma + canonical(record);
        comma = ',';
      }
      await write(text);
    }
    const summary = sums.done();
    const tail = { report_version: '1.0', summary, user_id: userId };
    await write(`],${canonical(tail).slice(1)}`);
    const digest = hash.digest('hex');
    const signature = key.sign(digest);
    const signed = { algorithm: 'sha256', ed25519: { key_id: key.id, value: signature }, value: digest };
    await finish(out);
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
    discard();
    throw error;
  }
}

async function finish(out: WriteStream): Promise<void> {
  out.end();
  await once(out, 'close');
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

const recordOf = (row: RequestRow) => ({
  id: row.id ?? '',
  request_id: row.request_id,
  created_at: isoMicros(row.created_at),
  mode: row.mode,
  provider: row.provider,
  model: row.model,
  input_tokens: row.input_tokens,
  output_tokens: row.output_tokens,
  latency_ms: row.latency_ms,
  cost_usd: usd(row.cost_nano_usd ?? 0),
  cache_hit: row.cache_hit,
  status: row.status,
  error: row.error,
  residency_requested: row.residency_requested,
  residency_actual: row.residency_actual,
});

const usd = (nano: number): string => (nano / 1e9).toFixed(6);

function createSums() {
  type Sum = { requests: number; input: number; output: number; cost: number };
  const make = (): Sum => ({ requests: 0, input: 0, output: 0, cost: 0 });
  const total = make();
  let hits = 0;
  const by = {
    provider: new Map<string, Sum>(),
    residency: new Map<string, Sum>(),
    status: new Map<string, Sum>(),
  };
  const add = (sum: Sum, row: RequestRow) => {
    sum.requests += 1;
    sum.input += row.input_tokens ?? 0;
    sum.output += row.output_tokens ?? 0;
    sum.cost += row.cost_nano_usd ?? 0;
  };
  const shown = (sums: ReadonlyMap<string, Sum>): Record<string, Group> =>
    Object.fromEntries(
      [...sums].map(([name, { requests, input, output, cost }]) => [
        name,
        { requests, input_tokens: input, output_tokens: output, cost_usd: usd(cost) },
      ]),
    );
  return {
    add(row: RequestRow) {
      add(total, row);
      if (row.cache_hit) hits += 1;
      const places = { provider: row.provider, residency: row.residency_actual, status: row.status };
      for (const [place, word] of Object.entries(places)) {
        const sums = by[place as keyof typeof by]; // one of the three just above
        const name = word ?? 'none';
        const sum = sums.get(name) ?? make();
        sums.set(name, sum);
        add(sum, row);
      }
    },
    done: (): Summary => ({
      total_requests: total.requests,
      total_input_tokens: total.input,
      total_output_tokens: total.output,
      total_cost_usd: usd(total.cost),
      cache_hits: hits,
      by_provider: shown(by.provider),
      by_residency: shown(by.residency),
      by_status: shown(by.status),
    }),
  };
}

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
