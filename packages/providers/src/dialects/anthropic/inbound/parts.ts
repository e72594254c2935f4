import type { ContentPart } from '@inferbridge/core';
import { isRecord } from '../../openai/errors.ts';
import { fault, textIn } from './faults.ts';

type Block = Record<string, unknown>;

/** A breakpoint of the prompt cache stays where it is. */
export const marked = ({ cache_control: control }: Block): { cache_control: object } | null =>
  isRecord(control) ? { cache_control: control } : null;

/** One bare text is a string; anything else stays a list. */
export function plainly(parts: ContentPart[]): string | ContentPart[] {
  const [only, ...more] = parts;
  if (!only) return '';
  return more.length === 0 && only.type === 'text' && Object.keys(only).length === 2
    ? (only.text ?? '')
    : parts;
}

/** A block of a user's turn, or of a tool's result, as parts. */
export function partOf(block: Block, place: string): ContentPart[] {
  switch (block['type']) {
    case 'text':
      return [{ type: 'text', text: textIn(block, 'text', place), ...marked(block) }];
    case 'image':
      return [{ ...image(sourceIn(block, place), `${place}.source`), ...marked(block) }];
    case 'document':
      if (isRecord(block['source']) && block['source']['type'] === 'url') return [own(block)];
      return [
        { ...document(block, sourceIn(block, place), `${place}.source`), ...marked(block), ...kept(block) },
      ];
    case 'search_result':
      return [{ type: 'text', text: searchResult(block, place), ...marked(block), ...kept(block) }];
    case 'thinking':
    case 'redacted_thinking':
      return []; // not the user's to say
    default:
      return [own(block)];
  }
}

/** What chat completions has no words for: it goes on to upstreams of this dialect alone. */
const own = (block: Block): ContentPart => ({ type: 'anthropic_block', ...kept(block) });

/** Beside what chat completions can say of a block, what it was: titles, citations. */
const kept = (block: Block): { anthropic_block: Block } => ({ anthropic_block: block });

function sourceIn({ source }: Block, place: string): Block {
  if (isRecord(source)) return source;
  throw fault(`${place}.source`, 'an object with a type is wanted');
}

function image(source: Block, place: string): ContentPart {
  if (source['type'] === 'url')
    return { type: 'image_url', image_url: { url: textIn(source, 'url', place) } };
  if (source['type'] === 'file') return { type: 'file', file: { file_id: textIn(source, 'file_id', place) } };
  if (source['type'] !== 'base64') throw fault(`${place}.type`, '"base64", "url" or "file" is wanted');
  const type = textIn(source, 'media_type', place);
  return { type: 'image_url', image_url: { url: `data:${type};base64,${textIn(source, 'data', place)}` } };
}

function document({ title }: Block, source: Block, place: string): ContentPart {
  const named = (fallback: string) => (typeof title === 'string' && title !== '' ? title : fallback);
  switch (source['type']) {
    case 'text':
      return { type: 'text', text: textIn(source, 'data', place) };
    case 'file':
      return { type: 'file', file: { file_id: textIn(source, 'file_id', place) } };
    case 'base64': {
      const type = textIn(source, 'media_type', place);
      const data = `data:${type};base64,${textIn(source, 'data', place)}`;
      return { type: 'file', file: { file_data: data, filename: named('document.pdf') } };
    }
    case 'content': {
      const content = source['content'];
      return { type: 'text', text: typeof content === 'string' ? content : textsIn(content) };
    }
    default:
      throw fault(`${place}.type`, '"base64", "text", "content", "url" or "file" is wanted');
  }
}

function searchResult(block: Block, place: string): string {
  const head = [block['title'], block['source']].filter((text) => typeof text === 'string').join('\n');
  if (!Array.isArray(block['content'])) throw fault(`${place}.content`, 'a list of blocks is wanted');
  return `${head}\n${textsIn(block['content'])}`;
}

const textsIn = (blocks: unknown): string =>
  Array.isArray(blocks)
    ? blocks
        .map((block: unknown) => (isRecord(block) && typeof block['text'] === 'string' ? block['text'] : ''))
        .join('\n')
    : '';
