import type { Item } from '../item.ts';
import type { Draft, Piece, Place, Writer } from './writer.ts';

interface Part {
  readonly type: 'output_text' | 'refusal';
  text: string;
  readonly annotations: Item[];
  readonly logprobs: unknown[];
}

const wire = ({ type, text, annotations, logprobs }: Part): Item =>
  type === 'refusal'
    ? { type, refusal: text }
    : { type, annotations: [...annotations], logprobs: [...logprobs], text };

/** What the assistant says: text and refusal, a part for each. */
export function createMessage({ id, index }: Place): Writer & { mark(phase: unknown): void } {
  const parts: Part[] = [];
  let status = 'in_progress';
  let phase: unknown;
  const at = () => ({ item_id: id, output_index: index, content_index: parts.length - 1 });
  const item = (): Item => ({
    id,
    type: 'message',
    status,
    content: parts.map(wire),
    role: 'assistant',
    ...(typeof phase === 'string' && { phase }),
  });

  const closePart = (): readonly Draft[] => {
    const part = parts.at(-1);
    if (!part) return [];
    const { type, text, logprobs } = part;
    const whole = type === 'refusal' ? { refusal: text } : { text, logprobs: [...logprobs] };
    return [
      { type: `response.${type}.done`, ...at(), ...whole },
      { type: 'response.content_part.done', ...at(), part: wire(part) },
    ];
  };

  const openPart = (type: Part['type']): readonly Draft[] => {
    if (parts.at(-1)?.type === type) return [];
    const before = closePart();
    const part: Part = { type, text: '', annotations: [], logprobs: [] };
    parts.push(part);
    return [...before, { type: 'response.content_part.added', ...at(), part: wire(part) }];
  };

  const add = (piece: Piece): readonly Draft[] => {
    const part = parts.at(-1);
    if (!part) return [];
    if (piece.annotation) {
      const annotation_index = part.annotations.push(piece.annotation) - 1;
      const said = { annotation_index, annotation: piece.annotation };
      return [{ type: 'response.output_text.annotation.added', ...at(), ...said }];
    }
    part.text += piece.text;
    const logprobs = piece.logprobs ?? [];
    part.logprobs.push(...logprobs);
    const more = part.type === 'refusal' ? {} : { logprobs };
    return [{ type: `response.${part.type}.delta`, ...at(), delta: piece.text, ...more }];
  };

  return {
    kind: 'message',
    open: () => [{ type: 'response.output_item.added', output_index: index, item: item() }],
    grow: (piece) => [...openPart(piece.field === 'refusal' ? 'refusal' : 'output_text'), ...add(piece)],
    close(completed) {
      status = completed ? 'completed' : 'incomplete';
      return closePart();
    },
    finished: () => true,
    /** Says which part of the answer it is, unless that is over. */
    mark(its) {
      if (status === 'in_progress') phase = its;
    },
    item,
  };
}
