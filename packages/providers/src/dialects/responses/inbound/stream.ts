import type { ChatChunk, WireUsage } from '@inferbridge/core';
import { createAnswer } from './answer.ts';
import type { Draft } from './writer.ts';

/** One event of a stream of /v1/responses, ready to be written: its `type` is the event's name as well. */
export type ResponseEvent = {
  readonly type: string;
  readonly sequence_number: number;
} & Record<string, unknown>;

/** The events of one answer, in order. After `end` or `failed` there are none. */
export interface ResponseEvents {
  chunk(chunk: ChatChunk): readonly ResponseEvent[];
  /** The answer is whole. `usage` goes before what the chunks told. */
  end(usage: WireUsage | null): readonly ResponseEvent[];
  failed(error: { code: string | null; message: string }): readonly ResponseEvent[];
}

/**
 * Chat chunks as the events of /v1/responses; the last one holds the response that `responseOf` gives for the same
 * answer. Ids come from `about.id`. Items come one after the other, so that parallel calls wait for each other; only
 * the `output_item.done` of reasoning waits for the end, where it is known what the client has to hand back.
 * Source: https://platform.openai.com/docs/api-reference/responses-streaming (openai 7.55.0, read 2026-11-20).
 */
export function createResponseEvents(
  request: Record<string, unknown>,
  about: { readonly id: string },
): ResponseEvents {
  const answer = createAnswer(request, about.id);
  let number = 0;
  let begun = false;
  let over = false;

  const first = (): readonly Draft[] => {
    if (begun) return [];
    begun = true;
    const response = answer.response();
    return [
      { type: 'response.created', response },
      { type: 'response.in_progress', response },
    ];
  };
  const numbered = (drafts: readonly Draft[]): readonly ResponseEvent[] =>
    drafts.map((draft) => ({ ...draft, sequence_number: number++ }));
  const last = (drafts: () => readonly Draft[]): readonly ResponseEvent[] => {
    if (over) return [];
    over = true;
    return numbered([...first(), ...drafts()]);
  };

  return {
    chunk(chunk) {
      if (over) return [];
      answer.note(chunk);
      return numbered([...first(), ...answer.chunk(chunk)]);
    },
    end: (usage) => last(() => answer.end(usage)),
    failed: (error) => last(() => answer.failed(error)),
  };
}
