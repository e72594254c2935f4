import { asText } from '../../json.ts';
import { isRecord } from './errors.ts';

/**
 * `[{type: "thinking", thinking: [{text}]}, {type: "text", text}]` → content and reasoning_content: clients know
 * content as one text alone. Source: recorded answers of Mistral's reasoning models (read 2026-11-20).
 */
export function splitParts(message: Record<string, unknown>): void {
  const { content } = message;
  if (!Array.isArray(content)) return;
  const parts = content.filter(isRecord);
  message['content'] = parts.map((part) => (part['type'] === 'text' ? asText(part['text']) : '')).join('');
  const thinking = parts
    .filter((part) => part['type'] === 'thinking')
    .flatMap((part) => (Array.isArray(part['thinking']) ? part['thinking'].filter(isRecord) : [part]))
    .map((part) => asText(part['text'] ?? part['thinking']));
  if (thinking.length > 0) message['reasoning_content'] = thinking.join('');
}
