import type { z } from 'zod';
import { unprocessable } from '../http-error.ts';

/** A body as it is wanted; throws a 422 that names the first field at fault. */
export function checkedBody<T>(type: z.ZodType<T>, body: Record<string, unknown>): T {
  const result = type.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const unknown = issue && 'keys' in issue ? issue.keys : [];
  const field = ([...(issue?.path ?? []), ...unknown.slice(0, 1)].join('.') || 'body').slice(0, 128);
  throw unprocessable(
    field,
    `${field}: ${unknown.length > 0 ? 'unknown field' : (issue?.message ?? 'invalid')}`,
  );
}
