import type { TestGateway } from '../support/gateway.ts';

/** The closed list of error types, with the statuses that each may have. */
export const STATUSES_OF: Readonly<Record<string, readonly number[]>> = {
  // 405, 413 and 415 are said with the first as well: no other type fits them
  invalid_request_error: [400, 405, 413, 415, 422],
  authentication_error: [401],
  permission_error: [403],
  not_found_error: [404],
  conflict_error: [409],
  residency_error: [422],
  rate_limit_error: [429],
  provider_error: [502],
  service_unavailable_error: [503],
  gateway_timeout: [504],
  api_error: [500],
};

export interface WireError {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
  readonly limit_type?: string;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever came over the wire; each test looks at it field by field
  readonly body: any;
  readonly headers: Headers;
}

/** Asks as this key; the body of the answer is parsed. */
export const asking =
  (gateway: () => TestGateway, key?: string) =>
  async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const response = await gateway().fetch(path, {
      method,
      headers,
      ...(key !== undefined && { key }),
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: text === '' ? null : JSON.parse(text),
      headers: response.headers,
    };
  };

/** The names of an object's fields, in order of the alphabet. */
export const fields = (value: unknown): string[] => Object.keys(value as object).sort();

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** ISO 8601 in UTC with microseconds. */
export const MICROS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
export const SIX_DECIMALS = /^\d+\.\d{6}$/;
