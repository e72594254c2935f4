import { hash } from 'node:crypto';

/** Longer ids are refused; what else may stand in one is not documented, so only what OpenAI itself writes is sent. */
const TAKEN = /^[\w-]{1,64}$/;
const KEPT = 40;
const HASH = 16;

export const isCallId = (id: unknown): boolean => typeof id === 'string' && TAKEN.test(id);

/**
 * The `call_id` for a tool call's id, for the call and for its output alike: the same id always gives the same one,
 * and different ones stay different. Source: https://platform.openai.com/docs/api-reference/responses (read 2026-11-20).
 */
export const callId = (id: string): string =>
  TAKEN.test(id)
    ? id
    : `${id.replace(/[^\w-]/g, '_').slice(0, KEPT)}_${hash('sha256', id, 'hex').slice(0, HASH)}`;

/** Ids of the calls of one conversation: no two are the same, whatever the caller gave them. */
export function createCallIds() {
  const taken = new Set<string>();
  /** By what was given; everything below is taken. */
  const next = new Map<string, number>();
  return {
    /** `place` names a call that has no id. */
    fresh(given: string, place: string): string {
      const base = callId(given === '' ? `${place}.${taken.size}` : given);
      let id = base;
      let nth = next.get(base) ?? 2;
      for (; taken.has(id); nth++) id = callId(`${base}_${nth}`);
      if (id !== base) next.set(base, nth);
      taken.add(id);
      return id;
    },
  };
}
