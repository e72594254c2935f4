import type { ChatMessage, ChatRequest, ContentPart, ToolCall } from '@inferbridge/core';
import { seededRandom } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { messagesRequest } from '../request.ts';
import { completionOf } from '../response.ts';
import { chatOfMessages } from './request.ts';
import { messageOf } from './response.ts';

/* Random conversations go out as Anthropic messages and come back: nothing that both dialects can say is lost. */

const TIMES = 300;
const PNG = 'data:image/png;base64,iVBORw0KGgo=';

function dice(seed: number) {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  return {
    below,
    chance: (p: number) => random() < p,
    of: <T>(list: readonly T[]): T => list[below(list.length)] as T, // never empty here
    word: () => `w${below(1_000)} ${['—', 'ü', '"', '\\', '\n', '{'][below(6)]}x`,
  };
}

function conversation(seed: number): ChatRequest {
  const { below, chance, of, word } = dice(seed);
  const messages: ChatMessage[] = chance(0.5) ? [{ role: 'system', content: word() }] : [];
  let calls = 0;
  const user = (): ChatMessage => {
    if (chance(0.6)) return { role: 'user', content: word() };
    const parts: ContentPart[] = [{ type: 'text', text: word() }];
    if (chance(0.5)) parts.push({ type: 'image_url', image_url: { url: PNG } });
    if (chance(0.3)) parts.push({ type: 'text', text: word(), cache_control: { type: 'ephemeral' } });
    else parts.push({ type: 'text', text: word() });
    return { role: 'user', content: parts };
  };
  messages.push(user());
  for (let turn = below(4); turn > 0; turn--) {
    const tool_calls: ToolCall[] = Array.from({ length: below(3) }, () => ({
      id: `call_${calls++}`,
      type: 'function',
      function: { name: of(['weather', 'search']), arguments: JSON.stringify({ q: word(), n: below(9) }) },
    }));
    const text = tool_calls.length === 0 || chance(0.5) ? word() : null;
    messages.push({ role: 'assistant', content: text, ...(tool_calls.length > 0 && { tool_calls }) });
    for (const { id = '' } of tool_calls) messages.push({ role: 'tool', tool_call_id: id, content: word() });
    if (tool_calls.length === 0 || chance(0.5)) messages.push(user());
  }
  if (messages.at(-1)?.role === 'assistant') messages.push(user());
  return {
    model: 'claude-sonnet-4-5',
    messages,
    max_completion_tokens: 1 + below(1_000),
    ...(calls > 0 && {
      tools: ['weather', 'search'].map(tool),
      tool_choice: of(['auto', 'none', 'required'] as const),
    }),
    ...(chance(0.3) && { temperature: 0.5 }),
    ...(chance(0.3) && { stop: ['END', 'stop'] }),
    ...(chance(0.3) && { stream: true }),
    ...(chance(0.3) && { user: 'someone' }),
  };
}

const tool = (name: string) => ({
  type: 'function',
  function: {
    name,
    description: `does ${name}`,
    parameters: { type: 'object', properties: { q: { type: 'string' } } },
  },
});

describe('a conversation', () => {
  it('comes back as it went out', () => {
    for (let seed = 1; seed <= TIMES; seed++) {
      const request = conversation(seed);
      const dropped: string[] = [];
      const { body } = messagesRequest(request, { dropped: (name) => dropped.push(name) });
      const back = chatOfMessages(JSON.parse(JSON.stringify(body)));
      expect({ seed, ...back }).toEqual({ seed, ...request });
      expect(dropped).toEqual([]);
    }
  });
});

describe('an answer', () => {
  it('comes back as it came in', () => {
    for (let seed = 1; seed <= TIMES; seed++) {
      const { below, chance, word } = dice(seed);
      const calls = Array.from({ length: below(3) }, (_, i) => ({
        type: 'tool_use',
        id: `toolu_${i}`,
        name: 'weather',
        input: { q: word() },
      }));
      const message = {
        id: `msg_${seed}`,
        type: 'message',
        role: 'assistant',
        model: 'claude',
        content: [
          ...(chance(0.4) ? [{ type: 'thinking', thinking: word(), signature: 's' }] : []),
          ...(chance(0.2) ? [{ type: 'redacted_thinking', data: 'x' }] : []),
          ...(calls.length === 0 || chance(0.5) ? [{ type: 'text', text: word() }] : []),
          ...calls,
        ],
        stop_reason: calls.length > 0 ? 'tool_use' : chance(0.3) ? 'max_tokens' : 'end_turn',
        stop_sequence: null,
        usage: {
          input_tokens: below(100),
          cache_creation_input_tokens: below(50),
          cache_read_input_tokens: below(50),
          output_tokens: below(100),
        },
      };
      const completion = completionOf(message, 5);
      if (!completion) throw new Error('a message is a completion');
      expect({ seed, ...messageOf(completion, { id: 'r' }) }).toEqual({ seed, ...message });
    }
  });
});
