import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { AuditReport, Summary } from './audit-report.ts';

/** Reports beyond this are had as JSON: a PDF is made in memory. */
export const MOST_PDF_BYTES = 33_554_432;

/** The report for people to read, and the report itself, as JSON, attached to it. */
export async function auditPdf(
  report: AuditReport,
  about: readonly (readonly [string, string])[],
): Promise<Readable> {
  const json = await buffer(report.json());
  const { default: PdfDocument } = await import('pdfkit'); // large, and seldom wanted
  const document = new PdfDocument({
    size: 'A4',
    margin: 48,
    info: { Title: 'InferBridge audit report', Creator: 'InferBridge' },
  });
  document.file(json, {
    name: 'audit-report.json',
    type: 'application/json',
    description: 'The signed report',
  });
  document.font('Helvetica-Bold').fontSize(16).text('Audit report').moveDown(0.5);
  document.font('Helvetica').fontSize(9);
  for (const [name, value] of [...about, ['SHA-256', report.digest], ['Ed25519', report.signature]] as const)
    document.text(`${name}: ${ascii(value)}`);
  document.moveDown().font('Helvetica-Bold').fontSize(12).text('Summary').font('Helvetica').fontSize(9);
  for (const line of linesOf(report.summary)) document.text(ascii(line));
  const left = report.summary.total_requests - report.first.length;
  document.moveDown().font('Helvetica-Bold').fontSize(12).text('Records').font('Courier').fontSize(6.5);
  for (const {
    created_at,
    request_id,
    mode,
    provider,
    model,
    status,
    cost_usd,
    residency_actual,
  } of report.first)
    document.text(
      ascii(
        `${created_at}  ${status}  ${mode}  ${provider ?? '-'}:${model ?? '-'}  ${residency_actual ?? '-'}  $${cost_usd}  ${request_id}`,
      ),
    );
  if (left > 0)
    document.moveDown().text(`and ${left} more; all of them are in the attached audit-report.json`);
  document.end();
  return document as unknown as Readable; // a Node stream; its types say so in an older way
}

function* linesOf(summary: Summary): Generator<string> {
  yield `Requests: ${summary.total_requests}, of these answered by the cache: ${summary.cache_hits}`;
  yield `Tokens: ${summary.total_input_tokens} in, ${summary.total_output_tokens} out`;
  yield `Cost: $${summary.total_cost_usd}`;
  for (const [name, groups] of [
    ['Provider', summary.by_provider],
    ['Residency', summary.by_residency],
    ['Status', summary.by_status],
  ] as const)
    for (const [word, { requests, cost_usd: cost }] of Object.entries(groups))
      yield `${name} ${word}: ${requests} requests, $${cost}`;
}

/** The built-in fonts know no more; the attached report has everything as it is. */
const ascii = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');
