import type { ChatChunk, ChunkChoice } from '@inferbridge/core';

/*
 * What clients rely on in a stream of canonical chunks, as strictly as it can be said.
 * Source: https://platform.openai.com/docs/api-reference/chat-streaming and recorded streams (read 2026-11-20).
 */

const REASONS: ReadonlySet<unknown> = new Set([
  'stop',
  'length',
  'tool_calls',
  'content_filter',
  'function_call',
]);

/** Every way in which a stream is not as clients rely on; empty for one that is. */
export function faultsOf(chunks: readonly ChatChunk[]): string[] {
  if (chunks.length === 0) return ['no chunk at all'];
  return [...headFaults(chunks), ...usageFaults(chunks), ...choiceFaults(chunks)];
}

function headFaults(chunks: readonly ChatChunk[]): string[] {
  const faults: string[] = [];
  for (const field of ['id', 'created', 'model'] as const) {
    const values = new Set(chunks.map((chunk) => chunk[field]));
    if (values.size !== 1) faults.push(`${field} differs between chunks`);
    if ([...values].some((value) => !value)) faults.push(`${field} is missing or empty`);
  }
  if (!chunks.every(({ created }) => Number.isInteger(created))) faults.push('created is no integer');
  if (!chunks.every(({ object }) => object === 'chat.completion.chunk')) faults.push('object is another');
  if (!chunks.every(({ choices }) => Array.isArray(choices))) faults.push('a chunk has no choices');
  return faults;
}

function usageFaults(chunks: readonly ChatChunk[]): string[] {
  const faults: string[] = [];
  const bare = chunks.filter(({ choices }) => choices.length === 0);
  if (bare.length > 1) faults.push('more than one chunk without choices');
  if (bare.length === 1 && chunks.at(-1) !== bare[0]) faults.push('something follows the usage');
  if (bare.some(({ usage }) => !usage)) faults.push('a chunk has neither choices nor usage');
  if (chunks.some(({ choices, usage }) => choices.length > 0 && usage))
    faults.push('usage rides on a chunk with choices');
  const usage = bare[0]?.usage;
  if (usage && (usage.prompt_tokens ?? 0) + (usage.completion_tokens ?? 0) !== usage.total_tokens)
    faults.push('prompt and completion are not the total');
  return faults;
}

function choiceFaults(chunks: readonly ChatChunk[]): string[] {
  const all = chunks.flatMap(({ choices }) => choices);
  if (!all.every(({ index }) => Number.isInteger(index) && index >= 0 && index < 128))
    return ['the index of a choice is no small integer'];
  return [...new Set(all.map(({ index }) => index))].flatMap((index) =>
    oneChoice(all.filter((choice) => choice.index === index)),
  );
}

function oneChoice(own: readonly ChunkChoice[]): string[] {
  const faults: string[] = [];
  if (own.some(({ finish_reason: reason }) => reason !== null && !REASONS.has(reason)))
    faults.push('finish_reason is missing or unknown');
  if (own.filter(({ finish_reason: reason }) => reason !== null).length !== 1)
    faults.push('not exactly one finish reason');
  else if (own.at(-1)?.finish_reason === null) faults.push('something follows the finish reason');
  const first = own[0]?.delta;
  if (first?.role !== 'assistant') faults.push('the first delta has no role');
  if (first && typeof first.content !== 'string' && !(first.content === null && first.tool_calls))
    faults.push('the first delta has neither text nor a call');
  if (own.slice(1).some(({ delta }) => delta.role !== undefined)) faults.push('a later delta has a role');
  faults.push(...own.flatMap(({ delta }) => deltaFaults(delta)), ...callFaults(own));
  return faults;
}

function deltaFaults(delta: ChunkChoice['delta']): string[] {
  const faults: string[] = [];
  if (delta.content !== undefined && delta.content !== null && typeof delta.content !== 'string')
    faults.push('content is no text');
  if (delta['reasoning'] !== undefined) faults.push('reasoning has another name');
  const thought = delta['reasoning_content'];
  if (thought !== undefined && thought !== null && typeof thought !== 'string')
    faults.push('reasoning_content is no text');
  for (const field of ['tool_calls', 'function_call', 'audio', 'annotations'])
    if (delta[field] === null) faults.push(`${field} is null`);
  if (delta.tool_calls?.length === 0) faults.push('tool_calls is empty');
  return faults;
}

function callFaults(own: readonly ChunkChoice[]): string[] {
  const faults: string[] = [];
  const ids = new Set<unknown>();
  const said: string[] = [];
  for (const call of own.flatMap(({ delta }) => delta.tool_calls ?? [])) {
    const at = call.index ?? -1;
    const args = call.function?.arguments;
    if (at === said.length && call.type !== 'custom') {
      if (!call.id || ids.has(call.id)) faults.push('a call has no id of its own');
      if (call.type !== 'function' || !call.function?.name || typeof args !== 'string')
        faults.push('the first delta of a call does not say everything');
      ids.add(call.id);
      said.push(args ?? '');
    } else if (at >= 0 && at < said.length) {
      if (Object.keys(call).sort().join() !== 'function,index' || typeof args !== 'string')
        faults.push('a later delta of a call says more than arguments');
      else if (Object.keys(call.function ?? {}).join() !== 'arguments') faults.push('a name is repeated');
      said[at] += args ?? '';
    } else if (call.type !== 'custom') faults.push('calls are not numbered from 0 without gaps');
  }
  const reason = own.at(-1)?.finish_reason;
  const any = own.some(({ delta }) => delta.tool_calls);
  if (!any && reason === 'tool_calls') faults.push('calls are claimed where there are none');
  if (said.length > 0 && (reason === 'stop' || reason === 'function_call'))
    faults.push('calls end with another reason');
  return faults;
}
