import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { account, PROMPT } from '../support/account.ts';
import { completion, message, messageStream } from '../support/answers.ts';
import { anthropicStream, haveFixtures, recordedBody, WITHOUT } from '../support/fixtures.ts';
import { standard } from '../support/standard.ts';
import { anthropicTurn } from '../support/turns.ts';

/* What a vendor cannot do by itself and gets done all the same. */

const parts = standard({
  config: () => ({
    tiers: {
      'my/old': { targets: ['anthropic:claude-opus-4-0', 'openai:gpt-4.1'] },
      'my/new': { targets: ['anthropic:claude-sonnet-5-5', 'openai:gpt-4.1'] },
    },
  }),
});
const sent = async () => JSON.parse((await parts.upstream.seen('anthropic')).at(-1)?.body ?? '{}');
const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const BY_SCHEMA = {
  response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: SCHEMA } },
};
const JSON_MODE = { response_format: { type: 'json_object' } };
const TOOL = { type: 'function', function: { name: 'weather', parameters: SCHEMA } };

interface Answer {
  choices: { message: Record<string, unknown>; finish_reason: string }[];
  inferbridge: { provider: string };
}
const ask = async (body: object, providers = ['anthropic', 'openai']) => {
  const user = await account(parts.gateway, providers);
  const response = await user.chat({ messages: PROMPT, ...body });
  return { status: response.status, body: (await response.json()) as Answer };
};
const streamed = async (body: object) => {
  const user = await account(parts.gateway, ['anthropic', 'openai']);
  const client = new OpenAI({ apiKey: user.key, baseURL: `${parts.gateway.url}/v1`, maxRetries: 0 });
  return client.chat.completions
    .stream({ messages: PROMPT, ...body } as Parameters<typeof client.chat.completions.stream>[0])
    .finalChatCompletion();
};

describe('JSON by a schema, at a model without grammars', () => {
  it('is the arguments of a tool that the model must call', async () => {
    parts.upstream.script(
      'anthropic',
      anthropicTurn({ text: 'Sure:', calls: [{ id: 'toolu_1', name: 'json', args: { city: 'Paris' } }] }),
    );
    const { body } = await ask({ model: 'my/old', ...BY_SCHEMA });
    expect(body.choices[0]).toMatchObject({
      message: { content: '{"city":"Paris"}' },
      finish_reason: 'stop',
    });
    expect(body.choices[0]?.message).not.toHaveProperty('tool_calls');
    expect(await sent()).toMatchObject({
      tools: [{ name: 'json', input_schema: SCHEMA }],
      tool_choice: { type: 'tool', name: 'json', disable_parallel_tool_use: true },
    });
  });

  it('streams them as content, without the prose before', async () => {
    parts.upstream.script(
      'anthropic',
      anthropicTurn({ text: 'Sure:', calls: [{ id: 'toolu_1', name: 'json', args: { city: 'Paris' } }] }),
    );
    const { choices } = await streamed({ model: 'my/old', ...BY_SCHEMA });
    expect(choices[0]).toMatchObject({ message: { content: '{"city":"Paris"}' }, finish_reason: 'stop' });
  });

  it.skipIf(!haveFixtures)(`reads the recorded ones${WITHOUT}`, async () => {
    parts.upstream.script('anthropic', recordedBody('anthropic/chat/anthropic-json-tool.1.json'));
    const { body } = await ask({ model: 'my/old', ...BY_SCHEMA });
    expect(JSON.parse(String(body.choices[0]?.message['content']))).toHaveProperty('elements');
    parts.upstream.script('anthropic', anthropicStream('anthropic/chat/anthropic-json-tool.2.chunks.txt'));
    const { choices } = await streamed({ model: 'my/old', ...BY_SCHEMA });
    expect(() => JSON.parse(choices[0]?.message.content ?? '')).not.toThrow();
    parts.upstream.script('anthropic', recordedBody('anthropic/chat/anthropic-json-other-tool.1.json'));
    const other = await ask({ model: 'my/old', ...BY_SCHEMA, tools: [TOOL] });
    expect(other.body.choices[0]?.finish_reason).toBe('tool_calls');
  });
});

describe('JSON mode, in words', () => {
  const fenced = '```json\n{"city":\n"Paris"}\n```';

  it('comes without the fence that was not asked for', async () => {
    parts.upstream.script('anthropic', message(fenced));
    const { body } = await ask({ model: 'my/old', ...JSON_MODE });
    expect(JSON.parse(String(body.choices[0]?.message['content']))).toEqual({ city: 'Paris' });
    parts.upstream.script('anthropic', messageStream(fenced));
    const { choices } = await streamed({ model: 'my/old', ...JSON_MODE });
    expect(JSON.parse(choices[0]?.message.content ?? '')).toEqual({ city: 'Paris' });
    expect((await sent()).system).toMatch(/JSON/);
  });

  it('that is no JSON falls back', async () => {
    parts.upstream.script('anthropic', message('I would rather not.'));
    parts.upstream.script('openai', completion('{"city":"Paris"}'));
    const { body } = await ask({ model: 'my/old', ...JSON_MODE });
    expect(body.inferbridge.provider).toBe('openai');
  });
});

