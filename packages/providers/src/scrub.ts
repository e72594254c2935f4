/** What vendors' keys look like; an upstream's message may quote one ("Incorrect API key provided: sk-…"). */
const KEYS =
  /\b(?:sk|pk|gsk|xai|tgp|pplx|fw|csk|nvapi|ib|agni|AIza)[-_][A-Za-z0-9_*-]{6,}|\bAIza[A-Za-z0-9_-]{20,}|\bBearer\s+\S{8,}/g;

const LONGEST = 2_000;

/** An upstream's own words, fit to be shown to the caller: no key in them, and not endless. */
export function scrub(text: string, secret: string): string {
  const exact = secret.length >= 6 ? text.replaceAll(secret, '[redacted]') : text;
  const clean = exact
    .replace(KEYS, '[redacted]')
    .replace(/\p{Cc}/gu, (control) => (control === '\n' || control === '\t' ? control : ' '));
  return clean.length > LONGEST ? `${clean.slice(0, LONGEST)}…` : clean;
}
