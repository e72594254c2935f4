import type { IncomingHttpHeaders } from 'node:http';
import { type Call, GatewayError } from '@inferbridge/core';
import { type FaultRule, parseFault, type User } from '@inferbridge/plugins';
import { type RequestHeaders, readHeaders } from '../compat/headers.ts';
import { FAULT_HEADER } from '../compat/names.ts';

export interface CallStateOptions {
  /** Tags by name, and where each comes from: `metadata.NAME` of the body or `header.NAME`. */
  readonly tags: Readonly<Record<string, string>>;
  /** May a request ask for faults? */
  readonly drills: boolean;
  readonly providers: readonly string[];
}

/** What a request says besides its body's own fields, as the stages want it. */
export type ReadCallState = (
  user: User,
  headers: IncomingHttpHeaders,
  body: Readonly<Record<string, unknown>>,
  read?: RequestHeaders,
) => Call['state'];

export function createCallState({ tags, drills, providers }: CallStateOptions): ReadCallState {
  const sources = Object.entries(tags).map(([name, from]) => {
    const dot = from.indexOf('.');
    return { name, header: from.startsWith('header.'), field: from.slice(dot + 1) };
  });
  return (user, headers, body, read = readHeaders(headers)) => {
    const { override, residency, timeoutMs, session, fault, cache } = read;
    const found = sources.flatMap(({ name, header, field }): [string, string][] => {
      const value = header ? headers[field.toLowerCase()] : fieldOf(body['metadata'], field);
      const text = textOf(value);
      return text === null ? [] : [[name, text]];
    });
    return {
      user,
      ...(override !== null && { override }),
      ...(residency !== null && { residency }),
      ...(timeoutMs !== null && { attemptTimeoutMs: timeoutMs }),
      ...(session !== null && { session }),
      cache:
        cache.idempotencyKey === undefined
          ? cache
          : { ...cache, apart: JSON.stringify([override, residency, session, found]) },
      ...(found.length > 0 && { tags: Object.fromEntries(found) }),
      ...(fault !== null && { faults: faultsOf(fault, drills, providers) }),
    };
  };
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name] // its own field, whatever it holds
    : undefined;

/** Longer ones are no tags: they would be kept on every row. */
const LONGEST_TAG = 128;

function textOf(value: unknown): string | null {
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  return typeof text === 'string' && text !== '' && text.length <= LONGEST_TAG ? text : null;
}

function faultsOf(text: string, drills: boolean, providers: readonly string[]): readonly FaultRule[] {
  if (!drills)
    throw new GatewayError(
      'invalid_request',
      `${FAULT_HEADER}: fire drills are off here; the operator allows them with faults: true`,
      { param: FAULT_HEADER, code: 'faults_off' },
    );
  return text.split(',').map((part) => {
    const match = /^\s*([a-z][a-z0-9_-]*)(?::([^=]{1,256}))?=(.{1,64})$/.exec(part);
    const [, provider = '', model, fault = ''] = match ?? [];
    try {
      parseFault(fault);
      if (!providers.includes(provider))
        throw new TypeError(`no provider named "${provider}"; known: ${providers.join(', ')}`);
    } catch (error) {
      throw new GatewayError(
        'invalid_request',
        `${FAULT_HEADER}: provider=fault or provider:model=fault is wanted; ${error instanceof Error ? error.message : ''}`,
        { param: FAULT_HEADER, code: 'validation_error' },
      );
    }
    return { provider, fault: fault.trim(), ...(model !== undefined && { model }) };
  });
}
