import type { ChatRequest, GatewayError } from '@inferbridge/core';
import { unsupported } from '../../features.ts';
import { asText } from '../../json.ts';

/*
 * OpenAI's reasoning models take no sampling parameters and no stop sequences, and count `max_completion_tokens`.
 * Source: https://platform.openai.com/docs/guides/reasoning (read 2026-11-20) and recorded refusals.
 */

export const REASONING: readonly string[] = ['o1', 'o3', 'o4', 'gpt-5', 'gpt-6', 'gpt-7'];
/** Named like the others, and none of them. */
const CHAT = /^gpt-5(\.\d+)?-chat/;
const SAMPLING = [
  'temperature',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
  'logprobs',
  'top_logprobs',
];

export function isReasoningModel(model: string): boolean {
  const known = reasoning.get(model);
  if (known !== undefined) return known;
  const found = REASONING.some((prefix) => model.startsWith(prefix)) && !CHAT.test(model);
  if (reasoning.size >= MOST_KEPT) reasoning.clear();
  reasoning.set(model, found);
  return found;
}

/** Asked several times for each request. */
const reasoning = new Map<string, boolean>();
const MOST_KEPT = 1_000;

/** Efforts that a family lacks, and the nearest that it has; by the longest beginning of a name. */
const EFFORTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'gpt-5.6': { minimal: 'low' },
  'gpt-6': { minimal: 'low' },
  'gpt-6-astra': { none: 'low', minimal: 'low' },
};

/** The effort as the model knows it. */
export function effortFor(model: string, effort: unknown): unknown {
  const name = Object.keys(EFFORTS)
    .filter((prefix) => model.startsWith(prefix))
    .sort((a, b) => b.length - a.length)[0];
  const efforts = name === undefined ? undefined : EFFORTS[name];
  return typeof effort === 'string' && efforts && Object.hasOwn(efforts, effort) ? efforts[effort] : effort;
}

/** Leaves out what a reasoning model refuses, unless it was told not to reason. */
export function forReasoningModels(body: Record<string, unknown>, dropped: (param: string) => void): void {
  if (!isReasoningModel(asText(body['model']))) {
    withoutEffort(body, dropped);
    return;
  }
  if (body['max_tokens'] !== undefined) {
    if (body['max_tokens'] !== null) body['max_completion_tokens'] ??= body['max_tokens'];
    body['max_tokens'] = undefined; // deleting makes an object slow
  }
  if (body['reasoning_effort'] !== undefined)
    body['reasoning_effort'] = effortFor(asText(body['model']), body['reasoning_effort']);
  if (body['reasoning_effort'] === 'none') return;
  for (const field of SAMPLING) {
    const value = body[field];
    if (value === undefined || value === null) continue;
    if (field === 'temperature' && value === 1) continue;
    if (field === 'top_p' && value === 1) continue;
    body[field] = undefined;
    const silent = value === false || (value === 0 && field !== 'temperature' && field !== 'top_p');
    if (!silent) dropped(field);
  }
}

/** What never reasoned refuses the very word. */
const WITHOUT_EFFORT = /^(gpt-3\.5|gpt-4|chatgpt-4o)/;

export const hasNoEffort = (model: string): boolean => WITHOUT_EFFORT.test(model.replace(/^ft:/, ''));

function withoutEffort(body: Record<string, unknown>, dropped: (param: string) => void): void {
  const effort = body['reasoning_effort'];
  if (effort === undefined || !hasNoEffort(asText(body['model']))) return;
  delete body['reasoning_effort'];
  if (effort !== null && effort !== 'none') dropped('reasoning_effort');
}

/** A stop sequence, or log probabilities, that the model would refuse: another candidate may honour it. */
export function reasoningRefuses(request: ChatRequest, model: string): GatewayError | null {
  if (!isReasoningModel(model) || request['reasoning_effort'] === 'none') return null;
  if (request.stop !== undefined && request.stop !== null && request.stop.length > 0)
    return unsupported('stop');
  return request['logprobs'] === true ? unsupported('logprobs') : null;
}
