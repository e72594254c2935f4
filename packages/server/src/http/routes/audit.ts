import { auditHeaders } from '../../compat/headers.ts';
import { auditPdf, MOST_PDF_BYTES } from '../../operations/audit-pdf.ts';
import { type AuditReportOptions, auditReport } from '../../operations/audit-report.ts';
import type { AuditKey } from '../../secrets/audit-key.ts';
import type { RequestLog } from '../../store/request-log.ts';
import { DAY_MICROS, isoMicros } from '../../store/time.ts';
import { unprocessable } from '../http-error.ts';
import type { Route } from '../routes.ts';
import { instant } from './instant.ts';

export interface AuditOptions extends Pick<AuditReportOptions, 'dataDir' | 'wall'> {
  readonly requestLog: RequestLog;
  /** Read or made when a report is first wanted. */
  readonly auditKey: () => AuditKey;
  readonly flushLogs: () => Promise<void>;
}

const MOST_DAYS = 90;

export const auditRoutes = (options: AuditOptions): readonly Route[] => [
  {
    method: 'get',
    path: '/v1/audit/export',
    access: 'user',
    async handle({ user, query }) {
      const { format = 'json', residency = null } = query;
      if (format !== 'json' && format !== 'pdf')
        throw unprocessable('format', 'format: json or pdf is wanted');
      const [start, end] = [dateIn(query, 'start_date'), dateIn(query, 'end_date')];
      if (start >= end) throw unprocessable('start_date', 'start_date: must lie before end_date');
      if (end - start > MOST_DAYS * DAY_MICROS)
        throw unprocessable('start_date', `start_date: at most ${MOST_DAYS} days before end_date`);
      await options.flushLogs();
      const report = await auditReport(
        { userId: user.id, start, end, residency },
        { ...options, key: options.auditKey() },
      );
      const name = `audit-${isoMicros(start).slice(0, 10)}-${isoMicros(end).slice(0, 10)}.${format}`;
      const headers = {
        ...auditHeaders(report.digest, report.signature),
        'content-disposition': `attachment; filename="${name}"`,
      };
      if (format === 'json')
        return {
          status: 200,
          stream: report.json(),
          headers: { ...headers, 'content-type': 'application/json; charset=utf-8' },
        };
      if (report.bytes > MOST_PDF_BYTES) {
        report.discard();
        throw unprocessable('format', 'format: this report is too large for a PDF; take json, or fewer days');
      }
      const about = [
        ['User', user.id],
        ['From', isoMicros(start)],
        ['Until', isoMicros(end)],
        ['Residency', residency ?? 'all'],
        ['Generated', report.generatedAt],
      ] as const;
      return {
        status: 200,
        stream: await auditPdf(report, about),
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

function dateIn(query: Readonly<Record<string, string>>, field: string): number {
  const text = query[field];
  if (text === undefined) throw unprocessable(field, `${field}: an ISO 8601 time with an offset is wanted`);
  return instant(field, text);
}
