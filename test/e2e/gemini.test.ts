import { describe, expect, it } from 'vitest';
import { account, PROMPT } from '../support/account.ts';
import { haveFixtures, recorded, WITHOUT } from '../support/fixtures.ts';
import { standard, vendors } from '../support/standard.ts';
import { geminiTurn } from '../support/turns.ts';

/* Gemini behind the gateway: what is sent, what comes back, and signatures that survive a client that drops them. */

const parts = standard({
  config: (url) => ({ providers: vendors(url), selfHosted: { privateAddresses: true } }),
});
const MODEL = 'gemini:gemini-3-flash';
const TOOL = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
};
const question = { role: 'user', content: 'How is the weather in Paris?' };
const CALL = { id: '', name: 'weather', args: { city: 'Paris' } };
const sent = async () => {
  const seen = (await parts.upstream.seen('gemini')).at(-1);
  return { seen, body: JSON.parse(seen?.body ?? '{}') };
};
type Message = Record<string, unknown> & { tool_calls: Record<string, unknown>[] };
const asking = async () => {
  const user = await account(parts.gateway, ['gemini']);
  return async (body: object): Promise<Message> => {
    const response = await user.chat({ model: MODEL, messages: [question], tools: [TOOL], ...body });
    const reply = (await response.json()) as { choices: { message: Message }[] };
    if (response.status !== 200) throw new Error(JSON.stringify(reply));
    return reply.choices[0]?.message ?? { tool_calls: [] };
  };
};

describe('a request', () => {
  it('goes to the vendor’s own address, with its own key header and fields', async () => {
    const ask = await asking();
    parts.upstream.script('gemini', geminiTurn({ text: 'Hi.' }));
    await ask({
      messages: [{ role: 'system', content: 'Be brief.' }, ...PROMPT],
      max_tokens: 50,
      stop: ['END'],
      reasoning_effort: 'low',
      tool_choice: 'required',
    });
    const { seen, body } = await sent();
    expect(seen?.path).toBe('/gemini/v1/models/gemini-3-flash:generateContent');
    expect(seen?.headers['x-goog-api-key']).toMatch(/^sk-gemini-/);
    expect(body).toMatchObject({
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      contents: [{ role: 'user', parts: [{ text: 'Say hello.' }] }],
      tools: [{ functionDeclarations: [{ name: 'weather' }] }],
      toolConfig: { functionCallingConfig: { mode: 'ANY' } },
      generationConfig: {
        maxOutputTokens: 50,
        stopSequences: ['END'],
        thinkingConfig: { thinkingLevel: 'low', includeThoughts: true },
      },
    });
  });

  it('takes pictures along, fetched where they are addresses', async () => {
    const ask = await asking();
    parts.upstream.script('pictures', { status: 200, body: 'PNG', headers: { 'content-type': 'image/png' } });
    parts.upstream.script('gemini', geminiTurn({ text: 'A dot.' }));
    const picture = (url: string) => ({ type: 'image_url', image_url: { url } });
    const data = `data:image/png;base64,${Buffer.from('PNG').toString('base64')}`;
    await ask({
      messages: [{ role: 'user', content: [picture(`${parts.upstream.url}/pictures/a.png`), picture(data)] }],
    });
    const inline = { inlineData: { mimeType: 'image/png', data: Buffer.from('PNG').toString('base64') } };
    expect((await sent()).body.contents[0].parts).toEqual([inline, inline]);
  });

  it('holds its answer to a schema', async () => {
    const ask = await asking();
    parts.upstream.script('gemini', geminiTurn({ text: '{"city":"Paris"}' }));
    const schema = { type: 'object', properties: { city: { type: 'string' } } };
    await ask({ response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } } });
    expect((await sent()).body.generationConfig).toMatchObject({
      responseMimeType: 'application/json',
      responseJsonSchema: schema,
    });
  });
});

