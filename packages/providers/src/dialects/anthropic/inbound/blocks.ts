import type { ToolCallDelta } from '@inferbridge/core';
import { asText } from '../../../json.ts';
import { createArguments } from '../../arguments.ts';
import type { MessageEvent } from './stream.ts';

/** Writes one block after the other: what is open is closed before the next one opens. */
export interface BlockWriter {
  think(text: string): readonly MessageEvent[];
  /** A whole signed block: closes the thinking that led to it, or stands by itself. */
  thought(block: Record<string, unknown>): readonly MessageEvent[];
  say(text: string): readonly MessageEvent[];
  call(delta: ToolCallDelta): readonly MessageEvent[];
  end(): readonly MessageEvent[];
}

interface Waiting {
  readonly index: number;
  id: string;
  name: string;
  json: string;
}

type Open = 'thinking' | 'text' | 'call' | null;

export function createWriter(): BlockWriter {
  let index = -1;
  let open: Open = null;
  /** The call that is being written, by its own number. */
  let current: number | null = null;
  let args = createArguments();
  const written = new Set<number>();
  const waiting = new Map<number, Waiting>();
  /** What was said while a call's arguments were incomplete: a block that is closed cannot go on. */
  const later: (() => readonly MessageEvent[])[] = [];

  const delta = (given: Record<string, unknown>): MessageEvent => ({
    type: 'content_block_delta',
    index,
    delta: given,
  });
  const start = (content: Record<string, unknown>): MessageEvent => {
    index += 1;
    return { type: 'content_block_start', index, content_block: content };
  };
  const stop = (): MessageEvent => ({ type: 'content_block_stop', index });
  const json = (partial: string): MessageEvent[] =>
    partial === '' ? [] : [delta({ type: 'input_json_delta', partial_json: partial })];

  const close = (): MessageEvent[] => {
    const was = open;
    open = null;
    if (was === null) return [];
    if (was === 'call') current = null;
    // thinking of other vendors' models is not signed
    return was === 'thinking' ? [delta({ type: 'signature_delta', signature: '' }), stop()] : [stop()];
  };

  const begin = ({ index: number, id, name, json: early }: Waiting): MessageEvent[] => {
    const events = [...close(), start({ type: 'tool_use', id, name, input: {} }), ...json(early)];
    open = 'call';
    current = number;
    args = createArguments();
    args.add(early);
    written.add(number);
    waiting.delete(number);
    return events;
  };

  /** Calls that came while another block was being written, in their order. */
  const flush = (): MessageEvent[] =>
    [...waiting.values()].sort((a, b) => a.index - b.index).flatMap((call) => begin(call));

  const midCall = (): boolean => later.length > 0 || (open === 'call' && (waiting.size > 0 || !args.whole()));
  const wait = (what: () => readonly MessageEvent[]): readonly MessageEvent[] => {
    later.push(what);
    return [];
  };
  /** Goes on with whatever the call that is being written held up: other calls, then what was said. */
  const goOn = (): MessageEvent[] => {
    const events: MessageEvent[] = [];
    while (waiting.size + later.length > 0 && args.whole()) {
      const [next] = waiting.values();
      if (next?.id === '') break;
      if (next) events.push(...begin(next));
      else for (const what of later.splice(0)) events.push(...what());
    }
    return events;
  };

  const writer: BlockWriter = {
    think(text) {
      if (midCall()) return wait(() => writer.think(text));
      const events =
        open === 'thinking' ? [] : [...close(), start({ type: 'thinking', thinking: '', signature: '' })];
      open = 'thinking';
      return [...events, delta({ type: 'thinking_delta', thinking: text })];
    },
    thought(block) {
      if (midCall()) return wait(() => writer.thought(block));
      if (block['type'] !== 'thinking') return [...close(), start(block), stop()];
      const signed = delta({ type: 'signature_delta', signature: asText(block['signature'] ?? '') });
      if (open === 'thinking') {
        open = null;
        return [{ ...signed, index }, stop()];
      }
      const before = close();
      const begun = start({ type: 'thinking', thinking: '', signature: '' });
      const text = asText(block['thinking'] ?? '');
      return [
        ...before,
        begun,
        ...(text === '' ? [] : [delta({ type: 'thinking_delta', thinking: text })]),
        { ...signed, index },
        stop(),
      ];
    },
    say(text) {
      if (midCall()) return wait(() => writer.say(text));
      const events =
        open === 'text' ? [] : [...close(), ...flush(), ...close(), start({ type: 'text', text: '' })];
      open = 'text';
      return [...events, delta({ type: 'text_delta', text })];
    },
    call(given) {
      const number = given.index ?? 0;
      const piece = given.function?.arguments ?? '';
      if (number === current) {
        args.add(piece);
        return [...json(piece), ...goOn()];
      }
      if (written.has(number)) return []; // its block is closed; nobody sends this
      const call = waiting.get(number) ?? { index: number, id: '', name: '', json: '' };
      call.id ||= given.id ?? '';
      call.name ||= given.function?.name ?? '';
      call.json += piece;
      waiting.set(number, call);
      // whoever else comes waits until the one before is whole
      if ((current === null || args.whole()) && call.id !== '') return [...begin(call), ...goOn()];
      return [];
    },
    end() {
      const calls = [...close(), ...flush(), ...close()];
      return [...calls, ...later.splice(0).flatMap((what) => what()), ...close()];
    },
  };
  return writer;
}
