import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { standard, vendors } from '../support/standard.ts';
import { anthropicTurn, openaiTurn } from '../support/turns.ts';

/*
 * What only one dialect has words for reaches an upstream of that dialect as it came, and no other: a tier goes past
 * the others, and a request to one of them alone is told which message is to blame.
 */

const parts = standard({ config: (url) => ({ providers: vendors(url) }) });
const document = { type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } };
const turns = [
  { role: 'user', content: [document, { type: 'container_upload', file_id: 'file_1' }] },
  { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'find', input: {} }] },
  {
    role: 'user',
    content: [
      {
        type: 'tool_result',
        tool_use_id: 'toolu_1',
        content: [{ type: 'tool_reference', tool_name: 'weather' }],
      },
    ],
  },
];
const messages = (fields: object) =>
  JSON.stringify({ max_tokens: 10, messages: [{ role: 'user', content: 'Hi' }], ...fields });
const input = [
  { role: 'user', content: [{ type: 'input_file', file_url: 'https://example.com/a.pdf' }] },
  { type: 'computer_call', id: 'cu_1', call_id: 'call_1', action: { type: 'wait' }, status: 'completed' },
  { type: 'computer_call_output', call_id: 'call_1', output: { type: 'computer_screenshot', file_id: 'f' } },
];

async function sent() {
  const seen = (await parts.upstream.seen()).at(-1);
  return { path: seen?.path, body: JSON.parse(seen?.body ?? 'null') };
}
async function asked(path: string, body: string) {
  const user = await account(parts.gateway, ['anthropic', 'openai', 'groq', 'gemini']);
  const response = await parts.gateway.fetch(path, { method: 'POST', key: user.key, body });
  const answer = (await response.json()) as { error: { message: string }; inferbridge: object };
  return { status: response.status, body: answer };
}

describe("Anthropic's own words", () => {
  it.each([
    ['to a model that takes the request as it is', 'claude-sonnet-4-5', {}],
    [
      'to a model for which the request has to change',
      'claude-sonnet-4-5',
      { thinking: { type: 'adaptive' } },
    ],
  ])('reach Anthropic: %s', async (_, model, fields) => {
    parts.upstream.script('anthropic', anthropicTurn({ text: 'Yes' }));
    const { status } = await asked(
      '/v1/messages',
      messages({ model: `anthropic:${model}`, messages: turns, ...fields }),
    );
    expect(status).toBe(200);
    const { body } = await sent();
    expect(body.messages).toEqual(turns);
  });

  it('reach Anthropic whole where the request has to change, and others without them', async () => {
    const content = [
      {
        type: 'document',
        source: { type: 'text', media_type: 'text/plain', data: 'Long.' },
        title: 'T',
        context: 'C',
        citations: { enabled: true },
      },
      {
        type: 'search_result',
        source: 's',
        title: 't',
        content: [{ type: 'text', text: 'found' }],
        citations: { enabled: true },
      },
    ];
    const tool = {
      name: 'find',
      input_schema: { type: 'object', properties: {} },
      defer_loading: true,
      input_examples: [{}],
    };
    const fields = { tools: [tool], thinking: { type: 'enabled', budget_tokens: 1024 }, max_tokens: 2000 };
    const body = { ...fields, messages: [{ role: 'user', content }] };
    parts.upstream.script('anthropic', anthropicTurn({ text: 'Yes' }));
    await asked('/v1/messages', messages({ model: 'anthropic:claude-sonnet-5-5', ...body }));
    const changed = (await sent()).body;
    expect(changed.thinking).not.toEqual(fields.thinking);
    expect(changed.messages[0].content).toEqual(content);
    expect(changed.tools).toEqual([tool]);
    parts.upstream.script('groq', openaiTurn({ text: 'Yes' }));
    const { status } = await asked('/v1/messages', messages({ model: 'groq:openai/gpt-oss-20b', ...body }));
    expect(status).toBe(200);
    expect(JSON.stringify((await sent()).body)).not.toMatch(/anthropic_|defer_loading|citations/);
  });

  it('include more stop sequences than others take', async () => {
    parts.upstream.script('anthropic', anthropicTurn({ text: 'Yes' }));
    const stop_sequences = ['a', 'b', 'c', 'd', 'e', 'f'];
    await asked('/v1/messages', messages({ model: 'anthropic:claude-sonnet-4-5', stop_sequences }));
    expect((await sent()).body.stop_sequences).toEqual(stop_sequences);
    const refused = await asked(
      '/v1/messages',
      messages({ model: 'groq:llama-3.3-70b-versatile', stop_sequences }),
    );
    expect(refused.status).toBe(400);
    expect(refused.body.error.message).toContain('stop');
  });

  it.each(['openai:gpt-4.1', 'groq:llama-3.3-70b-versatile', 'gemini:gemini-2.5-flash'])(
    'do not reach %s, which is told with the place',
    async (model) => {
      const before = (await parts.upstream.seen()).length;
      const { status, body } = await asked('/v1/messages', messages({ model, messages: turns }));
      expect(status).toBe(400);
      expect(body.error.message).toContain('messages[0].content[0]');
      expect((await parts.upstream.seen()).length).toBe(before);
    },
  );

  it('make a chain go past who does not know them', async () => {
    parts.upstream.script('anthropic', anthropicTurn({ text: 'Yes' }));
    const models = ['openai:gpt-4.1', 'anthropic:claude-sonnet-4-5'];
    const { status, body } = await asked('/v1/messages', messages({ models, messages: turns }));
    expect(status).toBe(200);
    expect(body.inferbridge).toMatchObject({ provider: 'anthropic' });
  });
});

describe("OpenAI's own words", () => {
  const whole = {
    status: 200,
    body: JSON.stringify({
      id: 'resp_1',
      object: 'response',
      created_at: 1_780_000_000,
      model: 'gpt-6-luna',
      status: 'completed',
      output: [
        {
          type: 'message',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'Yes', annotations: [] }],
        },
      ],
      usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
    }),
  };

  it('reach OpenAI as they are, and with `models` alone', async () => {
    parts.upstream.script('openai', whole);
    const { status } = await asked('/v1/responses', JSON.stringify({ models: ['openai:gpt-4.1'], input }));
    expect(status).toBe(200);
    expect(await sent()).toMatchObject({ path: expect.stringMatching(/\/responses$/), body: { input } });
  });

  it('reach OpenAI from a chat client that spells them in parts', async () => {
    parts.upstream.script('openai', whole);
    const { status } = await asked(
      '/v1/chat/completions',
      JSON.stringify({
        model: 'openai:gpt-4.1',
        messages: [
          { role: 'user', content: [{ type: 'responses_part', responses_part: input[0]?.content?.[0] }] },
          { role: 'user', content: [{ type: 'responses_item', responses_item: input[1] }] },
          { role: 'user', content: [{ type: 'responses_item', responses_item: input[2] }] },
        ],
      }),
    );
    expect(status).toBe(200);
    expect((await sent()).body.input).toEqual([{ type: 'message', ...input[0] }, input[1], input[2]]);
  });

  it.each(['anthropic:claude-sonnet-4-5', 'groq:llama-3.3-70b-versatile', 'gemini:gemini-2.5-flash'])(
    'do not reach %s, which is told with the place',
    async (model) => {
      const { status, body } = await asked('/v1/responses', JSON.stringify({ model, input }));
      expect(status).toBe(400);
      expect(body.error.message).toContain('messages[0].content[0]');
    },
  );
});
