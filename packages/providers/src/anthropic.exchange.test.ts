import { describe, expect, it } from 'vitest';
import { exchange, made } from '../../../test/support/exchange.ts';
import { anthropic } from './anthropic.ts';

const vendor = made(anthropic);
const whole = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  stop_reason: 'end_turn',
  content: [{ type: 'text', text: '{"a":1}' }],
  usage: { input_tokens: 3, output_tokens: 2 },
};
const refusal = (message: string) => ({
  status: 400,
  body: { type: 'error', error: { type: 'invalid_request_error', message } },
});
const schema = {
  type: 'object',
  properties: { a: { type: 'number' } },
  required: ['a'],
  additionalProperties: false,
};
const strict = {
  model: 'claude-sonnet-4-5',
  response_format: { type: 'json_schema', json_schema: { name: 'n', schema, strict: true } },
  tools: [{ type: 'function', function: { name: 'f', parameters: schema, strict: true } }],
};

describe('a grammar that the vendor refuses', () => {
  it.each([
    'Too many strict tools: at most 20',
    'The compiled grammar is too large',
    'Schema is too complex for compilation',
  ])('is done without: %s', async (message) => {
    const { sent, completion, error } = await exchange(vendor, strict, [refusal(message), { body: whole }]);
    expect(error).toBeNull();
    expect(completion?.choices[0]?.message.content).toBe('{"a":1}');
    expect(sent).toHaveLength(2);
    expect(JSON.stringify(sent[0]?.body)).toMatch(/"strict":true|"format"/);
    expect(JSON.stringify(sent[1]?.body)).not.toMatch(/"strict":true|"output_config"/);
  });

  it('is tried once; another refusal stays one', async () => {
    const { sent, error } = await exchange(vendor, strict, [
      refusal('grammar is too large'),
      refusal('grammar is too large'),
    ]);
    expect([sent.length, error?.class]).toEqual([2, 'invalid_request']);
    const other = await exchange(vendor, strict, [refusal('messages: roles must alternate')]);
    expect([other.sent.length, other.error?.class]).toEqual([1, 'invalid_request']);
  });
});

describe('a whole answer that may take long', () => {
  const event = (type: string, more: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
  const pieces = [
    Buffer.from(
      event('message_start', { message: { ...whole, content: [], stop_reason: null } }) +
        event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
        event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Hel' } }) +
        event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'lo' } }) +
        event('content_block_stop', { index: 0 }) +
        event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 9 } }) +
        event('message_stop', {}),
    ),
  ];

  it('is asked for as a stream, and comes whole', async () => {
    const request = { model: 'claude-sonnet-4-5', max_tokens: 30_000 };
    const { sent, completion } = await exchange(vendor, request, [{ pieces }]);
    expect(sent[0]?.body).toMatchObject({ stream: true, max_tokens: 30_000 });
    expect(completion).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 9 },
    });
  });

  it('is an error where the stream is cut', async () => {
    const cut = [Buffer.from(pieces[0]?.toString().split('event: content_block_stop')[0] ?? '')];
    const { error } = await exchange(vendor, { model: 'claude-sonnet-4-5', max_tokens: 30_000 }, [
      { pieces: cut },
    ]);
    expect(error?.class).toBe('malformed');
  });

  it('is asked for whole where it is short', async () => {
    const { sent } = await exchange(vendor, { model: 'claude-sonnet-4-5', max_tokens: 20_000 }, [
      { body: whole },
    ]);
    expect(sent[0]?.body).not.toHaveProperty('stream');
  });
});
