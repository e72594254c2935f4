import { carriesContent } from '@inferbridge/core';
import { seededRandom } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { events, exchange, made, WHOLE } from '../../../../../test/support/exchange.ts';
import { faultsOf } from '../../../../../test/support/stream-contract.ts';
import { deepseek, generic, groq, mistral, ollama, together, vllm } from '../../index.ts';

const VENDORS = [generic, groq, mistral, together, vllm, ollama, deepseek].map((plugin) => ({
  name: plugin.name,
  vendor: made(plugin, plugin.name === generic.name ? { baseUrl: 'https://llm.example/v1' } : undefined),
}));

const JUNK: unknown[] = [
  null,
  '',
  'x',
  0,
  -1,
  7.5,
  1e308,
  true,
  [],
  {},
  [null],
  [[]],
  { type: 'text', text: 7 },
  [{ type: 'text', text: {} }],
  [{ index: -1, id: 7, function: null }],
  [{ index: 'a', function: { name: 7, arguments: [] } }],
  [{ custom: 'x' }, { custom: { name: 7, input: 8 } }],
  '<think>',
  '__proto__',
];

const call = { index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } };
const head = { id: 'c', object: 'chat.completion.chunk', created: 5, model: 'm' };
const usage = {
  prompt_tokens: 1,
  completion_tokens: 2,
  total_tokens: 3,
  prompt_tokens_details: { cached_tokens: 0 },
};
const choice = (delta: object, finish_reason: string | null = null) => ({
  index: 0,
  delta,
  finish_reason,
  logprobs: null,
});
const STREAM = [
  { ...head, choices: [choice({ role: 'assistant', content: '' })] },
  { ...head, choices: [choice({ content: 'a', reasoning: 'b', reasoning_content: null })] },
  { ...head, choices: [choice({ tool_calls: [call] })], usage: null },
  { ...head, choices: [choice({ tool_calls: [{ index: 0, function: { arguments: '' } }] })] },
  { ...head, choices: [choice({}, 'stop')], x_groq: { usage } },
  { ...head, choices: [], usage },
];
const COMPLETION = {
  ...WHOLE,
  choices: [
    {
      ...choice({}, 'stop'),
      message: { role: 'assistant', content: 'a', reasoning: 'b', tool_calls: [call] },
    },
  ],
  usage,
};

/** The same value with junk in some places. */
function spoiled(value: unknown, random: () => number, chance: number): unknown {
  if (random() < chance) return structuredClone(JUNK[Math.floor(random() * JUNK.length)]);
  if (Array.isArray(value)) return value.map((one) => spoiled(one, random, chance));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, spoiled(one, random, chance)]));
}

const ROUNDS = 400;

describe.each(VENDORS)('an upstream gone mad, read by $name', ({ vendor }) => {
  it('never crashes a stream, and what comes out is as clients rely on', async () => {
    for (let seed = 1; seed <= ROUNDS; seed++) {
      const random = seededRandom(seed);
      const values = STREAM.map((one) => spoiled(one, random, 0.04));
      const { chunks, error } = await exchange(vendor, { stream: true }, [{ pieces: events(...values) }]);
      if (error)
        expect(['malformed', 'server_error', 'invalid_request', 'rate_limited']).toContain(error.class);
      // one that says nothing at all fails where streams are watched for their first content
      else if (chunks.some(carriesContent))
        expect(faultsOf(chunks), `seed ${seed}: ${JSON.stringify(values)}`).toEqual([]);
    }
  });

  it('never crashes a whole reply, and what comes out is as clients rely on', async () => {
    for (let seed = 1; seed <= ROUNDS; seed++) {
      const random = seededRandom(seed);
      const body = spoiled(COMPLETION, random, 0.04);
      const { completion, error } = await exchange(vendor, {}, [{ body }]);
      const about = `seed ${seed}: ${JSON.stringify(body)}`;
      if (error) {
        expect(error.class, about).toMatch(/^(malformed|server_error|invalid_request)$/);
        continue;
      }
      for (const { message, finish_reason } of completion?.choices ?? []) {
        expect(message.content === null || typeof message.content === 'string', about).toBe(true);
        expect(finish_reason, about).toMatch(/^(stop|length|tool_calls|content_filter|function_call)$/);
        for (const one of message.tool_calls ?? [])
          if (one.type === 'function') {
            expect(one.id, about).toSatisfy((id) => typeof id === 'string' && id !== '');
            expect(one.function, about).toMatchObject({
              name: expect.any(String),
              arguments: expect.any(String),
            });
          }
      }
      if (completion?.usage) {
        const { prompt_tokens: prompt, completion_tokens: rest, total_tokens: total } = completion.usage;
        expect((prompt ?? 0) + (rest ?? 0), about).toBe(total);
      }
      expect(completion?.model, about).toBeTypeOf('string');
      expect(completion?.id, about).toBeTypeOf('string');
    }
  });
});
