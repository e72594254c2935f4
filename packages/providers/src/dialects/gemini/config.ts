import type { ChatRequest } from '@inferbridge/core';
import { asText } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';
import type { Abilities } from './models.ts';
import { geminiSchema } from './schema.ts';
import { thinkingOf } from './thinking.ts';

/** OpenAI's names, Gemini's, and the ability without which they are left out. */
const NUMBERS: readonly [string, string, ('sampling' | 'penalties')?][] = [
  ['temperature', 'temperature', 'sampling'],
  ['top_p', 'topP', 'sampling'],
  ['top_k', 'topK', 'sampling'],
  ['presence_penalty', 'presencePenalty', 'penalties'],
  ['frequency_penalty', 'frequencyPenalty', 'penalties'],
  ['seed', 'seed'],
];

/** How the answer is to be made. Source: https://ai.google.dev/api/generate-content#generationconfig (read 2026-11-20). */
export function generationConfig(
  request: ChatRequest,
  abilities: Abilities,
  dropped: (param: string) => void,
): Record<string, unknown> {
  const config: Record<string, unknown> = {};
  for (const [name, wire, ability] of NUMBERS) {
    const value = request[name];
    if (typeof value !== 'number') continue;
    if (ability && !abilities[ability]) dropped(name);
    else config[wire] = value;
  }
  const most = request.max_completion_tokens ?? request.max_tokens;
  if (typeof most === 'number') config['maxOutputTokens'] = most;
  if (typeof request.n === 'number' && request.n > 1) config['candidateCount'] = request.n;
  const stops = stopsOf(request);
  if (stops.length > 0) config['stopSequences'] = stops;
  const thinking = thinkingOf(request, abilities, dropped);
  if (thinking) config['thinkingConfig'] = thinking;
  return { ...config, ...formatOf(request), ...modalitiesOf(request) };
}

function stopsOf({ stop }: ChatRequest): string[] {
  const given: readonly unknown[] = Array.isArray(stop) ? stop : [stop];
  return [...new Set(given.filter((text) => typeof text === 'string' && text !== ''))].map(asText);
}

function formatOf(request: ChatRequest): Record<string, unknown> | null {
  const format = request['response_format'];
  if (!isRecord(format)) return null;
  if (format['type'] === 'json_object') return { responseMimeType: 'application/json' };
  if (format['type'] !== 'json_schema') return null;
  const schema = isRecord(format['json_schema']) ? format['json_schema']['schema'] : null;
  return {
    responseMimeType: 'application/json',
    ...(isRecord(schema) && { responseJsonSchema: geminiSchema(schema) }),
  };
}

/** Models that draw want to be asked for it. */
function modalitiesOf({ modalities }: ChatRequest): Record<string, unknown> | null {
  if (!Array.isArray(modalities) || !modalities.includes('image')) return null;
  return { responseModalities: modalities.includes('text') ? ['TEXT', 'IMAGE'] : ['IMAGE'] };
}
