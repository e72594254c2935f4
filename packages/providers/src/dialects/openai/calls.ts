import type { ToolCall, ToolCallDelta } from '@inferbridge/core';
import { asText } from '../../json.ts';
import { isRecord } from './errors.ts';

/** The calls of one choice while they come. */
export interface CallsState {
  /** The vendor's own index or id of a call → ours, contiguous from 0. */
  readonly calls: Map<string, number>;
  latest: string | null;
}

/** The calls of a whole message: each with an id, a type and its arguments as text. */
export const wholeCalls = (calls: readonly Record<string, unknown>[], made: string): ToolCall[] =>
  calls.map(({ index: _, ...call }, at) => ({
    ...call,
    id: typeof call['id'] === 'string' && call['id'] !== '' ? call['id'] : `${made}-call-${at}`,
    type: typeof call['type'] === 'string' ? call['type'] : 'function',
    ...(isRecord(call['function']) && {
      function: {
        ...call['function'],
        name: asText(call['function']['name'] ?? ''),
        arguments: argumentsOf(call['function']),
      },
    }),
  }));

/** One call's delta: id, type and name once, then nothing but its place and more of the arguments. */
export function callDelta(call: Record<string, unknown>, state: CallsState, made: string): ToolCallDelta {
  const fn = isRecord(call['function']) ? call['function'] : {};
  const id = typeof call['id'] === 'string' && call['id'] !== '' ? call['id'] : null;
  const named = typeof fn['name'] === 'string' && fn['name'] !== '';
  const key = Number.isInteger(call['index'])
    ? `#${call['index']}`
    : id !== null
      ? id
      : named
        ? `new ${state.calls.size}`
        : (state.latest ?? 'new 0');
  const known = state.calls.get(key);
  state.latest = key;
  const args = argumentsOf(fn);
  if (known !== undefined) return { index: known, function: { arguments: args } };
  const index = state.calls.size;
  state.calls.set(key, index);
  return {
    ...call,
    index,
    id: id ?? `${made}-call-${index}`,
    type: 'function',
    function: { ...fn, name: asText(fn['name'] ?? ''), arguments: args },
  };
}

/** Arguments are JSON in a string, also where a vendor sends the object itself. */
function argumentsOf({ arguments: given }: Record<string, unknown>): string {
  if (typeof given === 'string') return given;
  return isRecord(given) ? JSON.stringify(given) : '';
}
