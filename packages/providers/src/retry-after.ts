/** Longer waits are taken for junk or despair, and cut. */
const LONGEST_MS = 3_600_000;

type Headers = Readonly<Record<string, string>>;

/**
 * How long an upstream wants to be left alone, in milliseconds, or `null` where it does not say so readably:
 * `retry-after-ms`, `retry-after` (seconds or HTTP date), else the reset time of a limit of which nothing remains
 * (`x-ratelimit-reset-*` as OpenAI and Groq write it: `2m59.56s`; `anthropic-ratelimit-*-reset` as a date).
 * Source: https://platform.openai.com/docs/guides/rate-limits, https://docs.anthropic.com/en/api/rate-limits (read 2026-11-20).
 */
export function retryAfterMs(headers: Headers, wallMs: number): number | null {
  const wait =
    milliseconds(headers['retry-after-ms']) ??
    secondsOrDate(headers['retry-after'], wallMs) ??
    spent(headers, wallMs);
  return wait === null ? null : Math.min(LONGEST_MS, Math.max(0, wait));
}

function milliseconds(text: string | undefined): number | null {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : null;
}

function secondsOrDate(text: string | undefined, wallMs: number): number | null {
  if (text === undefined) return null;
  const seconds = milliseconds(text);
  if (seconds !== null) return seconds * 1_000;
  if (!/^[A-Za-z]{3},? /.test(text.trim()) && !/^\d{4}-\d\d-\d\dT/.test(text.trim())) return null;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : date - wallMs;
}

const LIMITS: readonly [prefix: string, names: readonly string[]][] = [
  ['x-ratelimit', ['requests', 'tokens']],
  ['anthropic-ratelimit', ['requests', 'tokens', 'input-tokens', 'output-tokens']],
];

/** The latest reset among the limits of which nothing remains. */
function spent(headers: Headers, wallMs: number): number | null {
  const waits = LIMITS.flatMap(([prefix, names]) =>
    names.flatMap((name) => {
      const own =
        prefix === 'x-ratelimit'
          ? [`${prefix}-remaining-${name}`, `${prefix}-reset-${name}`]
          : [`${prefix}-${name}-remaining`, `${prefix}-${name}-reset`];
      const [remaining = '', reset = ''] = own.map((header) => headers[header]);
      if (remaining.trim() !== '0') return [];
      return duration(reset) ?? secondsOrDate(reset, wallMs) ?? [];
    }),
  );
  return waits.length > 0 ? Math.max(...waits) : null;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `6m0s`, `2m59.56s`, `120ms` */
function duration(text: string): number | null {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text.trim()) return null;
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? 'ms'] ?? 0), 0);
}
