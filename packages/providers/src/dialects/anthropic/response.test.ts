import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { completionOf, finishReason } from './response.ts';
import { UsageTally } from './usage.ts';

const ROOT = resolve(import.meta.dirname, '../../../../..');
const FIXTURES = resolve(ROOT, process.env['INFERBRIDGE_FIXTURES'] ?? '../shared/fixtures');
const have = existsSync(FIXTURES);
const why = have ? '' : ` (skipped: no recorded answers at ${FIXTURES})`;
const recorded = (name: string) => JSON.parse(readFileSync(join(FIXTURES, 'anthropic/chat', name), 'utf8'));

describe('finishReason', () => {
  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['pause_turn', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
    [null, 'stop'],
    ['yet_unknown', 'stop'],
  ])('%s is %s', (given, expected) => {
    expect(finishReason(given, given === 'tool_use')).toBe(expected);
  });
});

describe('UsageTally', () => {
  it('counts what was read from and written to the cache as input', () => {
    const tally = new UsageTally();
    tally.note({
      input_tokens: 10,
      cache_read_input_tokens: 20,
      cache_creation_input_tokens: 5,
      output_tokens: 7,
    });
    expect(tally.wire()).toEqual({
      prompt_tokens: 35,
      completion_tokens: 7,
      total_tokens: 42,
      prompt_tokens_details: { cached_tokens: 20, cache_write_tokens: 5 },
      completion_tokens_details: { reasoning_tokens: 0 },
    });
  });

  it('replaces what it knew, field by field, and adds nothing up', () => {
    const tally = new UsageTally();
    tally.note({ input_tokens: 43, output_tokens: 1 });
    tally.note({ input_tokens: 61, output_tokens: 2 });
    tally.note({ output_tokens: 9 });
    expect(tally.wire()).toMatchObject({ prompt_tokens: 61, completion_tokens: 9, total_tokens: 70 });
  });

  it('knows the tokens of thinking', () => {
    const tally = new UsageTally();
    tally.note({ input_tokens: 1, output_tokens: 50, output_tokens_details: { thinking_tokens: 40 } });
    expect(tally.wire()?.completion_tokens_details?.reasoning_tokens).toBe(40);
  });

  it.each([
    [undefined],
    [null],
    ['x'],
    [{}],
    [{ input_tokens: '5' }],
    [{ input_tokens: -1 }],
    [{ input_tokens: Number.NaN }],
  ])('is unknown, not zero, for %j', (usage) => {
    const tally = new UsageTally();
    tally.note(usage);
    expect(tally.wire()).toBeNull();
  });
});

describe('completionOf', () => {
  it('joins text blocks without anything between, and keeps thinking apart', () => {
    const content = [
      { type: 'thinking', thinking: 'hm', signature: 's' },
      { type: 'redacted_thinking', data: 'xyz' },
      { type: 'text', text: 'a' },
      { type: 'server_tool_use', id: 'x', name: 'web_search', input: {} },
      { type: 'text', text: 'b' },
    ];
    const completion = completionOf(
      { type: 'message', id: 'msg_1', model: 'm', stop_reason: 'end_turn', content },
      5,
    );
    expect(completion).toEqual({
      id: 'msg_1',
      object: 'chat.completion',
      created: 5,
      model: 'm',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'ab',
            refusal: null,
            reasoning_content: 'hm',
            thinking_blocks: content.slice(0, 2),
            provider_specific_fields: { anthropic: { content } },
          },
          finish_reason: 'stop',
          logprobs: null,
        },
      ],
    });
  });

  it.each([
    [null],
    ['text'],
    [[]],
    [{ type: 'error', error: {} }],
    [{ type: 'message' }],
    [{ type: 'message', content: 'x' }],
  ])('is null for %j', (body) => {
    expect(completionOf(body, 0)).toBeNull();
  });
});

describe.skipIf(!have)(`a recorded message${why}`, () => {
  it('of text is told with its text, id, model and usage', () => {
    const completion = completionOf(recorded('anthropic-text.json'), 7);
    expect(completion).toMatchObject({
      id: 'msg_01VdEjxAP5ahtHKrrRdNBteQ',
      model: 'claude-sonnet-4-5-20250929',
      created: 7,
      usage: { prompt_tokens: 12, completion_tokens: 29, total_tokens: 41 },
    });
    expect(completion?.choices[0]).toMatchObject({
      message: {
        content:
          "Hello! I'm doing well, thanks for asking. How are you doing today? Is there anything I can help you with?",
        refusal: null,
      },
      finish_reason: 'stop',
    });
    expect(completion?.choices[0]?.message).not.toHaveProperty('tool_calls');
  });

  it('that is a refusal is filtered content, with the reason where one is given', () => {
    const [told] = completionOf(recorded('anthropic-refusal.json'), 0)?.choices ?? [];
    expect(told).toMatchObject({
      message: { content: '', refusal: expect.stringContaining('Usage Policy') },
      finish_reason: 'content_filter',
    });
    const [bare] = completionOf(recorded('anthropic-refusal-no-details.json'), 0)?.choices ?? [];
    expect(bare).toMatchObject({ message: { content: '', refusal: null }, finish_reason: 'content_filter' });
  });

  it.each([
    'anthropic-claude-opus-5-reasoning-high.1.json',
    'anthropic-web-search-tool.1.json',
    'anthropic-json-output-format.1.json',
    'anthropic-clear-thinking.1.json',
  ])('of several blocks has all its text and no more: %s', (name) => {
    const message = recorded(name);
    const blocks: { type: string; text?: string; thinking?: string }[] = message.content;
    const joined = (type: string, field: 'text' | 'thinking') =>
      blocks
        .filter((block) => block.type === type)
        .map((block) => block[field])
        .join('');
    const completion = completionOf(message, 0);
    expect(joined('text', 'text')).not.toBe('');
    expect(completion?.choices[0]?.message.content).toBe(joined('text', 'text'));
    expect(completion?.choices[0]?.message['reasoning_content'] ?? '').toBe(joined('thinking', 'thinking'));
    const {
      input_tokens: input,
      cache_read_input_tokens: read = 0,
      cache_creation_input_tokens: written = 0,
    } = message.usage;
    expect(completion?.usage?.prompt_tokens).toBe(input + read + written);
    expect(completion?.usage?.completion_tokens).toBe(message.usage.output_tokens);
  });
});
