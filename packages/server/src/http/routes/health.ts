import type { Route } from '../routes.ts';

export interface HealthOptions {
  /** Name → a check that rejects where that part is not well. */
  readonly parts: Readonly<Record<string, () => Promise<void>>>;
  readonly draining: () => boolean;
  /** Why no model calls are taken at the moment. */
  readonly overloaded: () => string | null;
}

export const healthRoutes = ({ parts, draining, overloaded }: HealthOptions): readonly Route[] => [
  {
    method: 'get',
    path: '/live',
    access: 'public',
    handle: async () => ({ status: 200, body: { status: 'ok' } }),
  },
  {
    method: 'get',
    path: '/health',
    access: 'public',
    async handle() {
      if (draining()) return { status: 503, body: { status: 'draining' } };
      const failed = await Promise.all(
        Object.entries(parts).map(([name, check]) =>
          check().then(
            () => [],
            () => [name],
          ),
        ),
      ).then((names) => names.flat());
      if (failed.length > 0) return { status: 503, body: { status: 'unavailable', failing: failed } };
      // 200 all the same: whoever takes every overloaded server out of service has none left
      const why = overloaded();
      return { status: 200, body: why === null ? { status: 'ok' } : { status: 'overloaded', why } };
    },
  },
];
