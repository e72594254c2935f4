import type { ChatMessage } from '@inferbridge/core';
import { asText, parseJson } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';
import { UNCALLED } from '../repairs.ts';
import { image, malformed, type Part, partsOf, textPart } from './content.ts';
import type { Names } from './names.ts';
import { type Called, resultsAfter } from './results.ts';
import { signatureIn, textSignatureIn, withStandIn } from './signatures.ts';

/*
 * OpenAI's messages as Gemini's contents: neighbours of one role are one content, the first is the user's, and all
 * results of a model's calls stand together right behind it.
 * Source: https://ai.google.dev/api/caching#Content (read 2026-11-20).
 */

export interface Content {
  readonly role: 'user' | 'model';
  readonly parts: Part[];
}

export interface Conversation {
  readonly system: readonly Part[];
  readonly contents: readonly Content[];
}

export interface TurnRules {
  readonly names: Names;
  /** The signature that came with a call, where it is still known. */
  signatureOf(callId: string): string | null;
  /** Does the model insist on signatures in the turn that is not over yet? */
  readonly insists: boolean;
}

/** Gemini refuses empty contents. */
const PLACEHOLDER: Part = { text: '.' };

export function contentsOf(messages: readonly ChatMessage[], rules: TurnRules): Conversation {
  const system: Part[] = [];
  const contents: Content[] = [];
  const used = new Set<number>();
  /** Where the user last spoke: everything behind it is the turn that is not over yet. */
  let spoken = 0;
  const add = (role: Content['role'], parts: readonly Part[]) => {
    if (parts.length === 0) return;
    if (role === 'model' && contents.length === 0) contents.push({ role: 'user', parts: [PLACEHOLDER] });
    const last = contents.at(-1);
    if (last?.role === role) last.parts.push(...parts);
    else contents.push({ role, parts: [...parts] });
  };
  for (const [index, message] of messages.entries()) {
    if (used.has(index)) continue;
    const place = `messages[${index}]`;
    if (!isRecord(message)) throw malformed(place, 'an object is wanted');
    if (message.role === 'system' || message.role === 'developer')
      system.push(...partsOf(message.content, `${place}.content`));
    else if (message.role === 'assistant') {
      const { parts, calls, last } = modelRun(messages, index, rules);
      add('model', parts);
      if (calls.length > 0) add('user', resultsAfter(messages, last, calls, used));
      for (let at = index; at <= last; at++) used.add(at);
    } else {
      add('user', userParts(message, place));
      spoken = contents.length - 1;
    }
  }
  if (contents.length === 0) contents.push({ role: 'user', parts: [PLACEHOLDER] });
  return { system, contents: rules.insists ? contents.map(signedFrom(spoken)) : contents };
}

const signedFrom =
  (from: number) =>
  (content: Content, index: number): Content =>
    index > from && content.role === 'model' ? { ...content, parts: withStandIn(content.parts) } : content;

interface Run {
  readonly parts: readonly Part[];
  readonly calls: readonly Called[];
  readonly last: number;
}

/** Assistant messages that follow each other are one content. */
function modelRun(messages: readonly ChatMessage[], from: number, rules: TurnRules): Run {
  const parts: Part[] = [];
  const calls: Called[] = [];
  let last = from;
  for (let at = from; messages[at]?.role === 'assistant'; at++) {
    const message = messages[at] ?? { role: 'assistant' };
    parts.push(...saidParts(message, `messages[${at}]`));
    const asked = Array.isArray(message.tool_calls) ? message.tool_calls : [];
    for (const [index, call] of asked.entries()) {
      const { part, called } = callPart(call, `messages[${at}].tool_calls[${index}]`, rules);
      parts.push(part);
      calls.push(called);
    }
    last = at;
  }
  return { parts, calls, last };
}

function saidParts(message: ChatMessage, place: string): Part[] {
  const said = partsOf(message.content, `${place}.content`);
  const { refusal, images } = message;
  const parts = said.length > 0 || typeof refusal !== 'string' ? said : textPart(refusal);
  const signature = textSignatureIn(message);
  const last = parts.at(-1);
  if (signature && last?.['text'] !== undefined)
    parts[parts.length - 1] = { ...last, thoughtSignature: signature };
  const drawn = (Array.isArray(images) ? images : []).filter(isRecord).map((one, index) => {
    const signed = signatureIn(one);
    const part = image(one['image_url'], `${place}.images[${index}].image_url`);
    return signed ? { ...part, thoughtSignature: signed } : part;
  });
  return [...parts, ...drawn];
}

function callPart(
  call: unknown,
  place: string,
  { names, signatureOf }: TurnRules,
): { part: Part; called: Called } {
  if (!isRecord(call)) throw malformed(place, 'an object is wanted');
  const { function: fn, custom } = call;
  const inner = isRecord(fn) ? fn : isRecord(custom) ? custom : null;
  if (!inner || typeof inner['name'] !== 'string' || inner['name'] === '')
    throw malformed(`${place}.function.name`, 'a name is wanted');
  const id = typeof call['id'] === 'string' ? call['id'] : '';
  const name = names.wire(inner['name']);
  const args = inner === custom ? { input: asText(inner['input'] ?? '') } : argsOf(inner['arguments']);
  const signature = signatureIn(call) ?? (id === '' ? null : signatureOf(id));
  return {
    part: {
      functionCall: { ...(id !== '' && { id }), name, args },
      ...(signature && { thoughtSignature: signature }),
    },
    called: { id, name },
  };
}

/** Arguments are an object; what is none, or broken JSON, is wrapped so that the model still sees it. */
function argsOf(given: unknown): Record<string, unknown> {
  if (isRecord(given)) return given;
  const text = typeof given === 'string' ? given.trim() : '';
  if (text === '') return {};
  const value = parseJson(text);
  if (isRecord(value)) return value;
  return value === null && text !== 'null' ? { _raw: text } : { value };
}

function userParts(message: ChatMessage, place: string): readonly Part[] {
  const orphan = message.role === 'tool' || message.role === 'function';
  if (!orphan && message.role !== 'user')
    throw malformed(`${place}.role`, `"${asText(message.role).slice(0, 40)}" is not known`);
  const parts = partsOf(message.content, `${place}.content`);
  const own = parts.length > 0 ? parts : [PLACEHOLDER];
  return orphan ? [{ text: UNCALLED }, ...own] : own;
}
