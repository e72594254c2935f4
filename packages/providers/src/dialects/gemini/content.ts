import { GatewayError } from '@inferbridge/core';
import { unsupported, untaken } from '../../features.ts';
import { asText } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';

/** A part of a content, as the wire spells it. Source: https://ai.google.dev/api/caching#Part (read 2026-11-20). */
export type Part = Readonly<Record<string, unknown>>;

/** Source: https://ai.google.dev/gemini-api/docs/image-understanding (read 2026-11-20). */
const IMAGES: ReadonlySet<string> = new Set([
  'image/png',
  'image/jpeg',
  'image/webp',
  'image/heic',
  'image/heif',
]);
/** Source: https://ai.google.dev/gemini-api/docs/document-processing (read 2026-11-20). */
const FILES = /^(application\/pdf$|text\/|audio\/|video\/)/;

/** The parts of a message's content; empty texts are left out, since the API refuses them. */
export function partsOf(content: unknown, place: string): Part[] {
  if (content === undefined || content === null) return [];
  if (typeof content === 'string') return textPart(content);
  if (!Array.isArray(content)) throw malformed(place, 'a string or an array of parts is wanted');
  return content.flatMap((part, index) => partOf(part, `${place}[${index}]`));
}

export const malformed = (place: string, why: string): GatewayError =>
  new GatewayError('invalid_request', `${place}: ${why}`, { param: place });

export const textPart = (text: string): Part[] => (text === '' ? [] : [{ text }]);

function partOf(part: unknown, place: string): Part[] {
  if (!isRecord(part)) throw malformed(place, 'an object with a type is wanted');
  switch (part['type']) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return textPart(wordsOf(part['text'], `${place}.text`));
    case 'refusal':
      return textPart(wordsOf(part['refusal'], `${place}.refusal`));
    case 'image_url':
      return [image(part['image_url'], `${place}.image_url`)];
    case 'input_audio':
      return [audio(part['input_audio'], `${place}.input_audio`)];
    case 'file':
      return [document(part['file'], `${place}.file`)];
    default:
      throw untaken(
        `${place}.type`,
        `"${asText(part['type']).slice(0, 40)}" is not known to this provider; it takes text, image_url, input_audio and file`,
      );
  }
}

function wordsOf(text: unknown, place: string): string {
  if (text === undefined || text === null) return '';
  if (typeof text !== 'string') throw malformed(place, 'a string is wanted');
  return text;
}

const inline = (mimeType: string, data: string): Part => ({ inlineData: { mimeType, data } });

/** A picture as a part; its address is a data: URL by now. */
export function image(given: unknown, place: string): Part {
  const url = isRecord(given) ? given['url'] : given;
  const data = typeof url === 'string' ? dataOf(url) : null;
  if (!data) throw malformed(`${place}.url`, 'an http(s): or base64 data: URL is wanted');
  const type = data.type === 'image/jpg' ? 'image/jpeg' : data.type;
  if (!IMAGES.has(type)) throw unsupported('messages', `${type.slice(0, 40)} at ${place}`);
  return inline(type, data.base64);
}

function audio(given: unknown, place: string): Part {
  const { data, format } = isRecord(given) ? given : {};
  if (typeof data !== 'string' || data === '')
    throw malformed(`${place}.data`, 'the audio in base64 is wanted');
  if (format !== 'wav' && format !== 'mp3')
    throw untaken(`${place}.format`, 'this provider takes "wav" and "mp3"');
  return inline(`audio/${format}`, data.replace(/\s+/g, ''));
}

function document(file: unknown, place: string): Part {
  if (!isRecord(file)) throw malformed(place, 'an object is wanted');
  if (file['file_id'] !== undefined && file['file_data'] === undefined)
    throw unsupported('messages', 'files by their id');
  const data = typeof file['file_data'] === 'string' ? dataOf(file['file_data']) : null;
  if (!data) throw malformed(`${place}.file_data`, 'a base64 data: URL is wanted');
  if (!FILES.test(data.type) && !IMAGES.has(data.type))
    throw unsupported('messages', `${data.type.slice(0, 40)} at ${place}`);
  return inline(data.type, data.base64);
}

/** A base64 data: URL taken apart; the data's own blanks are left out. `null` where it is none. */
function dataOf(url: string): { type: string; base64: string } | null {
  const comma = url.indexOf(',');
  const head = /^data:([^;]*)(;.*)?$/i.exec(comma < 0 ? '' : url.slice(0, Math.min(comma, 1_000)));
  if (!head || !/;\s*base64$/i.test(head[2] ?? '')) return null;
  const base64 = url.slice(comma + 1);
  return {
    type: (head[1] ?? '').trim().toLowerCase(),
    base64: /\s/.test(base64) ? base64.replace(/\s+/g, '') : base64,
  };
}
