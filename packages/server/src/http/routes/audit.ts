import type { Readable } from 'node:stream';
import { auditHeaders } from '../../compat/headers.ts';
import { auditPdf, MOST_PDF_BYTES } from '../../operations/audit-pdf.ts';
import { type AuditReport, type AuditReportOptions, auditReport } from '../../operations/audit-report.ts';
import type { AuditKey } from '../../secrets/audit-key.ts';
import type { RequestLog } from '../../store/request-log.ts';
import { DAY_MICROS, isoMicros } from '../../store/time.ts';
import { tooMany, unprocessable } from '../http-error.ts';
import type { Route } from '../routes.ts';
import { instant } from './instant.ts';

export interface AuditOptions extends Pick<AuditReportOptions, 'dataDir' | 'wall'> {
  readonly requestLog: RequestLog;
  /** Read or made when a report is first wanted. */
  readonly auditKey: () => AuditKey;
  readonly flushLogs: () => Promise<void>;
}

const MOST_DAYS = 90;
/** Reports that are made at the same time; each user has one, until it has been read or left. */
const MOST_AT_ONCE = 2;
const AGAIN_MS = 5_000;

export function auditRoutes(options: AuditOptions): readonly Route[] {
  const having = new Set<string>();
  let making = 0;
  const made = async (userId: string, make: () => Promise<AuditReport>): Promise<AuditReport> => {
    if (having.has(userId)) throw tooMany('reports of yours at the same time', AGAIN_MS);
    if (making >= MOST_AT_ONCE) throw tooMany('reports at the same time', AGAIN_MS);
    having.add(userId);
    making += 1;
    try {
      return await make();
    } catch (error) {
      having.delete(userId);
      throw error;
    } finally {
      making -= 1;
    }
  };
  return [
    {
      method: 'get',
      path: '/v1/audit/export',
      access: 'user',
      async handle({ user, query, left }) {
        const { format = 'json', residency = null } = query;
        if (format !== 'json' && format !== 'pdf')
          throw unprocessable('format', 'format: json or pdf is wanted');
        const [start, end] = [dateIn(query, 'start_date'), dateIn(query, 'end_date')];
        if (start >= end) throw unprocessable('start_date', 'start_date: must lie before end_date');
        if (end - start > MOST_DAYS * DAY_MICROS)
          throw unprocessable('start_date', `start_date: at most ${MOST_DAYS} days before end_date`);
        await options.flushLogs();
        const report = await made(user.id, () =>
          auditReport(
            { userId: user.id, start, end, residency },
            { ...options, key: options.auditKey(), signal: left() },
          ),
        );
        const until = (stream: Readable) => stream.on('close', () => having.delete(user.id));
        const name = `audit-${isoMicros(start).slice(0, 10)}-${isoMicros(end).slice(0, 10)}.${format}`;
        const headers = {
          ...auditHeaders(report.digest, report.signature),
          'content-disposition': `attachment; filename="${name}"`,
        };
        if (format === 'json')
          return {
            status: 200,
            stream: until(report.json()),
            headers: { ...headers, 'content-type': 'application/json; charset=utf-8' },
          };
        if (report.bytes > MOST_PDF_BYTES) {
          report.discard();
          having.delete(user.id);
          throw unprocessable(
            'format',
            'format: this report is too large for a PDF; take json, or fewer days',
          );
        }
        const about = [
          ['User', user.id],
          ['From', isoMicros(start)],
          ['Until', isoMicros(end)],
          ['Residency', residency ?? 'all'],
          ['Generated', report.generatedAt],
        ] as const;
        const pdf = await auditPdf(report, about).catch((error: unknown) => {
          having.delete(user.id);
          throw error;
        });
        return {
          status: 200,
          stream: until(pdf),
          headers: { ...headers, 'content-type': 'application/pdf' },
        };
      },
    },
    {
      method: 'get',
      path: '/v1/audit/public-key',
      access: 'public',
      async handle() {
        const { id, publicKey } = options.auditKey();
        return { status: 200, body: { algorithm: 'ed25519', key_id: id, public_key: publicKey } };
      },
    },
  ];
}

function dateIn(query: Readonly<Record<string, string>>, field: string): number {
  const text = query[field];
  if (text === undefined) throw unprocessable(field, `${field}: an ISO 8601 time with an offset is wanted`);
  return instant(field, text);
}
