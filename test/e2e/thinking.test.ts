import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { haveFixtures, recorded, WITHOUT } from '../support/fixtures.ts';
import { standard } from '../support/standard.ts';
import { anthropicTurn, openaiTurn } from '../support/turns.ts';

/* Thinking through a tool loop: kept by the client, dropped by it, and handed from one provider to another. */

const parts = standard({
  config: () => ({
    tiers: {
      'my/two': { targets: ['anthropic:claude-sonnet-4-5', 'deepseek:deepseek-flash', 'openai:gpt-4.1'] },
    },
  }),
});
const CALL = { id: 'toolu_1', name: 'weather', args: { city: 'Paris' } };
const TOOLS = [
  { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } },
];
const question = { role: 'user', content: 'How is the weather in Paris?' };
const result = { role: 'tool', tool_call_id: 'toolu_1', content: 'sunny' };
const SIGNED = { type: 'thinking', thinking: 'Let me think.', signature: 'c2lnbmVk' };

const ask = async (body: object, providers = ['anthropic']) => {
  const user = await account(parts.gateway, providers);
  const response = await user.chat({ tools: TOOLS, reasoning_effort: 'high', ...body });
  const reply = (await response.json()) as { choices: { message: Record<string, unknown> }[] };
  return {
    dropped: response.headers.get('x-inferbridge-dropped-params'),
    message: reply.choices[0]?.message ?? {},
  };
};
const sent = async (vendor: string) => JSON.parse((await parts.upstream.seen(vendor)).at(-1)?.body ?? '{}');

describe('thinking that leads to a tool call', () => {
  it('is reasoning_content and signed blocks, never text', async () => {
    parts.upstream.script('anthropic', anthropicTurn({ thinking: 'Let me think.', calls: [CALL] }));
    const { message } = await ask({ model: 'anthropic:claude-opus-5', messages: [question] });
    expect(message).toMatchObject({
      content: null,
      reasoning_content: 'Let me think.',
      thinking_blocks: [SIGNED],
    });
    expect(await sent('anthropic')).toMatchObject({
      thinking: { type: 'adaptive', display: 'summarized' },
      output_config: { effort: 'high' },
    });
  });

  it.each(['claude-sonnet-4-5', 'claude-opus-5'])(
    'goes back to %s where the client kept it',
    async (model) => {
      parts.upstream.script('anthropic', anthropicTurn({ thinking: 'Let me think.', calls: [CALL] }));
      const { message } = await ask({ model: `anthropic:${model}`, messages: [question] });
      const { dropped } = await ask({ model: `anthropic:${model}`, messages: [question, message, result] });
      const body = await sent('anthropic');
      expect(body.messages[1].content).toEqual([
        SIGNED,
        { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Paris' } },
      ]);
      expect(body.thinking.type).toBe(model === 'claude-opus-5' ? 'adaptive' : 'enabled');
      expect(dropped).toBeNull();
    },
  );

  it('is done without, and that is said, where the client dropped it and the model insists', async () => {
    const bare = {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'toolu_1', type: 'function', function: { name: 'weather', arguments: '{}' } }],
    };
    parts.upstream.script('anthropic', anthropicTurn({ text: 'Sunny.' }));
    const insisting = await ask({ model: 'anthropic:claude-sonnet-4-5', messages: [question, bare, result] });
    expect(insisting.dropped).toBe('reasoning_effort');
    expect(await sent('anthropic')).not.toHaveProperty('thinking');
    const other = await ask({ model: 'anthropic:claude-opus-5', messages: [question, bare, result] });
    expect(other.dropped).toBeNull();
    expect(await sent('anthropic')).toHaveProperty('thinking');
  });

  it.skipIf(!haveFixtures)(`keeps what is redacted${WITHOUT}`, async () => {
    const file = 'recorded-pairs/anthropic/test_anthropic_model_thinking_part_redacted.0.json';
    const pair = JSON.parse(recorded(file)) as { response: { body: { content: { type: string }[] } } };
    parts.upstream.script('anthropic', { status: 200, body: JSON.stringify(pair.response.body) });
    const { message } = await ask({ model: 'anthropic:claude-opus-5', messages: [question] });
    const redacted = pair.response.body.content.filter(({ type }) => type === 'redacted_thinking');
    expect(redacted.length).toBeGreaterThan(0);
    expect(message['thinking_blocks']).toEqual(redacted);
    await ask({ model: 'anthropic:claude-opus-5', messages: [question, message, question] });
    expect((await sent('anthropic')).messages[1].content.slice(0, redacted.length)).toEqual(redacted);
  });
});

describe('a loop that changes its provider in the middle', () => {
  it('takes along what the next one understands, and nothing that it would refuse', async () => {
    parts.upstream.script('anthropic', anthropicTurn({ thinking: 'Let me think.', calls: [CALL] }));
    const providers = ['anthropic', 'deepseek', 'openai'];
    const { message } = await ask({ model: 'my/two', messages: [question] }, providers);
    const down = { status: 503, body: '{}' };
    parts.upstream.script('anthropic', down);
    parts.upstream.script('deepseek', openaiTurn({ text: 'Sunny.' }));
    await ask({ model: 'my/two', messages: [question, message, result] }, providers);
    expect((await sent('deepseek')).messages[1]).toEqual({
      role: 'assistant',
      content: null,
      reasoning_content: 'Let me think.',
      tool_calls: [
        { id: 'toolu_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } },
      ],
    });
    parts.upstream.script('deepseek', down);
    parts.upstream.script('openai', openaiTurn({ text: 'Sunny.' }));
    await ask({ model: 'my/two', messages: [question, message, result] }, providers);
    const [, assistant] = (await sent('openai')).messages;
    expect(assistant).not.toHaveProperty('reasoning_content');
    expect(assistant).not.toHaveProperty('thinking_blocks');
  });

  it('gives DeepSeek an empty reasoning where there was none', async () => {
    parts.upstream.script('deepseek', openaiTurn({ text: 'Sunny.' }));
    const bare = { role: 'assistant', content: 'Hi.' };
    await ask({ model: 'deepseek:deepseek-flash', messages: [question, bare, question] }, ['deepseek']);
    const body = await sent('deepseek');
    expect(body.messages[1]).toEqual({ ...bare, reasoning_content: '' });
    expect(body).toMatchObject({ thinking: { type: 'enabled' }, reasoning_effort: 'high' });
  });
});
