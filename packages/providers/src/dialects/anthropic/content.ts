import { type ContentPart, GatewayError } from '@inferbridge/core';
import { unsupported, untaken } from '../../features.ts';
import { asText } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';

/** A content block, as the wire spells it. */
export type Block = { readonly type: string } & Record<string, unknown>;

/** Source: https://docs.anthropic.com/en/docs/build-with-claude/vision (read 2026-11-20). */
const IMAGES: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

/** The blocks of a message's content; text that is nothing but blanks is left out, since the API refuses it. */
export function blocksOf(content: unknown, place: string): Block[] {
  if (content === undefined || content === null) return [];
  if (typeof content === 'string') return textBlock(content);
  if (!Array.isArray(content)) throw malformed(place, 'a string or an array of parts is wanted');
  return content.flatMap((part, index) => partBlocks(part, `${place}[${index}]`));
}

export const malformed = (place: string, why: string): GatewayError =>
  new GatewayError('invalid_request', `${place}: ${why}`, { param: place });

export const textBlock = (text: string, part?: ContentPart): Block[] =>
  text.trim() === '' ? [] : [{ type: 'text', text, ...cacheControl(part) }];

/** A breakpoint of the prompt cache, in Anthropic's own spelling or in OpenAI's. */
export function cacheControl(
  of: Readonly<Record<string, unknown>> | undefined,
): { cache_control: object } | null {
  const given = of?.['cache_control'];
  if (isRecord(given)) return { cache_control: given };
  return isRecord(of?.['prompt_cache_breakpoint']) ? { cache_control: { type: 'ephemeral' } } : null;
}

function partBlocks(part: unknown, place: string): Block[] {
  if (!isRecord(part)) throw malformed(place, 'an object with a type is wanted');
  const own = part['anthropic_block'];
  if (own === null) return []; // the block of a part before says it
  if (isRecord(own) && typeof own['type'] === 'string') return [{ ...own, type: own['type'] }];
  const typed = { ...part, type: asText(part['type']) };
  switch (typed.type) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return textBlock(asText(part['text'] ?? ''), typed);
    case 'refusal':
      return textBlock(asText(part['refusal'] ?? ''), typed);
    case 'image_url':
      return [{ ...image(part['image_url'], place), ...cacheControl(typed) }];
    case 'file':
      return [{ ...document(part['file'], place), ...cacheControl(typed) }];
    case 'anthropic_block':
      throw malformed(`${place}.anthropic_block`, 'a content block with a type is wanted');
    case 'input_audio':
      throw unsupported('messages', 'audio input');
    default:
      throw untaken(
        `${place}.type`,
        `"${typed.type.slice(0, 40)}" is not known to this provider; it takes text, image_url and file`,
      );
  }
}

function image(given: unknown, place: string): Block {
  const url = isRecord(given) ? given['url'] : given;
  if (typeof url !== 'string') throw malformed(`${place}.image_url.url`, 'a string is wanted');
  if (/^https:\/\//i.test(url)) return { type: 'image', source: { type: 'url', url } };
  const data = dataOf(url);
  if (!data) throw malformed(`${place}.image_url.url`, 'an https: or base64 data: URL is wanted');
  const type = data.type === 'image/jpg' ? 'image/jpeg' : data.type;
  if (!IMAGES.has(type))
    throw untaken(
      `${place}.image_url.url`,
      `${type.slice(0, 40)} is not taken by this provider; send a jpeg, png, gif or webp`,
    );
  return { type: 'image', source: { type: 'base64', media_type: type, data: data.base64 } };
}

function document(file: unknown, place: string): Block {
  if (!isRecord(file)) throw malformed(`${place}.file`, 'an object is wanted');
  const title = typeof file['filename'] === 'string' ? { title: file['filename'] } : null;
  if (typeof file['file_id'] === 'string')
    return { type: 'document', source: { type: 'file', file_id: file['file_id'] }, ...title };
  const data = typeof file['file_data'] === 'string' ? dataOf(file['file_data']) : null;
  if (!data)
    throw malformed(`${place}.file.file_data`, 'a base64 data: URL, or a file_id beside it, is wanted');
  if (data.type === 'application/pdf')
    return {
      type: 'document',
      source: { type: 'base64', media_type: 'application/pdf', data: data.base64 },
      ...title,
    };
  if (!data.type.startsWith('text/'))
    throw malformed(
      `${place}.file.file_data`,
      `${data.type.slice(0, 40)} is not taken; send a PDF or a text`,
    );
  const text = Buffer.from(data.base64, 'base64').toString();
  return { type: 'document', source: { type: 'text', media_type: 'text/plain', data: text }, ...title };
}

/** A base64 data: URL taken apart; the data's own blanks are left out. `null` where it is none. */
export function dataOf(url: string): { type: string; base64: string } | null {
  if (!/^data:/i.test(url)) return null;
  const comma = url.indexOf(',');
  const head = url.slice(5, Math.max(5, comma)).toLowerCase();
  if (comma < 0 || !/;\s*base64$/.test(head)) return null;
  const base64 = url.slice(comma + 1);
  return {
    type: (head.split(';')[0] ?? '').trim(),
    base64: /\s/.test(base64) ? base64.replace(/\s+/g, '') : base64,
  };
}
