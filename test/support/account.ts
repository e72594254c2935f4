import { randomUUID } from 'node:crypto';
import type { TestGateway } from './gateway.ts';

/** A user of the gateway, made for one test, so that no cool-down or breaker of another is in its way. */
export interface Account {
  readonly userId: string;
  readonly email: string;
  readonly key: string;
  chat(body: object, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>;
  logs(query?: string): Promise<LogRow[]>;
}

export interface LogRow {
  readonly request_id: string;
  readonly provider: string | null;
  readonly status: string;
  readonly error: string | null;
  readonly mode: string;
  readonly cost_usd: string;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly attempts: readonly {
    provider: string;
    model: string;
    outcome: string;
    status: number | null;
    why: string | null;
  }[];
  readonly [field: string]: unknown;
}

export const PROMPT = [{ role: 'user', content: 'Say hello.' }];

/** Signs up and registers a key for each of these providers. */
export async function account(gateway: TestGateway, providers: readonly string[] = []): Promise<Account> {
  const email = `${randomUUID()}@example.com`;
  const made = await gateway.fetch('/v1/users', { method: 'POST', body: JSON.stringify({ email }) });
  const { user_id: userId, api_key: key } = (await made.json()) as { user_id: string; api_key: string };
  for (const provider of providers) {
    const added = await gateway.fetch('/v1/keys', {
      method: 'POST',
      key,
      body: JSON.stringify({ provider, api_key: `sk-${provider}-${userId}` }),
    });
    if (added.status !== 201) throw new Error(`key for ${provider}: ${added.status} ${await added.text()}`);
  }
  return {
    userId,
    email,
    key,
    chat: (body, headers = {}, signal) =>
      gateway.fetch('/v1/chat/completions', {
        method: 'POST',
        key,
        headers,
        body: JSON.stringify({ model: 'ib/balanced', messages: PROMPT, ...body }),
        ...(signal && { signal }),
      }),
    logs: async (query = '') =>
      ((await (await gateway.fetch(`/v1/logs${query}`, { key })).json()) as { data: LogRow[] }).data,
  };
}

/** Every `data:` of a stream, parsed, `[DONE]` as it is. */
export async function events(response: Response): Promise<(Record<string, unknown> | '[DONE]')[]> {
  return (await response.text())
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => event.slice(6))
    .map((data) => (data === '[DONE]' ? data : (JSON.parse(data) as Record<string, unknown>)));
}
