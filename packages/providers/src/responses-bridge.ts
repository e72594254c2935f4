import type { Provider } from '@inferbridge/core';

/** Placeholder until the dialect is there. */
export const responsesBridge = (
  provider: Omit<Provider, 'name'>,
  _: { baseUrl: string },
): Omit<Provider, 'name'> => provider;
