import type { ChatRequest } from '@inferbridge/core';
import { virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { type Answer, exchange, made } from '../../../test/support/exchange.ts';
import { generic, openai } from './index.ts';

const refusal = (param: string, code = 'unsupported_parameter'): Answer => ({
  status: 400,
  body: { error: { message: 'no', type: 'invalid_request_error', param, code } },
});
const vendor = () => made(generic, { baseUrl: 'https://llm.example/v1' });
const HOT: Partial<ChatRequest> = { temperature: 0.5, top_p: 0.9 };

describe('a parameter that a model turns out not to take', () => {
  it.each([
    ['temperature', 0.5],
    ['seed', 7],
    ['user', 'u'],
    ['reasoning_effort', 'high'],
    ['parallel_tool_calls', false],
    ['logit_bias', { '1': 1 }],
  ])('is left out once it is refused, and told: %s', async (param, value) => {
    const { sent, dropped, completion } = await exchange(vendor(), { [param]: value }, [refusal(param), {}]);
    expect(sent).toHaveLength(2);
    expect(sent[0]?.body).toHaveProperty(param);
    expect(sent[1]?.body).not.toHaveProperty(param);
    expect(dropped).toEqual([param]);
    expect(completion).not.toBeNull();
  });

  it('goes by its newer name where that is all it is, and is not told', async () => {
    const { sent, dropped } = await exchange(vendor(), { max_tokens: 5 }, [refusal('max_tokens'), {}]);
    expect(sent[1]?.body).toMatchObject({ max_completion_tokens: 5 });
    expect(sent[1]?.body).not.toHaveProperty('max_tokens');
    expect(dropped).toEqual([]);
  });

  it('is known from then on, and costs no second request', async () => {
    const provider = vendor();
    await exchange(provider, HOT, [refusal('temperature'), {}]);
    const { sent, dropped } = await exchange(provider, HOT);
    expect(sent).toHaveLength(1);
    expect(sent[0]?.body).not.toHaveProperty('temperature');
    expect(sent[0]?.body).toHaveProperty('top_p');
    expect(dropped).toEqual(['temperature']);
  });

  it('is known of that model alone', async () => {
    const provider = vendor();
    await exchange(provider, HOT, [refusal('temperature'), {}]);
    const { sent } = await exchange(provider, { ...HOT, model: 'other' });
    expect(sent[0]?.body).toHaveProperty('temperature');
  });

  it('is learned one at a time, once per request', async () => {
    const provider = vendor();
    const answers = [refusal('temperature'), refusal('top_p'), {}];
    const first = await exchange(provider, HOT, answers);
    expect(first.sent).toHaveLength(2);
    expect(first.error?.class).toBe('unsupported');
    const second = await exchange(provider, HOT, [refusal('top_p'), {}]);
    expect(second.error).toBeNull();
    expect(second.sent[1]?.body).not.toHaveProperty('temperature');
    expect(second.sent[1]?.body).not.toHaveProperty('top_p');
  });

  it('is not asked for again where it was refused although it was not there', async () => {
    expect((await exchange(vendor(), {}, [refusal('temperature'), {}])).sent).toHaveLength(1);
    expect((await exchange(vendor(), { temperature: null }, [refusal('temperature'), {}])).sent).toHaveLength(
      1,
    );
  });

  it.each([
    'tools',
    'messages',
    'response_format',
    'n',
    'stop',
    'logprobs',
    'model',
    '__proto__',
    'constructor',
  ])('is no hint where it is %s: the refusal stands', async (param) => {
    const { sent, error } = await exchange(vendor(), { stop: 'x', n: 2 }, [refusal(param), {}]);
    expect(sent).toHaveLength(1);
    expect(error?.class).toBe('unsupported');
  });

  it.each([
    [401, 'unsupported_parameter'],
    [500, 'unsupported_parameter'],
    [400, 'invalid_value'],
    [400, 'unsupported_country_region_territory'],
    [400, null],
  ])('is none for a %i with the code %s', async (status, code) => {
    const body = { error: { message: 'no', param: 'temperature', code } };
    expect((await exchange(vendor(), HOT, [{ status, body }, {}])).sent).toHaveLength(1);
  });

  it('is found for a stream as well', async () => {
    const { sent } = await exchange(vendor(), { ...HOT, stream: true }, [refusal('temperature'), {}]);
    expect(sent[1]?.body).toMatchObject({ stream: true, stream_options: { include_usage: true } });
  });

  it('of which one value is refused keeps the others', async () => {
    const provider = vendor();
    await exchange(provider, { reasoning_effort: 'xhigh' }, [
      refusal('reasoning_effort', 'unsupported_value'),
      {},
    ]);
    const { sent, dropped } = await exchange(provider, { reasoning_effort: 'low' });
    expect(sent[0]?.body).toMatchObject({ reasoning_effort: 'low' });
    expect(dropped).toEqual([]);
    expect((await exchange(provider, { reasoning_effort: 'xhigh' })).sent[0]?.body).not.toHaveProperty(
      'reasoning_effort',
    );
  });

  it('is forgotten after a while', async () => {
    const provider = vendor();
    const clock = virtualClock();
    await exchange(provider, HOT, [refusal('temperature'), {}], { clock });
    await clock.advance(25 * 3_600_000);
    const { sent } = await exchange(provider, HOT, [{}], { clock });
    expect(sent[0]?.body).toHaveProperty('temperature');
  });

  it('is known at each provider by itself', async () => {
    await exchange(vendor(), HOT, [refusal('temperature'), {}]);
    expect((await exchange(vendor(), HOT)).sent[0]?.body).toHaveProperty('temperature');
  });
});

describe('what is known of OpenAI’s reasoning models beforehand', () => {
  const sent = async (request: Partial<ChatRequest>) => {
    const told = await exchange(made(openai), request);
    return { body: told.sent[0]?.body ?? {}, dropped: told.dropped };
  };

  it('is that they count completion tokens, and take no sampling parameters', async () => {
    const { body, dropped } = await sent({ model: 'gpt-5-mini', max_tokens: 5, ...HOT, presence_penalty: 1 });
    expect(body).toEqual({
      model: 'gpt-5-mini',
      messages: [{ role: 'user', content: 'Hi' }],
      max_completion_tokens: 5,
    });
    expect([...dropped].sort()).toEqual(['presence_penalty', 'temperature', 'top_p']);
  });

  it.each([{ temperature: 1 }, { top_p: 1 }, { presence_penalty: 0 }, { logprobs: false }])(
    'is that %j says nothing, and nothing is told of it',
    async (request) => {
      expect((await sent({ model: 'o3-mini', ...request })).dropped).toEqual([]);
    },
  );

  it('is not held against those that are told not to reason, and others', async () => {
    const told = await sent({ model: 'gpt-5.4-mini', reasoning_effort: 'none', ...HOT });
    expect(told.body).toMatchObject(HOT);
    expect((await sent({ model: 'gpt-4.1-mini', max_tokens: 5, ...HOT })).body).toMatchObject({
      max_tokens: 5,
      ...HOT,
    });
  });
});
