import type { Summary } from './summary.ts';

/** Columns padded to their widest cell: the first is words, the others are numbers, or words as well. */
export function table(rows: readonly (readonly string[])[], others: 'numbers' | 'words' = 'numbers'): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const padded = (cell: string, column: number) =>
    column === 0 || others === 'words'
      ? cell.padEnd(widths[column] ?? 0)
      : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(padded).join('  ').trimEnd()).join('\n');
}

export const percent = (share: number | null): string =>
  share === null ? '–' : `${(share * 100).toFixed(2)} %`;
export const ms = (value: number | null): string => (value === null ? '–' : `${value} ms`);
export const usd = (value: number): string => `$${value.toFixed(4)}`;

/** A summary for the terminal. */
export function summaryText(summary: Summary): string {
  const { outcomes, first_content_ms: first, total_ms: total } = summary;
  const errors = Object.entries(summary.errors).sort(([, a], [, b]) => b - a);
  const arms = Object.entries(summary.arms).sort();
  return `${table([
    ['requests', String(summary.requests)],
    ['success', percent(summary.success_rate)],
    ['by fallback', percent(summary.fallback_share)],
    ['errors', String(outcomes.error)],
    ['cut streams', String(outcomes.cut)],
    ['clients that left', String(outcomes.left)],
    ['cost', usd(summary.cost_usd)],
    ['cost of all attempts', usd(summary.attempts_cost_usd)],
  ])}

${table([
  ['', 'p50', 'p95', 'p99'],
  ['first content', ms(first.p50), ms(first.p95), ms(first.p99)],
  ['whole answer', ms(total.p50), ms(total.p95), ms(total.p99)],
])}

${table([
  ['provider', 'attempts', 'served', 'failed', 'aborted'],
  ...Object.entries(summary.providers).map(([name, load]) => [
    name,
    String(load.attempts),
    String(load.served),
    String(load.failed),
    String(load.aborted),
  ]),
])}
${errors.length > 0 ? `\n${table([['what clients were told', 'times'], ...errors.map(([name, times]) => [name, String(times)])])}\n` : ''}${arms.length > 0 ? `\n${table([['arm', 'requests'], ...arms.map(([name, times]) => [name, String(times)])])}\n` : ''}
seed ${summary.seed}: the same seed gives the same run
`;
}