describe('the signature of a call', () => {
  it.each([
    ['the client kept', (message: Message): Message => message, 'c2lnbmVk'],
    [
      'the client dropped',
      (message: Message): Message => ({
        ...message,
        tool_calls: message.tool_calls.map(({ extra_content: _, ...call }) => call),
      }),
      'c2lnbmVk',
    ],
    [
      'nobody knows any more',
      (message: Message): Message => ({
        ...message,
        tool_calls: message.tool_calls.map(({ extra_content: _, ...call }) => ({
          ...call,
          id: 'call_of_another',
        })),
      }),
      'skip_thought_signature_validator',
    ],
  ])('that %s goes back with it', async (_, kept, signature) => {
    const ask = await asking();
    parts.upstream.script('gemini', geminiTurn({ calls: [CALL] }), geminiTurn({ text: 'Sunny.' }));
    const message = kept(await ask({}));
    const [call] = message.tool_calls;
    expect(call?.['id']).toMatch(/^call_/);
    await ask({
      messages: [question, message, { role: 'tool', tool_call_id: call?.['id'], content: 'sunny' }],
    });
    const { contents } = (await sent()).body;
    expect(contents[1].parts[0]).toMatchObject({
      functionCall: { name: 'weather', args: { city: 'Paris' } },
      thoughtSignature: signature,
    });
    expect(contents[2].parts[0]).toMatchObject({
      functionResponse: { name: 'weather', response: { result: 'sunny' } },
    });
  });

  it('is remembered for its own key alone', async () => {
    const [first, second] = [await asking(), await asking()];
    parts.upstream.script('gemini', geminiTurn({ calls: [CALL] }), geminiTurn({ text: 'Sunny.' }));
    const message = await first({});
    const bare = { ...message, tool_calls: message.tool_calls.map(({ extra_content: _, ...call }) => call) };
    await second({
      messages: [question, bare, { role: 'tool', tool_call_id: bare.tool_calls[0]?.['id'], content: 'x' }],
    });
    expect((await sent()).body.contents[1].parts[0].thoughtSignature).toBe(
      'skip_thought_signature_validator',
    );
  });
});

describe('a refusal', () => {
  it.skipIf(!haveFixtures)(`of too many requests waits as long as its details say${WITHOUT}`, async () => {
    const user = await account(parts.gateway, ['gemini']);
    parts.upstream.script('gemini', {
      status: 429,
      body: recorded('google-native/google-429-retry-info.json'),
    });
    const response = await user.chat({ model: MODEL, messages: PROMPT });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(34);
    expect(await response.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } });
  });

  it.each([
    [400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', 502, 'provider_auth'],
    [403, 'PERMISSION_DENIED', 'no', 502, 'provider_auth'],
    [404, 'NOT_FOUND', 'models/x is not found', 404, 'model_not_found'],
    [
      400,
      'INVALID_ARGUMENT',
      'The input token count (10) exceeds the maximum number of tokens allowed (5).',
      400,
      'context_length_exceeded',
    ],
    [
      429,
      'RESOURCE_EXHAUSTED',
      'You exceeded your current quota, please check your plan and billing details.',
      429,
      'insufficient_quota',
    ],
    [503, 'UNAVAILABLE', 'The model is overloaded.', 502, null],
  ])('%i %s (%s) is %i %s', async (status, name, message, expected, code) => {
    const user = await account(parts.gateway, ['gemini']);
    const error = { error: { code: status, status: name, message } };
    parts.upstream.script('gemini', { status, body: JSON.stringify(status === 400 ? [error] : error) });
    const response = await user.chat({ model: MODEL, messages: PROMPT });
    expect(response.status).toBe(expected);
    expect(await response.json()).toMatchObject({ error: { code } });
  });
});

describe('embeddings', () => {
  it('are asked for in one request, made of length 1 when short, and given in base64 where that is wanted', async () => {
    const user = await account(parts.gateway, ['gemini']);
    parts.upstream.script('gemini', {
      status: 200,
      body: '{"embeddings":[{"values":[0.5]},{"values":[-2]}]}',
    });
    const response = await parts.gateway.fetch('/v1/embeddings', {
      method: 'POST',
      key: user.key,
      body: JSON.stringify({
        model: 'gemini:gemini-embedding-001',
        input: ['a', 'b'],
        dimensions: 1,
        encoding_format: 'base64',
      }),
    });
    const { data } = (await response.json()) as { data: { embedding: string }[] };
    expect(data.map(({ embedding }) => Buffer.from(embedding, 'base64').readFloatLE(0))).toEqual([1, -1]);
    const { seen, body } = await sent();
    expect(seen?.path).toBe('/gemini/v1/models/gemini-embedding-001:batchEmbedContents');
    expect(body.requests[1]).toEqual({
      model: 'models/gemini-embedding-001',
      content: { parts: [{ text: 'b' }] },
      outputDimensionality: 1,
    });
  });
});