describe('a tool that must be called, at a model that cannot be forced', () => {
  it('is asked for in words', async () => {
    parts.upstream.script(
      'anthropic',
      anthropicTurn({ calls: [{ id: 'toolu_1', name: 'weather', args: { city: 'Paris' } }] }),
    );
    const { body } = await ask({ model: 'my/new', tools: [TOOL], tool_choice: 'required' });
    expect(body.choices[0]?.finish_reason).toBe('tool_calls');
    expect(await sent()).toMatchObject({
      tool_choice: { type: 'auto' },
      system: expect.stringContaining('calling'),
    });
  });

  it('and is not called falls back', async () => {
    parts.upstream.script('anthropic', message('It is sunny.'));
    parts.upstream.script('openai', completion('fallback'));
    const { body } = await ask({ model: 'my/new', tools: [TOOL], tool_choice: 'required' });
    expect(body.inferbridge.provider).toBe('openai');
  });
});

describe('what is older or newer than tools', () => {
  const call = { id: 'toolu_1', name: 'weather', args: { city: 'Paris' } };

  it('functions are called and answered as they were asked for, whole and streamed', async () => {
    const old = { model: 'my/new', functions: [TOOL.function], function_call: 'auto' };
    parts.upstream.script('anthropic', anthropicTurn({ calls: [call] }));
    const { body } = await ask(old);
    expect(body.choices[0]).toMatchObject({
      message: { function_call: { name: 'weather', arguments: '{"city":"Paris"}' } },
      finish_reason: 'function_call',
    });
    const { choices } = await streamed(old);
    expect(choices[0]).toMatchObject({
      message: { function_call: { name: 'weather', arguments: '{"city":"Paris"}' } },
      finish_reason: 'function_call',
    });
    const messages = [
      ...PROMPT,
      { role: 'assistant', content: null, function_call: { name: 'weather', arguments: '{"city":"Paris"}' } },
      { role: 'function', name: 'weather', content: 'sunny' },
    ];
    parts.upstream.script('anthropic', anthropicTurn({ text: 'Sunny.' }));
    await ask({ ...old, messages });
    const last = (await sent()).messages;
    expect(last[1].content[0]).toMatchObject({ type: 'tool_use', name: 'weather', input: { city: 'Paris' } });
    expect(last[2].content[0]).toMatchObject({ type: 'tool_result', tool_use_id: last[1].content[0].id });
  });

  it('free-form tools are unwrapped', async () => {
    const custom = { type: 'custom', custom: { name: 'code', description: 'Runs code.' } };
    const turn = anthropicTurn({ calls: [{ id: 'toolu_1', name: 'code', args: { input: 'print("hi")' } }] });
    parts.upstream.script('anthropic', turn);
    const { body } = await ask({ model: 'my/new', tools: [custom] });
    const expected = [{ id: 'toolu_1', type: 'custom', custom: { name: 'code', input: 'print("hi")' } }];
    expect(body.choices[0]?.message['tool_calls']).toEqual(expected);
    const user = await account(parts.gateway, ['anthropic']);
    const response = await user.chat({ model: 'my/new', messages: PROMPT, tools: [custom], stream: true });
    expect(await response.text()).toContain('"custom":{"name":"code","input":"print(\\"hi\\")"}');
  });
});

describe('a picture that the vendor does not fetch', () => {
  const picture = (url: string) => [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }];
  const open = standard({ config: () => ({ selfHosted: { privateAddresses: true } }) });

  it('is fetched here and sent along', async () => {
    const user = await account(open.gateway, ['anthropic']);
    open.upstream.script('pictures', { status: 200, body: 'PNG', headers: { 'content-type': 'image/png' } });
    open.upstream.script('anthropic', message('A dot.'));
    const url = `${open.upstream.url}/pictures/dot.png`;
    const response = await user.chat({ model: 'anthropic:claude-sonnet-5-5', messages: picture(url) });
    expect(response.status).toBe(200);
    const body = JSON.parse((await open.upstream.seen('anthropic')).at(-1)?.body ?? '{}');
    expect(body.messages[0].content[0].source).toEqual({
      type: 'base64',
      media_type: 'image/png',
      data: Buffer.from('PNG').toString('base64'),
    });
  });

  it.each([
    ['text/html', 200, 'no picture'],
    ['image/png', 404, '404'],
  ])('is a 400 that names the place where it is %s with %i', async (type, status, why) => {
    const user = await account(open.gateway, ['anthropic']);
    open.upstream.script('pictures', { status, body: 'x', headers: { 'content-type': type } });
    const url = `${open.upstream.url}/pictures/dot.png`;
    const response = await user.chat({ model: 'anthropic:claude-sonnet-5-5', messages: picture(url) });
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { message: string; param: string } };
    expect(error.param).toBe('messages[0].content[0].image_url.url');
    expect(error.message).toContain(why);
  });

  it('is never fetched from a private address unless the operator says so', async () => {
    const user = await account(parts.gateway, ['anthropic']);
    const response = await user.chat({
      model: 'anthropic:claude-sonnet-5-5',
      messages: picture(`${parts.upstream.url}/pictures/dot.png`),
    });
    expect(response.status).toBe(400);
    expect(await parts.upstream.seen('pictures')).toEqual([]);
  });
});
