import type { ToolCallDelta } from '@inferbridge/core';
import { isRecord } from '../openai/errors.ts';
import { applyArgs } from './args.ts';
import type { Names } from './names.ts';
import { extraContent } from './signatures.ts';

export interface CallRules {
  readonly names: Names;
  /** Free-form tools by their names on the wire. */
  readonly custom: ReadonlySet<string>;
  /** An id for a call that has none. */
  newId(): string;
  /** A call and the signature that must come back with it. */
  remember(callId: string, signature: string): void;
}

/** The function calls of one candidate, as deltas. A call that comes in pieces is told when it is whole. */
export interface Calls {
  add(call: unknown, signature: string | null): readonly ToolCallDelta[];
  end(): readonly ToolCallDelta[];
  any(): boolean;
}

interface Growing {
  readonly index: number;
  readonly wire: string;
  readonly args: Record<string, unknown>;
}

export function createCalls({ names, custom, newId, remember }: CallRules): Calls {
  const ids = new Set<string>();
  let growing: Growing | null = null;

  const whole = ({ index, wire, args }: Growing): readonly ToolCallDelta[] => {
    if (!custom.has(wire)) return [{ index, function: { arguments: JSON.stringify(args) } }];
    const input = typeof args['input'] === 'string' ? args['input'] : JSON.stringify(args);
    return [{ index, type: 'custom', custom: { input } }];
  };
  const finish = (): readonly ToolCallDelta[] => {
    const last = growing;
    growing = null;
    return last ? whole(last) : [];
  };
  const begin = (name: string, given: unknown, signature: string | null): ToolCallDelta => {
    const index = ids.size;
    const named = typeof given === 'string' && given !== '' ? given : newId();
    const id = ids.has(named) ? `${named}-${index}` : named;
    ids.add(id);
    if (signature !== null) remember(id, signature);
    const own = names.own(name);
    growing = { index, wire: name, args: {} };
    return {
      index,
      id,
      ...(custom.has(name)
        ? { type: 'custom', custom: { name: own, input: '' } }
        : { type: 'function', function: { name: own, arguments: '' } }),
      ...(signature !== null && { extra_content: extraContent(signature) }),
    };
  };

  return {
    add(call, signature) {
      if (!isRecord(call)) return [];
      const deltas: ToolCallDelta[] = [];
      if (typeof call['name'] === 'string' && call['name'] !== '')
        deltas.push(...finish(), begin(call['name'], call['id'], signature));
      if (growing && isRecord(call['args'])) Object.assign(growing.args, call['args']);
      if (growing) applyArgs(growing.args, call['partialArgs']);
      return call['willContinue'] === true ? deltas : [...deltas, ...finish()];
    },
    end: finish,
    any: () => ids.size > 0,
  };
}
