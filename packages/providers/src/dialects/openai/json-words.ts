import type { ChatMessage } from '@inferbridge/core';
import { jsonText } from '../../json.ts';
import { isRecord } from './errors.ts';

/** A schema that the vendor cannot hold an answer to: JSON mode, and the schema in words. */
export function schemaInWords(body: Record<string, unknown>): void {
  const format = body['response_format'];
  if (!isRecord(format) || format['type'] !== 'json_schema') return;
  const given = isRecord(format['json_schema']) ? format['json_schema']['schema'] : null;
  body['response_format'] = { type: 'json_object' };
  instruct(
    body,
    `Answer with one JSON object that fits this JSON schema, and nothing else:\n${jsonText(given ?? {})}`,
  );
}

/** JSON mode at vendors that refuse it unless the prompt speaks of JSON. */
export function sayJson(body: Record<string, unknown>): void {
  const format = body['response_format'];
  if (!isRecord(format) || format['type'] !== 'json_object') return;
  if (/json/i.test(jsonText(body['messages']))) return;
  instruct(body, 'Answer with one JSON object and nothing else.');
}

/** Another instruction, behind the system messages that are there. */
function instruct(body: Record<string, unknown>, content: string): void {
  const messages = body['messages'] as readonly ChatMessage[]; // the request's own, checked at the edge
  const at = messages.findIndex(({ role }) => role !== 'system' && role !== 'developer');
  const place = at < 0 ? messages.length : at;
  body['messages'] = messages.toSpliced(place, 0, { role: 'system', content });
}
