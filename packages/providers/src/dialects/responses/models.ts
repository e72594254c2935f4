import type { ChatRequest } from '@inferbridge/core';
import { hasPart } from '../../request-types.ts';
import { isReasoningModel } from '../openai/models.ts';

/*
 * Which models take tools on /v1/responses alone: data, looked up by the longest prefix of a name. The others answer
 * "Function tools with reasoning_effort are not supported for <model> in /v1/chat/completions".
 * Source: https://platform.openai.com/docs/guides/migrate-to-responses and the answers that users report in
 * https://github.com/openai/openai-openapi/issues/541 and https://github.com/BerriAI/litellm/issues/39631
 * (read 2026-11-20).
 */

/** When a request with tools has to go to /v1/responses. */
export type Rule = 'never' | 'with an effort' | 'unless none' | 'always';

export const RULES: Readonly<Record<string, Rule>> = {
  'gpt-5.4': 'with an effort',
  'gpt-5.5': 'with an effort',
  'gpt-5.6': 'unless none',
  'gpt-6': 'unless none',
  'gpt-6-astra': 'always',
};

/** The first version that reasons unless it is told not to; what is newer than the list does so as well. */
const NEWEST = [5, 6] as const;
const NEWEST_RULE: Rule = 'unless none';
/** Named like the others, and none of them. */
const CHAT = /^gpt-[\d.]+-chat/;

const PREFIXES = Object.keys(RULES).sort((a, b) => b.length - a.length);

function ruleOf(model: string): Rule {
  const name = model.replace(/^ft:/, '');
  if (CHAT.test(name)) return 'never';
  const prefix = PREFIXES.find((known) => name.startsWith(known) && !/^\.?\d/.test(name.slice(known.length)));
  if (prefix) return RULES[prefix] ?? 'never';
  const version = /^gpt-(\d+)(?:\.(\d+))?/.exec(name);
  if (!version) return 'never';
  const [major, minor] = [Number(version[1]), Number(version[2] ?? 0)];
  const newer = major > NEWEST[0] || (major === NEWEST[0] && minor >= NEWEST[1]);
  return newer ? NEWEST_RULE : 'never';
}

/** What only that API has words for. */
const ITEMS = ['responses_part', 'responses_item'];

/** Does this model refuse on /v1/chat/completions what the request asks for, and take it on /v1/responses? */
export function needsResponses(request: ChatRequest, model: string): boolean {
  if (hasPart(request, ITEMS)) return true;
  if (!some(request.tools) && !some(request['functions'])) return false;
  const effort = request['reasoning_effort'] ?? null;
  switch (ruleOf(model)) {
    case 'never':
      return false;
    case 'with an effort':
      return effort !== null && effort !== 'none';
    case 'unless none':
      return effort !== 'none';
    case 'always':
      return true;
  }
}

/** Does this model reason at all? */
export const reasons = (model: string): boolean =>
  isReasoningModel(model.replace(/^ft:/, '')) || ruleOf(model) !== 'never';

const some = (list: unknown): boolean => Array.isArray(list) && list.length > 0;
