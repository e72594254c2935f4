import type { z } from 'zod';
import { nearest } from '../config/config-error.ts';
import { type HttpError, unprocessable } from '../http/http-error.ts';

/** No model's name is longer; whatever is would only fill logs. */
export const MOST_NAME = 256;

/** The first field at fault, as a 422 that names it. */
export function faultIn(error: z.ZodError): HttpError {
  const [issue] = error.issues;
  const path = (issue?.path ?? [])
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .slice(1);
  return unprocessable(path || null, `${path || 'body'}: ${issue?.message ?? 'invalid'}`);
}

/** Throws a 422 for the first top-level field that is not among `known`. */
export function strangers(body: Record<string, unknown>, known: readonly string[]): void {
  const stranger = Object.keys(body).find((field) => !known.includes(field));
  if (stranger === undefined) return;
  const name = stranger.slice(0, 64);
  const close = nearest(name, known);
  throw unprocessable(name, `${name}: this field is not known${close ? `; did you mean "${close}"?` : ''}`);
}
