import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { standard, vendors } from '../support/standard.ts';
import { anthropicTurn, openaiTurn } from '../support/turns.ts';

/* A client that speaks a vendor's own dialect goes on with that vendor after somebody else has answered a turn. */

const parts = standard({ config: (url) => ({ providers: vendors(url) }) });
const GROQ = {
  status: 200,
  body: JSON.stringify({
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [
      {
        index: 0,
        finish_reason: 'tool_calls',
        message: {
          role: 'assistant',
          content: null,
          reasoning: 'hm',
          tool_calls: [
            { id: 'functions.weather:0', type: 'function', function: { name: 'weather', arguments: '{}' } },
          ],
        },
      },
    ],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  }),
};
const PLAIN = openaiTurn({ calls: [{ id: 'call_1', name: 'weather', args: {} }] });

async function ask(path: string, body: object) {
  const user = await account(parts.gateway, ['anthropic', 'openai', 'groq']); // nobody cools down
  const response = await parts.gateway.fetch(path, {
    method: 'POST',
    key: user.key,
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  return response.json();
}
const sent = async (vendor: string) => JSON.parse((await parts.upstream.seen(vendor)).at(-1)?.body ?? '{}');

describe('/v1/messages', () => {
  const asked = {
    max_tokens: 4000,
    thinking: { type: 'enabled', budget_tokens: 2000 },
    tools: [{ name: 'weather', input_schema: { type: 'object', properties: {} } }],
  };
  const question = { role: 'user', content: 'weather?' };

  it.each([
    ['a thought and a foreign id', 'groq:openai/gpt-oss-20b', GROQ],
    ['neither', 'openai:gpt-4.1', PLAIN],
  ])('goes on at Anthropic behind a turn with %s', async (_, other, reply) => {
    const vendor = other.slice(0, other.indexOf(':'));
    parts.upstream.script(vendor, reply);
    const first = await ask('/v1/messages', { ...asked, model: other, messages: [question] });
    const { content } = first as { content: { type: string; id?: string }[] };
    const id = content.find(({ type }) => type === 'tool_use')?.id;
    parts.upstream.script('anthropic', anthropicTurn({ text: 'Sunny.' }));
    const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'sunny' }] };
    const messages = [question, { role: 'assistant', content }, result];
    await ask('/v1/messages', { ...asked, model: 'anthropic:claude-sonnet-4-5', messages });
    const body = await sent('anthropic');
    const blocks: { type: string; id?: string }[] = body.messages[1].content;
    expect(blocks.map(({ type }) => type)).toEqual(['tool_use']);
    expect(blocks[0]?.id).toMatch(/^[a-zA-Z0-9_-]+$/);
    expect(body.messages[2].content[0].tool_use_id).toBe(blocks[0]?.id);
    expect(body).not.toHaveProperty('thinking'); // refused in front of calls that no thought led to
  });
});

describe('/v1/responses', () => {
  it('goes on at OpenAI behind a turn with a thought and a foreign id', async () => {
    const tools = [{ type: 'function', name: 'weather', parameters: { type: 'object', properties: {} } }];
    const question = { role: 'user', content: 'weather?' };
    parts.upstream.script('groq', GROQ);
    const asked = { model: 'groq:openai/gpt-oss-20b', tools, input: [question] };
    const { output } = (await ask('/v1/responses', asked)) as {
      output: { type: string; call_id?: string }[];
    };
    const call = output.find(({ type }) => type === 'function_call');
    parts.upstream.script('openai', {
      status: 200,
      body: JSON.stringify({
        id: 'resp_1',
        object: 'response',
        created_at: 1,
        model: 'm',
        status: 'completed',
        output: [],
      }),
    });
    const result = { type: 'function_call_output', call_id: call?.call_id, output: 'sunny' };
    await ask('/v1/responses', { model: 'openai:gpt-6-luna', tools, input: [question, ...output, result] });
    const { input } = await sent('openai');
    expect(input.map(({ type }: { type: string }) => type)).toEqual([
      'message',
      'function_call',
      'function_call_output',
    ]);
    expect(input[1].call_id).toMatch(/^[\w-]{1,64}$/);
    expect(input[2].call_id).toBe(input[1].call_id);
  });
});
