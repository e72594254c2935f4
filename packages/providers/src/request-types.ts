import type { ChatMessage, ChatRequest } from '@inferbridge/core';
import { asText } from './json.ts';

/* What kinds of things a request holds: types of tools, of parts, of choices. */

/** The `type` of whatever it is. */
export function typeOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (value as { type?: unknown }).type : undefined; // an object may be asked for any field
}

/** A choice of one tool by its name. */
export function isNamed(choice: unknown): boolean {
  const type = typeOf(choice);
  return type === 'function' || type === 'custom';
}

/** Tools that the vendor runs itself. */
export function isHosted(type: string): boolean {
  return type !== 'function' && type !== 'custom';
}

/** Servers and containers of tools, which one vendor alone runs. */
export function hasServers({ provider_specific_fields: fields }: ChatRequest): boolean {
  const own =
    typeof fields === 'object' && fields !== null ? (fields as { anthropic?: unknown }).anthropic : null; // an object may be asked for any field
  if (typeof own !== 'object' || own === null) return false;
  return 'mcp_servers' in own || 'container' in own;
}

/** Those that OpenAI runs behind its Responses API. */
export function isOpenAIs(type: string): boolean {
  return OPENAIS.has(type);
}

const OPENAIS: ReadonlySet<string> = new Set([
  'web_search',
  'web_search_preview',
  'file_search',
  'code_interpreter',
  'computer_use_preview',
  'image_generation',
  'mcp',
  'local_shell',
]);

/** `web_search_20250305`: tools that one vendor alone knows, by their date. */
export function isDated(type: string): boolean {
  return /_\d{8}$/.test(type);
}

const NONE: ReadonlySet<string> = new Set();
const seenTools = new WeakMap<readonly unknown[], ReadonlySet<string>>();
const seenParts = new WeakMap<readonly ChatMessage[], ReadonlySet<string>>();

/** The types of all tools: looked for once per request, whoever asks. */
export function toolTypes({ tools }: ChatRequest): ReadonlySet<string> {
  if (!Array.isArray(tools) || tools.length === 0) return NONE;
  const seen = seenTools.get(tools) ?? new Set(tools.map((tool) => asText(typeOf(tool) ?? 'function')));
  seenTools.set(tools, seen);
  return seen;
}

/** The types of parts in all messages: looked for once per request, whoever asks; plain texts have none to remember. */
function partTypes(messages: readonly ChatMessage[]): ReadonlySet<string> {
  // a provider may be asked without the gateway before it
  if (!Array.isArray(messages) || !messages.some(hasParts)) return NONE;
  const known = seenParts.get(messages);
  if (known) return known;
  const types = new Set<string>();
  for (const message of messages)
    if (hasParts(message)) for (const part of message.content) types.add(asText(typeOf(part)));
  seenParts.set(messages, types);
  return types;
}

const hasParts = (message: ChatMessage | null): message is ChatMessage & { content: unknown[] } =>
  Array.isArray(message?.content);

/** Is there a part of one of these types in any message? */
export function hasPart({ messages }: ChatRequest, types: readonly string[]): boolean {
  const seen = partTypes(messages);
  return seen.size > 0 && types.some((type) => seen.has(type));
}

/** Where the first part of one of these types stands. */
export function placeOf(messages: readonly ChatMessage[], types: readonly string[]): string {
  for (const [index, { content }] of messages.entries()) {
    const at = Array.isArray(content) ? content.findIndex((one) => types.includes(asText(typeOf(one)))) : -1;
    if (at >= 0) return `messages[${index}].content[${at}]`;
  }
  return 'messages';
}

/** What a client of another dialect said in that dialect's own words, but for what was said again in chat's. */
export function foreignFields(request: ChatRequest): readonly string[] {
  const { provider_specific_fields: fields, reasoning_effort: effort, response_format: format } = request;
  if (typeof fields !== 'object' || fields === null) return [];
  const said = new Set<string>();
  if (effort !== undefined) said.add('thinking').add('output_config');
  if (format !== undefined) said.add('output_config').add('output_format');
  return Object.values(fields).flatMap((own: unknown) =>
    typeof own === 'object' && own !== null ? Object.keys(own).filter((name) => !said.has(name)) : [],
  );
}
