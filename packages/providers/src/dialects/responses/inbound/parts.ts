import type { ContentPart } from '@inferbridge/core';
import { isRecord } from '../../openai/errors.ts';
import { malformed, shown } from '../faults.ts';
import type { Item } from '../item.ts';

/** What a user, a system or a tool says, as a chat message's content: a text stays one, parts stay parts. */
export function contentOf(content: unknown, place: string): string | ContentPart[] {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw malformed(place, 'a string or an array of parts is wanted');
  return content.map((part, index) => contentPart(part, `${place}[${index}]`));
}

/** What an assistant said. */
export interface Said {
  readonly texts: readonly ContentPart[];
  readonly refusal: string | null;
}

export function saidIn(content: unknown, place: string): Said {
  if (typeof content === 'string') return { texts: [{ type: 'text', text: content }], refusal: null };
  if (!Array.isArray(content)) throw malformed(place, 'a string or an array of parts is wanted');
  const texts: ContentPart[] = [];
  let refusal: string | null = null;
  for (const [index, part] of content.entries()) {
    const here = `${place}[${index}]`;
    if (isRecord(part) && part['type'] === 'refusal')
      refusal = (refusal ?? '') + wanted(part, 'refusal', here);
    else texts.push(contentPart(part, here, ASSISTANT));
  }
  return { texts, refusal };
}

const ASSISTANT: ReadonlySet<unknown> = new Set(['output_text', 'input_text', 'text']);

function contentPart(part: unknown, place: string, known?: ReadonlySet<unknown>): ContentPart {
  if (!isRecord(part)) throw malformed(place, 'an object with a type is wanted');
  const kind = known && !known.has(part['type']) ? undefined : part['type'];
  switch (kind) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return { type: 'text', text: wanted(part, 'text', place), ...breakpoint(part) };
    case 'input_image':
      return { ...image(part, place), ...breakpoint(part) };
    case 'input_file':
      return { ...file(part, place), ...breakpoint(part) };
    case 'input_audio':
      if (!isRecord(part['input_audio'])) throw malformed(`${place}.input_audio`, 'an object is wanted');
      return { type: 'input_audio', input_audio: part['input_audio'] };
    default:
      if (!known && typeof part['type'] === 'string' && part['type'] !== '') return own(part);
      throw malformed(
        `${place}.type`,
        `${shown(part['type'])} is not known here; ${known ? 'output_text or refusal' : 'input_text, input_image or input_file'} is wanted`,
      );
  }
}

const breakpoint = ({ prompt_cache_breakpoint: mark }: Item): Item =>
  isRecord(mark) ? { prompt_cache_breakpoint: mark } : {};

function wanted(part: Item, field: string, place: string): string {
  const value = part[field];
  if (typeof value !== 'string') throw malformed(`${place}.${field}`, 'a string is wanted');
  return value;
}

/** What chat completions has no words for: it goes on to upstreams of this dialect alone. */
const own = (part: Item): ContentPart => ({ type: 'responses_part', responses_part: part });

function image(part: Item, place: string): ContentPart {
  const { image_url: url, file_id: id, detail } = part;
  if (typeof url !== 'string') {
    if (typeof id === 'string') return own(part);
    throw malformed(`${place}.image_url`, 'a string is wanted');
  }
  return { type: 'image_url', image_url: { url, ...(typeof detail === 'string' && { detail }) } };
}

function file(part: Item, place: string): ContentPart {
  const fields = ['file_data', 'file_id', 'filename'].flatMap((name) =>
    typeof part[name] === 'string' ? [[name, part[name]]] : [],
  );
  if (typeof part['file_data'] !== 'string' && typeof part['file_id'] !== 'string') {
    if (typeof part['file_url'] === 'string') return own(part);
    throw malformed(`${place}.file_data`, 'a base64 data: URL is wanted');
  }
  return { type: 'file', file: Object.fromEntries(fields) };
}
