import type { ToolCall, ToolCallDelta } from '@inferbridge/core';
import { asText } from '../../json.ts';
import { isRecord } from './errors.ts';

/** The calls of one choice while they come. */
export interface CallsState {
  readonly calls: Map<string, Known>;
  /** The vendor's own index → the call that it names now. */
  readonly current: Map<string, string>;
  latest: string | null;
}

interface Known {
  /** Ours, contiguous from 0; `null` until its name has come. */
  index: number | null;
  readonly id: string | null;
  /** What came before the name. */
  held: string;
}

/** The calls of a whole message: each with an id, a type and its arguments as text. */
export const wholeCalls = (calls: readonly Record<string, unknown>[], made: string): ToolCall[] =>
  calls.filter(isCall).map(({ index: _, ...call }, at) => ({
    ...call,
    id: typeof call['id'] === 'string' && call['id'] !== '' ? call['id'] : `${made}-call-${at}`,
    type: isRecord(call['custom']) ? 'custom' : 'function',
    ...(isRecord(call['function']) && {
      function: {
        ...call['function'],
        name: asText(call['function']['name'] ?? ''),
        arguments: argumentsOf(call['function']) || '{}',
      },
    }),
  }));

const isCall = (call: Record<string, unknown>): boolean =>
  isRecord(call['custom']) || (isRecord(call['function']) && asText(call['function']['name']) !== '');

/** One call's delta: id, type and name once, then nothing but its place and more; `null` while the name is missing. */
export function callDelta(
  call: Record<string, unknown>,
  state: CallsState,
  made: string,
): ToolCallDelta | null {
  const custom = isRecord(call['custom']) ? call['custom'] : null;
  const fn = isRecord(call['function']) ? call['function'] : {};
  const name = asText(custom ? custom['name'] : fn['name']);
  const id = asText(call['id']) || null;
  const more = custom ? asText(custom['input']) : argumentsOf(fn);
  const key = keyOf(call, id, name !== '', state);
  const known: Known = state.calls.get(key) ?? { index: null, id, held: '' };
  state.calls.set(key, known);
  state.latest = key;
  if (known.index !== null)
    return {
      index: known.index,
      ...(custom ? { custom: { input: more } } : { function: { arguments: more } }),
    };
  known.held += more;
  if (name === '') return null;
  const index = [...state.calls.values()].filter((one) => one.index !== null).length;
  known.index = index;
  const head = { ...call, index, id: known.id ?? `${made}-call-${index}` };
  if (custom) return { ...head, type: 'custom', custom: { ...custom, name, input: known.held } };
  return { ...head, type: 'function', function: { ...fn, name, arguments: known.held } };
}

/** Which call a delta belongs to. An index that comes again with another id is another call. */
function keyOf(call: Record<string, unknown>, id: string | null, named: boolean, state: CallsState): string {
  if (!Number.isInteger(call['index']))
    return id ?? (named ? `new ${state.calls.size}` : (state.latest ?? 'new 0'));
  const place = `#${asText(call['index'])}`;
  const now = state.current.get(place) ?? place;
  const before = state.calls.get(now)?.id ?? null;
  const key = id !== null && named && before !== null && before !== id ? `${place} ${state.calls.size}` : now;
  state.current.set(place, key);
  return key;
}

/** Arguments are JSON in a string, also where a vendor sends the object itself. */
function argumentsOf({ arguments: given }: Record<string, unknown>): string {
  if (typeof given === 'string') return given;
  return isRecord(given) ? JSON.stringify(given) : '';
}
