import { unprocessable } from '../http-error.ts';

/** ISO 8601 with an offset, as microseconds. A `+` that arrived as a space is taken for what it was. */
export function instant(field: string, text: string): number {
  const fixed = text.replace(/ (\d\d:?\d\d)$/, '+$1');
  const parts = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.(\d{1,9}))?)?(?:Z|[+-]\d\d:?\d\d)$/i.exec(fixed);
  const ms = parts ? Date.parse(fixed) : Number.NaN;
  if (Number.isNaN(ms))
    throw unprocessable(
      field,
      `${field}: an ISO 8601 time with an offset is wanted, such as 2026-05-01T00:00:00Z`,
    );
  const fraction = (parts?.[1] ?? '').padEnd(6, '0').slice(3, 6);
  return ms * 1000 + Number(fraction);
}
