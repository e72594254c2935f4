import { request as httpRequest } from 'node:http';
import type { TestGateway } from '../../support/gateway.ts';

export interface Asked {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** One request by node:http, which sends a path and headers as they are, also one header twice. */
export function ask(
  { url }: Pick<TestGateway, 'url'>,
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string | string[]>; body?: string } = {},
): Promise<Asked> {
  const { hostname, port } = new URL(url);
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { hostname, port, method, path, headers: { ...length, ...headers }, agent: false },
      (response) => {
        let text = '';
        response.on('data', (piece: Buffer) => (text += piece));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        );
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** As somebody with this key, JSON both ways. */
export async function call(
  gateway: Pick<TestGateway, 'url'>,
  key: string,
  method: string,
  path: string,
  body?: unknown,
) {
  const { status, headers, text } = await ask(gateway, method, path, {
    headers: { ...(key && { authorization: `Bearer ${key}` }), 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: what a route answers, to be looked at by its test
  return { status, headers, text, body: (text === '' ? null : JSON.parse(text)) as any };
}
