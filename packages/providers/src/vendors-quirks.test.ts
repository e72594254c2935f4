import { describe, expect, it } from 'vitest';
import { events, exchange, HELLO, made, scriptedIO, WHOLE } from '../../../test/support/exchange.ts';
import { moonshot, ollama, zhipu } from './index.ts';

const vendorOf = { moonshot: made(moonshot), ollama: made(ollama), zhipu: made(zhipu) };
const IMAGE = { type: 'image_url', image_url: { url: 'https://pictures.example/a.png' } };

describe('moonshot', () => {
  it.each([
    [0, 0],
    [0.6, 0.6],
    [1, 1],
    [1.7, 1],
  ])('is asked for a temperature of at most 1: %f', async (temperature, expected) => {
    const { sent } = await exchange(vendorOf.moonshot, { temperature });
    expect(sent[0]?.body['temperature']).toBe(expected);
  });
});

describe('zhipu', () => {
  it('hears of JSON where JSON mode is asked for and nobody has spoken of it', async () => {
    const request = { response_format: { type: 'json_object' } };
    const { sent } = await exchange(vendorOf.zhipu, request);
    expect(JSON.stringify(sent[0]?.body['messages'])).toMatch(/json/i);
    const spoken = [{ role: 'user', content: 'as JSON, please' }];
    const { sent: same } = await exchange(vendorOf.zhipu, { ...request, messages: spoken });
    expect(same[0]?.body['messages']).toEqual(spoken);
  });
});

describe('ollama', () => {
  it('gets pictures themselves, since it fetches none', async () => {
    const { io, requests } = scriptedIO([
      { headers: { 'content-type': 'image/png' }, body: Buffer.from('PNG') },
      { body: WHOLE },
    ]);
    await vendorOf.ollama.chat({ ...HELLO, messages: [{ role: 'user', content: [IMAGE] }] }, io);
    const body = JSON.parse(Buffer.from(requests[1]?.body ?? '{}').toString());
    expect(body.messages[0].content[0].image_url.url).toBe(
      `data:image/png;base64,${Buffer.from('PNG').toString('base64')}`,
    );
  });

  it('gives answers ids of our own, since its come round again', async () => {
    const { completion } = await exchange(vendorOf.ollama, {}, [{ body: { ...WHOLE, id: 'chatcmpl-7' } }]);
    expect(completion?.id).toMatch(/^chatcmpl-.{8,}$/);
    const head = { ...WHOLE, object: 'chat.completion.chunk', id: 'chatcmpl-7' };
    const pieces = events({
      ...head,
      choices: [{ index: 0, delta: { content: 'a' }, finish_reason: 'stop' }],
    });
    const { chunks } = await exchange(vendorOf.ollama, { stream: true }, [{ pieces }]);
    for (const { id } of chunks) expect(id).toMatch(/^chatcmpl-.{8,}$/);
  });
});
