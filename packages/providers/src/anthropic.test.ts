import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  type ChatBody,
  type ChatStream,
  createHost,
  type HttpResponse,
  type ProviderIO,
} from '@inferbridge/core';
import { virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { anthropic } from './anthropic.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const FIXTURES = resolve(ROOT, process.env['INFERBRIDGE_FIXTURES'] ?? '../shared/fixtures');
const have = existsSync(FIXTURES);
const why = have ? '' : ` (skipped: no recorded answers at ${FIXTURES})`;

const SECRET = 'sk-ant-api03-abcdef0123456789';
const host = createHost({ transport: () => Promise.reject(new Error('nobody')), clock: virtualClock() });
const provider = anthropic.init(undefined, host);

function io(status: number, type: string, text: string, headers: Record<string, string> = {}): ProviderIO {
  const bytes = Buffer.from(text);
  async function* body() {
    yield bytes;
  }
  const response: HttpResponse = {
    status,
    headers: { 'content-type': type, ...headers },
    bytes: async () => bytes,
    body: body(),
  };
  return {
    ...host,
    signal: new AbortController().signal,
    dropped() {},
    credential: { id: 'c', secret: SECRET },
    http: async () => response,
  };
}
const ask = async (from: ProviderIO, stream = false) =>
  provider.chat({ model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'Hi' }], stream }, from);
const refusal = (type: string, message = 'no') =>
  JSON.stringify({ type: 'error', error: { type, message }, request_id: 'req_1' });

describe('errors', () => {
  it.each([
    [400, 'invalid_request_error', 'messages: roles must alternate', 'invalid_request'],
    [400, 'invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum', 'context_length'],
    [
      400,
      'invalid_request_error',
      'input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000',
      'context_length',
    ],
    [
      400,
      'invalid_request_error',
      'Your credit balance is too low to access the Anthropic API.',
      'quota_exhausted',
    ],
    [400, 'invalid_request_error', 'You have reached your specified API usage limits.', 'quota_exhausted'],
    [401, 'authentication_error', 'invalid x-api-key', 'bad_credential'],
    [402, 'billing_error', 'no', 'quota_exhausted'],
    [403, 'permission_error', 'no', 'bad_credential'],
    [404, 'not_found_error', 'model: claude-none', 'model_not_found'],
    [409, 'conflict_error', 'no', 'server_error'],
    [413, 'request_too_large', 'no', 'context_length'],
    [429, 'rate_limit_error', 'no', 'rate_limited'],
    [500, 'api_error', 'no', 'server_error'],
    [504, 'timeout_error', 'no', 'server_error'],
    [529, 'overloaded_error', 'no', 'overloaded'],
    [503, 'brand_new_error', 'no', 'overloaded'],
  ])('%i %s "%s" is %s', async (status, type, message, expected) => {
    await expect(ask(io(status, 'application/json', refusal(type, message)))).rejects.toMatchObject({
      class: expected,
      details: { status, upstream: { type, message } },
    });
  });

  it('without a body are told by their status', async () => {
    await expect(ask(io(529, 'text/html', '<html>'))).rejects.toMatchObject({
      class: 'overloaded',
      details: { status: 529 },
    });
  });

  it('have the wait that was asked for, or the latest reset of a limit that is spent', async () => {
    await expect(
      ask(io(429, 'application/json', refusal('rate_limit_error'), { 'retry-after': '12' })),
    ).rejects.toMatchObject({ details: { retryAfterMs: 12_000 } });
    const reset = {
      'anthropic-ratelimit-requests-remaining': '0',
      'anthropic-ratelimit-requests-reset': '2026-01-01T00:00:30Z',
    };
    await expect(ask(io(429, 'application/json', refusal('rate_limit_error'), reset))).rejects.toMatchObject({
      details: { retryAfterMs: 30_000 },
    });
  });

  it('never hold the key, and never speak with the voice of the upstream', async () => {
    const failed = await ask(
      io(401, 'application/json', refusal('authentication_error', `invalid key ${SECRET}`)),
    ).catch((error: unknown) => error);
    expect(failed).toMatchObject({
      message: 'the upstream answered 401',
      details: { upstream: { message: 'invalid key [redacted]' } },
    });
  });

  it('inside a 200 are told by their type, in a whole reply and in a stream', async () => {
    await expect(ask(io(200, 'application/json', refusal('overloaded_error')))).rejects.toMatchObject({
      class: 'overloaded',
    });
    const answer = (await ask(
      io(200, 'text/event-stream', `event: error\ndata: ${refusal('rate_limit_error')}\n\n`),
      true,
    )) as ChatStream;
    await expect(answer.frames[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      class: 'rate_limited',
    });
  });
});

describe('replies', () => {
  it.each([
    ['text/html', '<html>'],
    ['application/json', '{"type":"message"}'],
    ['application/json', '[]'],
    ['application/json', ''],
  ])('of %s "%s" are malformed', async (type, text) => {
    await expect(ask(io(200, type, text))).rejects.toMatchObject({
      class: 'malformed',
      details: { code: 'upstream_unreadable' },
    });
  });

  it('that are whole where a stream was asked for are malformed', async () => {
    const whole = JSON.stringify({
      type: 'message',
      id: 'msg_1',
      model: 'm',
      content: [{ type: 'text', text: 'a' }],
      stop_reason: 'end_turn',
    });
    await expect(ask(io(200, 'application/json', whole), true)).rejects.toMatchObject({ class: 'malformed' });
  });

  it('begin at the time of the clock', async () => {
    const whole = JSON.stringify({
      type: 'message',
      id: 'msg_1',
      model: 'm',
      content: [],
      stop_reason: 'end_turn',
    });
    expect(((await ask(io(200, 'application/json', whole))) as ChatBody).json().created).toBe(1_767_225_600);
  });
});

describe('models', () => {
  it('are the ids of the list', async () => {
    expect(
      await provider.models?.(io(200, 'application/json', '{"data":[{"id":"claude-a"},{"x":1}]}')),
    ).toEqual(['claude-a']);
  });

  it('fail with what the list fails with', async () => {
    await expect(
      provider.models?.(io(401, 'application/json', refusal('authentication_error'))),
    ).rejects.toMatchObject({ class: 'bad_credential' });
  });
});

describe.skipIf(!have)(`a recorded refusal${why}`, () => {
  it('of an effort that the model lacks is the mistake of the caller', async () => {
    const name =
      'recorded-pairs/anthropic/test_anthropic_explicit_effort_xhigh_unsupported_model_errors.0.json';
    const { response } = JSON.parse(readFileSync(join(FIXTURES, name), 'utf8'));
    await expect(
      ask(io(response.status, 'application/json', JSON.stringify(response.body))),
    ).rejects.toMatchObject({
      class: 'invalid_request',
      details: { status: 400, upstream: { message: response.body.error.message } },
    });
  });
});
