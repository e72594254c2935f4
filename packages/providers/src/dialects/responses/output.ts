import type { ChunkDelta } from '@inferbridge/core';
import { isRecord } from '../openai/errors.ts';
import { chatCitation } from './citation.ts';
import type { Item } from './item.ts';
import { placed } from './own.ts';
import { createText } from './text.ts';

type Deltas = readonly ChunkDelta[];

/** The items of one response while they come, in the deltas that say the same. */
export interface Output {
  event(event: Item): Deltas;
  /** What nothing was heard of before the whole response came. */
  catchUp(output: unknown): Deltas;
  /** Was any tool of the client's called? */
  calls(): boolean;
  /** The reasoning items as they came, in their order. */
  reasoning(): readonly Item[];
  phase(): unknown;
}

interface Call {
  readonly index: number;
  readonly custom: boolean;
}

/**
 * Items are known by their place in the output: some who speak this dialect give the same item another id with each
 * event. What a `done` event has beyond the deltas before it is made up for, since some send no deltas.
 * Source: https://platform.openai.com/docs/api-reference/responses-streaming (openai 7.55.0, read 2026-11-20).
 */
export function createOutput(): Output {
  const text = createText();
  const calls = new Map<Place, Call>();
  const thoughts = new Map<Place, Item>();
  const cited = new Map<string, number>();
  const seen = new Set<Place>();
  let phase: unknown;

  const begin = (place: Place, item: Item): Deltas => {
    seen.add(place);
    const custom = item['type'] === 'custom_tool_call';
    if (calls.has(place) || (!custom && item['type'] !== 'function_call')) return [];
    const index = calls.size;
    calls.set(place, { index, custom });
    const id = [item['call_id'], item['id']].find((one) => typeof one === 'string' && one !== '');
    const name = typeof item['name'] === 'string' ? item['name'] : '';
    const head = { index, id: typeof id === 'string' ? id : `call_${index}` };
    if (custom) return [{ tool_calls: [{ ...head, type: 'custom', custom: { name, input: '' } }] }];
    return [{ tool_calls: [{ ...head, type: 'function', function: { name, arguments: '' } }] }];
  };

  const typed = (place: Place, piece: string): Deltas => {
    const call = calls.get(place);
    if (!call || piece === '') return [];
    const { index, custom } = call;
    return [
      {
        tool_calls: [
          { index, ...(custom ? { custom: { input: piece } } : { function: { arguments: piece } }) },
        ],
      },
    ];
  };

  const cite = (place: string, annotation: unknown): Deltas => {
    const note = chatCitation(annotation, text.before(place));
    cited.set(place, (cited.get(place) ?? 0) + 1);
    return note ? [{ annotations: [note] }] : [];
  };

  const donePart = (place: string, part: unknown): Deltas => {
    if (!isRecord(part)) return [];
    const { type, annotations } = part;
    if (type === 'refusal') return text.settle('refusal', place, part['refusal']);
    if (type !== 'output_text') return [];
    const rest = text.settle('content', place, part['text']);
    const notes = Array.isArray(annotations) ? annotations.slice(cited.get(place) ?? 0) : [];
    return [...rest, ...notes.flatMap((note) => cite(place, note))];
  };

  const doneItem = (place: Place, item: Item): Deltas => {
    const begun = begin(place, item);
    switch (item['type']) {
      case 'message':
        phase = item['phase'] ?? phase;
        return listed(item['content']).flatMap((part, at) => donePart(`${place}:${at}`, part));
      case 'function_call':
      case 'custom_tool_call':
        return [...begun, ...typed(place, text.rest(`${place}`, item['arguments'] ?? item['input']))];
      case 'reasoning':
        thoughts.set(place, item);
        return doneThought(place, item);
      default:
        return []; // tools that the vendor runs itself, and what is yet to be invented
    }
  };

  const doneThought = (place: Place, item: Item): Deltas => {
    const summary = listed(item['summary']).filter(isRecord);
    const kind = summary.length > 0 ? 'summary' : 'reasoning';
    const parts = summary.length > 0 ? summary : listed(item['content']).filter(isRecord);
    return parts.flatMap((part, at) => text.settleThought(place, kind, at, part['text']));
  };

  return {
    event(event) {
      const { type, item, delta } = event;
      const place = placeOf(event);
      const part = `${place}:${numberOf(event['content_index'])}`;
      switch (type) {
        case 'response.output_item.added':
          return isRecord(item) ? begin(place, item) : [];
        case 'response.output_item.done':
          return isRecord(item) ? doneItem(place, item) : [];
        case 'response.output_text.delta':
          return text.grow('content', part, delta);
        case 'response.output_text.done':
          return text.settle('content', part, event['text']);
        case 'response.output_text.annotation.added':
          return cite(part, event['annotation']);
        case 'response.refusal.delta':
          return text.grow('refusal', part, delta);
        case 'response.refusal.done':
          return text.settle('refusal', part, event['refusal']);
        case 'response.reasoning_summary_text.delta':
          return text.growThought(place, 'summary', numberOf(event['summary_index']), delta);
        case 'response.reasoning_summary_text.done':
          return text.settleThought(place, 'summary', numberOf(event['summary_index']), event['text']);
        case 'response.reasoning_text.delta':
          return text.growThought(place, 'reasoning', numberOf(event['content_index']), delta);
        case 'response.reasoning_text.done':
          return text.settleThought(place, 'reasoning', numberOf(event['content_index']), event['text']);
        case 'response.function_call_arguments.delta':
        case 'response.custom_tool_call_input.delta':
          return calls.has(place) ? typed(place, text.more(`${place}`, delta)) : [];
        case 'response.function_call_arguments.done':
        case 'response.custom_tool_call_input.done':
          return calls.has(place)
            ? typed(place, text.rest(`${place}`, event['arguments'] ?? event['input']))
            : [];
        default:
          return []; // what is already known, and what is yet to be invented
      }
    },
    catchUp(output) {
      const items = listed(output);
      const same = items.length === seen.size && items.every((_, at) => seen.has(at));
      if (seen.size > 0 && !same) return []; // which of them is which cannot be told
      return items.flatMap((item, at) => (isRecord(item) ? doneItem(at, item) : []));
    },
    calls: () => calls.size > 0,
    // told by their places: a thought may be done after the call behind it has begun
    reasoning: () =>
      [...thoughts].map(([place, item]) =>
        placed(item, [...calls.keys()].filter((call) => isBefore(call, place)).length),
      ),
    phase: () => phase,
  };
}

type Place = number | string;

const placeOf = ({ output_index: index, item_id: id }: Item): Place =>
  typeof index === 'number' ? index : typeof id === 'string' ? id : 0;

const isBefore = (one: Place, other: Place): boolean =>
  typeof one === 'number' && typeof other === 'number' && one < other;

const numberOf = (index: unknown): number => (typeof index === 'number' ? index : 0);

const listed = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
