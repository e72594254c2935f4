import { createArguments } from '../../arguments.ts';
import type { Item } from '../item.ts';

/** An event without its number. */
export type Draft = { readonly type: string } & Item;

/** More of one item. */
export interface Piece {
  readonly field: 'content' | 'refusal' | 'reasoning' | 'arguments' | 'annotation';
  readonly text: string;
  readonly annotation?: Item;
  readonly logprobs?: readonly unknown[];
}

/** One item of the output, told event by event. */
export interface Writer {
  readonly kind: 'reasoning' | 'message' | 'call';
  open(): readonly Draft[];
  grow(piece: Piece): readonly Draft[];
  /** Ends what is inside; `false` for an item that was cut short. */
  close(completed: boolean): readonly Draft[];
  /** Can nothing more come, so that the next item may begin? */
  finished(): boolean;
  /** The item as it is now. */
  item(): Item;
}

export interface Place {
  readonly id: string;
  readonly index: number;
}

/** The calls of a tool of the client's. */
export interface CallHead {
  readonly call_id: string;
  readonly name: string;
  readonly custom: boolean;
  /** What a vendor wants back with it. */
  readonly extra: Item | null;
}

/** A call: its arguments are JSON, so that their end can be seen; the input of a free-form tool is any text. */
export function createCall({ id, index }: Place, head: CallHead): Writer {
  const [field, event] = head.custom
    ? ['input', 'response.custom_tool_call_input']
    : ['arguments', 'response.function_call_arguments'];
  const at = { item_id: id, output_index: index };
  let text = '';
  const args = createArguments();
  let status = 'in_progress';
  const grow = (piece: string): readonly Draft[] => {
    text += piece;
    if (!head.custom) args.add(piece);
    return piece === '' ? [] : [{ type: `${event}.delta`, ...at, delta: piece }];
  };
  const item = (): Item => ({
    id,
    type: head.custom ? 'custom_tool_call' : 'function_call',
    status,
    call_id: head.call_id,
    name: head.name,
    [field]: text,
    ...(head.extra && { extra_content: head.extra }),
  });
  return {
    kind: 'call',
    open: () => [{ type: 'response.output_item.added', output_index: index, item: item() }],
    grow: (piece) => grow(piece.text),
    close(completed) {
      const missing = text === '' && completed && !head.custom ? grow('{}') : [];
      status = completed ? 'completed' : 'incomplete';
      return [...missing, { type: `${event}.done`, ...at, [field]: text }];
    },
    finished: () => !head.custom && args.whole(),
    item,
  };
}

/** Reasoning in one summary; what a client must hand back is put in last, since it comes last. */
export function createReasoning({ id, index }: Place): Writer & { seal(encrypted: string): void } {
  const at = { item_id: id, output_index: index, summary_index: 0 };
  let text = '';
  let encrypted: string | null = null;
  const part = () => ({ type: 'summary_text', text });
  return {
    kind: 'reasoning',
    open: () => [
      {
        type: 'response.output_item.added',
        output_index: index,
        item: { id, type: 'reasoning', summary: [] },
      },
    ],
    grow(piece) {
      const added: Draft[] =
        text === '' ? [{ type: 'response.reasoning_summary_part.added', ...at, part: part() }] : [];
      text += piece.text;
      return [...added, { type: 'response.reasoning_summary_text.delta', ...at, delta: piece.text }];
    },
    close: () =>
      text === ''
        ? []
        : [
            { type: 'response.reasoning_summary_text.done', ...at, text },
            { type: 'response.reasoning_summary_part.done', ...at, part: part() },
          ],
    finished: () => true,
    seal(text) {
      encrypted = text;
    },
    item: () => ({
      id,
      type: 'reasoning',
      summary: text === '' ? [] : [part()],
      ...(encrypted !== null && { encrypted_content: encrypted }),
    }),
  };
}
