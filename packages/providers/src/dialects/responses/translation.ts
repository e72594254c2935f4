import { type ChatChunk, type ChunkDelta, GatewayError } from '@inferbridge/core';
import { isRecord } from '../openai/errors.ts';
import type { Item } from './item.ts';
import { createOutput } from './output.ts';
import { finishOf, headOf, ownOf, tierOf } from './own.ts';
import { chatUsage } from './usage.ts';

export interface TranslationOptions {
  /** Seconds since 1970. */
  readonly created: number;
  /** A failed response, or an error event, as the error that it is. */
  failure(body: unknown): GatewayError;
}

/** Turns one event after the other into chunks; holds the state of one response. */
export function createTranslation({ created, failure }: TranslationOptions) {
  const output = createOutput();
  let head: ReturnType<typeof headOf> | null = null;
  let stopped = false;

  const chunk = (delta: ChunkDelta, reason: string | null = null): ChatChunk => ({
    ...(head ?? headOf({}, created)),
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, finish_reason: reason, logprobs: null }],
  });

  const begin = (response: Item): readonly ChatChunk[] => {
    if (head) return [];
    head = headOf(response, created);
    return [chunk({ role: 'assistant', content: '' })];
  };

  const start = (response: unknown): readonly ChatChunk[] => {
    if (!isRecord(response)) return [];
    if (head && head.id !== headOf(response, created).id)
      throw new GatewayError('malformed', 'the upstream began a second response inside the first', {
        code: 'upstream_spliced',
      });
    return begin(response);
  };

  const stop = (response: Item): readonly ChatChunk[] => {
    const first = begin(response);
    const late = output.catchUp(response['output']).map((delta) => chunk(delta));
    const usage = chatUsage(response['usage']);
    stopped = true;
    return [
      ...first,
      ...late,
      chunk(ownOf(output.reasoning(), output.phase()), finishOf(response, output.calls())),
      ...(usage
        ? [
            {
              ...(head ?? headOf(response, created)),
              object: 'chat.completion.chunk',
              choices: [],
              usage,
              ...tierOf(response),
            },
          ]
        : []),
    ];
  };

  return {
    stopped: () => stopped,
    event(event: unknown): readonly ChatChunk[] {
      if (stopped || !isRecord(event)) return [];
      const { type, response } = event;
      if (type === 'error' || (type === undefined && isRecord(event['error']))) throw failure(event);
      if (type === 'response.failed') throw failure(isRecord(response) ? response : event);
      if (type === 'response.created') return start(response);
      if (type === 'response.completed') return stop(isRecord(response) ? response : {});
      if (type === 'response.incomplete')
        return stop({ ...(isRecord(response) && response), status: 'incomplete' });
      const deltas = output.event(event);
      return deltas.length > 0 ? [...begin({}), ...deltas.map((delta) => chunk(delta))] : [];
    },
  };
}
