import { afterAll, beforeAll } from 'vitest';
import { type GatewayOptions, startGateway, type TestGateway } from './gateway.ts';
import { startUpstream, type Upstream } from './upstream.ts';

export const VENDORS = [
  'openai',
  'anthropic',
  'groq',
  'deepseek',
  'together',
  'sarvam',
  'mistral',
  'krutrim',
  'cohere',
  'gemini',
] as const;

/** Every vendor's address at this upstream. */
export const vendors = (url: string): Record<string, { baseUrl: string }> =>
  Object.fromEntries(VENDORS.map((vendor) => [vendor, { baseUrl: `${url}/${vendor}/v1` }]));

/** All vendors at this upstream, and one tier, `one`, with one target. */
export const oneTarget = (url: string) => ({
  providers: vendors(url),
  tiers: { one: { targets: ['openai:gpt-6-luna'] } },
});

export interface StandardOptions extends Omit<GatewayOptions, 'config'> {
  /** Over the standard one, given the upstream's address. */
  readonly config?: (url: string) => object;
}

/** One upstream process for all vendors, and a gateway in front of it, for the tests of a file. */
export function standard({ config, ...options }: StandardOptions = {}): {
  gateway: TestGateway;
  upstream: Upstream;
} {
  const parts = {} as { gateway: TestGateway; upstream: Upstream };
  beforeAll(async () => {
    parts.upstream = await startUpstream();
    const { url } = parts.upstream;
    parts.gateway = await startGateway({ ...options, config: { providers: vendors(url), ...config?.(url) } });
  });
  afterAll(async () => {
    await parts.gateway?.close();
    await parts.upstream?.close();
  });
  return parts;
}
