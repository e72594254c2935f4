import { GatewayError } from '@inferbridge/core';

/** A mistake of the caller's, with the place and the remedy. */
export const fault = (place: string, why: string): GatewayError =>
  new GatewayError('invalid_request', `${place}: ${why}`, { param: place });

/** What stands there but cannot be said in chat completions. */
export const cannot = (place: string, what: string): GatewayError =>
  new GatewayError('unsupported', `${place}: ${what} cannot be sent to this provider`, {
    param: place,
    code: 'unsupported_parameter',
  });

export function textIn(of: Readonly<Record<string, unknown>>, field: string, place: string): string {
  const value = of[field];
  if (typeof value === 'string') return value;
  throw fault(`${place}.${field}`, 'a text is wanted');
}

export function optionalText(
  of: Readonly<Record<string, unknown>>,
  field: string,
  place: string,
): string | null {
  return of[field] === undefined || of[field] === null ? null : textIn(of, field, place);
}

/** `null` where it is absent. */
export function numberIn(
  of: Readonly<Record<string, unknown>>,
  field: string,
  least: number,
  most: number,
): number | null {
  const value = of[field];
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw fault(
    field,
    `a number from ${least}${most < Number.MAX_SAFE_INTEGER ? ` to ${most}` : ''} is wanted`,
  );
}
