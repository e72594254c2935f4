import type { ChatChunk, ChatCompletion } from './chat.ts';
import { GatewayError } from './errors.ts';

const said = (text: unknown): boolean => typeof text === 'string' && text !== '';

/** The code of an answer that is taken for a failure. */
export const REFUSAL = 'refusal';

const refusal = () =>
  new GatewayError('content_policy', 'the model refused to answer', { status: 200, code: REFUSAL });

/** Throws `content_policy` for a completion that only says no: a refusal, or filtered before anything was said. */
export function refused({ choices }: ChatCompletion): void {
  const [first] = choices;
  if (!first) return;
  const { message, finish_reason: finish } = first;
  if (said(message?.refusal) || (finish === 'content_filter' && !said(message?.content))) throw refusal();
}

/** The same for how a stream begins. */
export function refusedInStream(chunks: readonly ChatChunk[]): void {
  const choices = chunks.flatMap((chunk) => chunk.choices);
  const filtered = choices.some(({ finish_reason: finish }) => finish === 'content_filter');
  const anything = choices.some(({ delta }) => said(delta?.content));
  if (choices.some(({ delta }) => said(delta?.['refusal'])) || (filtered && !anything)) throw refusal();
}
