import { type BoundProvider, bind, createHost, type Host, type ProviderPlugin } from '@inferbridge/core';
import { z } from 'zod';
import { createTransport } from './http.ts';

/** What every built-in vendor takes. */
export const vendorOptions = z.strictObject({
  /** Another address of the same API: a proxy, a region, a mock. */
  baseUrl: z.url({ protocol: /^https?$/, error: 'an http(s) URL is wanted' }).optional(),
});

export interface InCodeOptions {
  readonly apiKey?: string;
  readonly baseUrl?: string;
  /** Default: the machine's clock and randomness, and sockets of its own. */
  readonly host?: Host;
}

/** A provider plugin that those who compose in code call: `openai({ apiKey }).model('gpt-6-luna')`. */
export interface Vendor extends ProviderPlugin {
  (options?: InCodeOptions): BoundProvider;
}

/** Makes a provider plugin callable. */
export function vendor(plugin: ProviderPlugin): Vendor {
  const call = ({ host, ...options }: InCodeOptions = {}) =>
    bind(plugin, options, host ?? createHost({ transport: createTransport().send }));
  Object.defineProperty(call, 'name', { value: plugin.name });
  return Object.assign(call, {
    plugin: plugin.plugin,
    init: plugin.init,
    ...(plugin.template && { template: true }),
  }) as Vendor; // the function's own name is the plugin's
}
