import type { ContentPart } from '@inferbridge/core';
import { asText } from '../../../json.ts';
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
      return [imageOf(block, sourceIn(block, place), `${place}.source`)];
    case 'document':
      return documentOf(block, sourceIn(block, place), `${place}.source`);
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

function imageOf(block: Block, source: Block, place: string): ContentPart {
  if (source['type'] === 'file') {
    textIn(source, 'file_id', place);
    return own(block); // a file for others is no picture
  }
  return { type: 'image_url', image_url: { url: pictureUrl(source, place) }, ...marked(block) };
}

function pictureUrl(source: Block, place: string): string {
  if (source['type'] === 'url') return textIn(source, 'url', place);
  if (source['type'] !== 'base64') throw fault(`${place}.type`, '"base64", "url" or "file" is wanted');
  return `data:${textIn(source, 'media_type', place)};base64,${textIn(source, 'data', place)}`;
}

function documentOf(block: Block, source: Block, place: string): ContentPart[] {
  if (source['type'] === 'url') return [own(block)];
  if (source['type'] === 'content') return insideOf(block, source['content'], `${place}.content`);
  return [{ ...document(block, source, place), ...marked(block), ...kept(block) }];
}

/**
 * A document of texts and pictures, led by what it says of itself. The first part holds the whole block; the others
 * say that they are in it.
 */
function insideOf(block: Block, content: unknown, place: string): ContentPart[] {
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  if (!Array.isArray(blocks)) throw fault(place, 'a text or a list of blocks is wanted');
  const inside = blocks.map((one: unknown, index) => {
    if (!isRecord(one) || typeof one['type'] !== 'string')
      throw fault(`${place}[${index}].type`, 'a block with a type is wanted');
    return one['type'] === 'text' || one['type'] === 'image' ? partOf(one, `${place}[${index}]`) : [own(one)];
  });
  if (inside.flat().some(({ type }) => type === 'anthropic_block')) return [own(block)];
  const head = [block['title'], block['context']].filter((text) => typeof text === 'string' && text !== '');
  const parts = joined([...head.map((text) => ({ type: 'text', text: asText(text) })), ...inside.flat()]);
  const last = parts.length - 1;
  return parts.map((part, index) => ({
    ...part,
    ...(index === last && marked(block)),
    anthropic_block: index === 0 ? block : null,
  }));
}

/** Texts that follow each other are one, and there is at least one part. */
function joined(parts: readonly ContentPart[]): ContentPart[] {
  const out: ContentPart[] = [];
  for (const part of parts) {
    const last = out.at(-1);
    if (part.type === 'text' && last?.type === 'text')
      out[out.length - 1] = { ...last, text: `${last.text ?? ''}\n${part.text ?? ''}` };
    else out.push(part);
  }
  return out.length > 0 ? out : [{ type: 'text', text: '' }];
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
