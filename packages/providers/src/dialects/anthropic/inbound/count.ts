import type { ChatMessage, ChatRequest } from '@inferbridge/core';
import { jsonText } from '../../../json.ts';
import { isRecord } from '../../openai/errors.ts';

/*
 * An estimate of a prompt's tokens, for clients that plan with it: a quarter of the characters, and what messages,
 * tools and pictures cost besides. Source of the picture's price: https://docs.anthropic.com/en/docs/build-with-claude/vision
 * (read 2026-11-20).
 */

const PER_MESSAGE = 4;
const PER_TOOL = 12;
const PER_IMAGE = 1_600;
/** A page of a PDF is some 100 KB of base64 and some 2,000 tokens. */
const DOCUMENT_CHARACTERS_PER_TOKEN = 50;

export function countTokens({ messages, tools }: ChatRequest): number {
  const said = messages.reduce((sum, message) => sum + ofMessage(message), 0);
  const offered = (tools ?? []).reduce<number>(
    (sum, tool) => sum + PER_TOOL + characters(jsonText(tool, 'tools')),
    0,
  );
  return Math.max(1, Math.ceil(said + offered));
}

const characters = (text: string): number => text.length / 4;

function ofMessage(message: ChatMessage): number {
  const { content, tool_calls: calls, reasoning_content: thinking } = message;
  const parts = Array.isArray(content)
    ? content.reduce((sum, part) => sum + ofPart(part), 0)
    : characters(content ?? '');
  const called = calls?.length ? characters(jsonText(calls, 'messages')) : 0;
  return PER_MESSAGE + parts + called + (typeof thinking === 'string' ? characters(thinking) : 0);
}

function ofPart(part: Readonly<Record<string, unknown>>): number {
  if (typeof part['text'] === 'string') return characters(part['text']);
  if (part['type'] === 'image_url') return PER_IMAGE;
  const file = part['file'];
  const data = isRecord(file) && typeof file['file_data'] === 'string' ? file['file_data'] : '';
  return Math.max(PER_IMAGE, data.length / DOCUMENT_CHARACTERS_PER_TOKEN);
}
