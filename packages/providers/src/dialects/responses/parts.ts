import { unsupported, untaken } from '../../features.ts';
import { isRecord } from '../openai/errors.ts';
import { malformed, shown } from './faults.ts';
import type { Item } from './item.ts';

/** What a user, a system or a tool says, as input parts; the same number of parts in the same order. */
export function inputParts(content: unknown, place: string): Item[] {
  if (content === undefined || content === null) return [];
  if (typeof content === 'string') return [{ type: 'input_text', text: content }];
  if (!Array.isArray(content)) throw malformed(place, 'a string or an array of parts is wanted');
  return content.map((part, index) => inputPart(part, `${place}[${index}]`));
}

/** What an assistant said, as output parts; empty text is left out. */
export function outputParts(content: unknown, place: string): Item[] {
  if (content === undefined || content === null) return [];
  if (typeof content === 'string') return outputText(content);
  if (!Array.isArray(content)) throw malformed(place, 'a string or an array of parts is wanted');
  return content.flatMap((part, index) => outputPart(part, `${place}[${index}]`));
}

function inputPart(part: unknown, place: string): Item {
  if (!isRecord(part)) throw malformed(place, 'an object with a type is wanted');
  const breakpoint = isRecord(part['prompt_cache_breakpoint'])
    ? { prompt_cache_breakpoint: part['prompt_cache_breakpoint'] }
    : null;
  switch (part['type']) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return { type: 'input_text', text: textIn(part, place), ...breakpoint };
    case 'refusal':
      return { type: 'input_text', text: refusalIn(part, place) };
    case 'image_url':
      return { ...image(part['image_url'], `${place}.image_url`), ...breakpoint };
    case 'file':
      return { ...file(part['file'], `${place}.file`), ...breakpoint };
    case 'responses_part':
      return given(part, 'responses_part', place);
    case 'input_audio':
      throw unsupported('messages', 'audio input');
    default:
      throw untaken(
        `${place}.type`,
        `${shown(part['type'])} is not known to this model; it takes text, image_url and file`,
      );
  }
}

function outputPart(part: unknown, place: string): Item[] {
  if (!isRecord(part)) throw malformed(place, 'an object with a type is wanted');
  switch (part['type']) {
    case 'text':
    case 'output_text':
      return outputText(textIn(part, place));
    case 'refusal':
      return [{ type: 'refusal', refusal: refusalIn(part, place) }];
    default:
      throw malformed(`${place}.type`, `${shown(part['type'])} is not known; text or refusal is wanted`);
  }
}

/** What a client of this dialect said in words that chat does not have. */
function given(part: Item, field: string, place: string): Item {
  const own = part[field];
  if (isRecord(own) && typeof own['type'] === 'string') return own;
  throw malformed(`${place}.${field}`, 'an object with a type is wanted');
}

/** Items that stand for themselves, as the only parts of a message; `null` where it is a message like others. */
export function ownItems(content: unknown, place: string): Item[] | null {
  if (!Array.isArray(content) || !content.some((part) => isRecord(part) && part['type'] === 'responses_item'))
    return null;
  return content.map((part: unknown, index) =>
    given(isRecord(part) ? part : {}, 'responses_item', `${place}[${index}]`),
  );
}

const outputText = (text: string): Item[] => (text === '' ? [] : [{ type: 'output_text', text }]);

function textIn({ text }: Item, place: string): string {
  if (typeof text !== 'string') throw malformed(`${place}.text`, 'a string is wanted');
  return text;
}

function refusalIn({ refusal }: Item, place: string): string {
  if (typeof refusal !== 'string') throw malformed(`${place}.refusal`, 'a string is wanted');
  return refusal;
}

function image(given: unknown, place: string): Item {
  const url = isRecord(given) ? given['url'] : given;
  if (typeof url !== 'string') throw malformed(`${place}.url`, 'a string is wanted');
  const detail = isRecord(given) && typeof given['detail'] === 'string' ? given['detail'] : 'auto';
  return { type: 'input_image', image_url: url, detail };
}

function file(given: unknown, place: string): Item {
  if (!isRecord(given)) throw malformed(place, 'an object is wanted');
  const fields = ['file_data', 'file_id', 'filename'].flatMap((name) =>
    typeof given[name] === 'string' ? [[name, given[name]]] : [],
  );
  if (typeof given['file_data'] !== 'string' && typeof given['file_id'] !== 'string')
    throw malformed(`${place}.file_data`, 'a base64 data: URL, or a file_id beside it, is wanted');
  return { type: 'input_file', ...Object.fromEntries(fields) };
}
