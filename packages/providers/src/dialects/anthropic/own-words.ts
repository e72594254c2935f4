import type { ChatRequest } from '@inferbridge/core';
import { isRecord } from '../openai/errors.ts';
import { abilitiesOf } from './models.ts';

/** What a client of this dialect said in its own words stands beside the rest again. */
export function withOwnWords(request: ChatRequest): ChatRequest {
  const { provider_specific_fields: fields, ...rest } = request;
  const own = isRecord(fields) ? fields['anthropic'] : null;
  return isRecord(own) ? { ...own, ...rest } : rest;
}

/**
 * What has to be left out of a body of the vendor's own dialect before it can go to this model; `null` where it has to
 * be translated instead.
 */
export function surplusFor(asked: ChatRequest): readonly string[] | null {
  const request = withOwnWords(asked);
  const abilities = abilitiesOf(request.model);
  const { thinking } = request;
  const kind = isRecord(thinking) ? thinking['type'] : null;
  if (kind === 'enabled' && abilities.thinking !== 'budget') return null;
  if (kind === 'adaptive' && abilities.thinking !== 'adaptive') return null;
  if (kind === 'disabled' && abilities.thinking === 'adaptive' && abilities.off !== 'disabled') return null;
  const choice = request['tool_choice'];
  if ((choice === 'required' || isRecord(choice)) && abilities.forcedTools === 'no') return null;
  if (!abilities.prefill && request.messages.at(-1)?.role === 'assistant') return null;
  if (abilities.sampling !== 'none') return [];
  return ['temperature', 'top_p', 'top_k'].filter(
    (name) => request[name] !== undefined && request[name] !== null,
  );
}
