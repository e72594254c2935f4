import type { ChatCompletion, ChatMessage, ContentPart } from '@inferbridge/core';
import { seededRandom } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { chatOfResponses } from './inbound/request.ts';
import { responseOf } from './inbound/response.ts';
import { responsesBody } from './request.ts';

const SEEDS = Array.from({ length: 150 }, (_, seed) => seed);
const MODEL = 'gpt-6-luna';

function dice(seed: number) {
  const random = seededRandom(seed);
  return {
    chance: (likely: number) => random() < likely,
    upTo: (most: number) => Math.floor(random() * (most + 1)),
  };
}

const user = (seed: number): ChatMessage => {
  const { chance } = dice(seed);
  if (chance(0.5)) return { role: 'user', content: `Question ${seed} “ü”` };
  const content: ContentPart[] = [{ type: 'text', text: `Look at ${seed}` }];
  if (chance(0.5))
    content.push({ type: 'image_url', image_url: { url: `https://a.example/${seed}.png`, detail: 'low' } });
  if (chance(0.3)) content.push({ type: 'file', file: { file_id: `file-${seed}` } });
  if (chance(0.3)) content.push({ type: 'text', text: '.', prompt_cache_breakpoint: { mode: 'explicit' } });
  return { role: 'user', content };
};

/** An assistant message, with all that its vendor wants back. */
function assistant(seed: number): ChatMessage {
  const { chance, upTo } = dice(seed);
  const calls = Array.from({ length: upTo(3) }, (_, at) =>
    chance(0.7)
      ? { id: `call_${seed}_${at}`, type: 'function', function: { name: 'f', arguments: `{"a":${at}}` } }
      : { id: `call_${seed}_${at}`, type: 'custom', custom: { name: 'sql', input: `SELECT ${at}` } },
  );
  const text = chance(0.6) || calls.length === 0;
  const summary = [{ type: 'summary_text', text: `Thought ${seed}` }];
  const reasoning = [{ type: 'reasoning', id: `rs_${seed}`, summary, encrypted_content: `secret ${seed}` }];
  return {
    role: 'assistant',
    content: text ? `Answer ${seed}` : null,
    ...(chance(0.4) && {
      reasoning_content: `Thought ${seed}`,
      provider_specific_fields: {
        openai: { reasoning, ...(chance(0.5) && text && { phase: 'commentary' }) },
      },
    }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

/** A conversation whose calls all have their results, in order. */
function conversation(seed: number): ChatMessage[] {
  const { chance, upTo } = dice(seed);
  const messages: ChatMessage[] = chance(0.5) ? [{ role: 'system', content: 'Be brief' }] : [];
  for (let turn = 0; turn <= upTo(4); turn++) {
    messages.push(user(seed * 31 + turn));
    const said = assistant(seed * 37 + turn);
    messages.push(said);
    for (const { id = '' } of said.tool_calls ?? [])
      messages.push({
        role: 'tool',
        tool_call_id: id,
        content: chance(0.5) ? `Result of ${id}` : [{ type: 'text', text: `Result of ${id}` }],
      });
  }
  return messages;
}

const TOOLS = [
  {
    type: 'function',
    function: { name: 'f', description: 'Does it', parameters: { type: 'object' }, strict: true },
  },
  {
    type: 'custom',
    custom: { name: 'sql', format: { type: 'grammar', grammar: { syntax: 'regex', definition: '.' } } },
  },
];

/** A single text part says the same as a text. */
const plain = (messages: readonly ChatMessage[]): unknown =>
  messages.map(({ content, ...message }) => {
    const [only, ...more] = Array.isArray(content) ? content : [];
    const text = only && more.length === 0 && Object.keys(only).length === 2 ? only.text : undefined;
    return { ...message, content: text ?? content };
  });

describe('a conversation', () => {
  it.each(SEEDS)('comes back from items as it went: %i', (seed) => {
    const messages = conversation(seed);
    const fields = {
      tools: TOOLS,
      tool_choice: { type: 'function', function: { name: 'f' } },
      reasoning_effort: 'high',
      max_completion_tokens: 100,
      verbosity: 'low',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'o', schema: { type: 'object' }, strict: true },
      },
    };
    const dropped: string[] = [];
    const body = responsesBody({ model: MODEL, messages, ...fields }, (name) => dropped.push(name));
    const { messages: back, ...rest } = chatOfResponses(body);
    expect(plain(back)).toEqual(plain(messages));
    expect(rest).toEqual({ model: MODEL, ...fields });
    expect(dropped).toEqual([]);
  });

  it.each(SEEDS)('of items comes back from messages as it went: %i', (seed) => {
    const messages = conversation(seed);
    const body = responsesBody({ model: MODEL, messages, tools: TOOLS }, () => {});
    expect(responsesBody(chatOfResponses(body), () => {})).toEqual(body);
  });
});

describe('an answer', () => {
  it.each(SEEDS)('that a client sends back is the message that it was: %i', (seed) => {
    const { chance } = dice(seed);
    const message: ChatMessage = {
      ...assistant(seed),
      ...(chance(0.3) && {
        reasoning_content: 'Hm',
        thinking_blocks: [{ type: 'thinking', thinking: 'Hm', signature: 's' }],
      }),
    };
    const [first, ...others] = message.tool_calls ?? [];
    const extra = { extra_content: { google: { thought_signature: 'x' } } };
    if (first?.function && chance(0.5)) message.tool_calls = [{ ...first, ...extra }, ...others];
    const completion: ChatCompletion = {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 7,
      model: MODEL,
      choices: [{ index: 0, message, finish_reason: 'stop' }],
    };
    const { output } = responseOf(completion, {}, { id: 'resp_1' });
    const { messages } = chatOfResponses({ model: MODEL, input: JSON.parse(JSON.stringify(output)) });
    expect(messages).toEqual([message]);
  });
});
