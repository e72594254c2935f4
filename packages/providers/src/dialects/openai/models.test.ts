import { describe, expect, it } from 'vitest';
import { exchange, made } from '../../../../../test/support/exchange.ts';
import { azure, openai } from '../../index.ts';

const vendors = [
  ['openai', made(openai)],
  ['azure', made(azure, { resource: 'r' })],
] as const;

describe.each(vendors)('%s', (_, provider) => {
  it.each(['temperature', 'top_p'])('names %s of 0 that a reasoning model refuses', async (field) => {
    const { sent, dropped } = await exchange(provider, { model: 'o3', [field]: 0 });
    expect(sent[0]?.body).not.toHaveProperty(field);
    expect(dropped).toEqual([field]);
  });

  it.each(['presence_penalty', 'frequency_penalty', 'top_logprobs'])(
    'leaves %s of 0 out without a word: it asks for nothing',
    async (field) => {
      const { sent, dropped } = await exchange(provider, { model: 'o3', [field]: 0 });
      expect(sent[0]?.body).not.toHaveProperty(field);
      expect(dropped).toEqual([]);
    },
  );

  it.each(['gpt-4.1', 'gpt-4o-mini', 'gpt-3.5-turbo', 'chatgpt-4o-latest', 'ft:gpt-4.1-mini:acme'])(
    'asks %s for no effort, and says so',
    async (model) => {
      const { sent, dropped } = await exchange(provider, { model, reasoning_effort: 'high' });
      expect(sent[0]?.body).not.toHaveProperty('reasoning_effort');
      expect(dropped).toEqual(['reasoning_effort']);
      const { dropped: none } = await exchange(provider, { model, reasoning_effort: 'none' });
      expect(none).toEqual([]);
    },
  );

  it.each(['o3', 'gpt-5', 'gpt-6-luna', 'acme-9'])('asks %s for the effort', async (model) => {
    const { sent, dropped } = await exchange(provider, { model, reasoning_effort: 'high' });
    expect(sent[0]?.body['reasoning_effort']).toBe('high');
    expect(dropped).toEqual([]);
  });
});
