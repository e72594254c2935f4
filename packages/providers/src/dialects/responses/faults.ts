import { GatewayError } from '@inferbridge/core';

/** The caller's mistake at `place`, which is the parameter as well, and the remedy. */
export const malformed = (place: string, why: string): GatewayError =>
  new GatewayError('invalid_request', `${place}: ${why}`, { param: place });

/** What the caller wrote, short enough for a message of ours; of anything but text only what it is. */
export const shown = (value: unknown): string =>
  typeof value === 'string' ? `"${value.slice(0, 40)}"` : `a value of type ${typeof value}`;
