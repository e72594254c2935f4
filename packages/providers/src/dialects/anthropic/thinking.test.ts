import type { ChatMessage, ChatRequest } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { messagesRequest } from './request.ts';

function sent(model: string, request: Partial<ChatRequest>) {
  const dropped: string[] = [];
  const { body } = messagesRequest(
    { model, messages: [{ role: 'user', content: 'Hi' }], ...request },
    { dropped: (name) => dropped.push(name) },
  );
  const { thinking, output_config: config, messages } = JSON.parse(JSON.stringify(body));
  return { thinking, effort: config?.effort, messages, dropped };
}
const adaptive = { type: 'adaptive', display: 'summarized' };
const enabled = (budget_tokens: number) => ({ type: 'enabled', budget_tokens });

describe('an effort', () => {
  it.each<[string, string, unknown, string | undefined]>([
    ['claude-3-haiku', 'none', undefined, undefined],
    ['claude-sonnet-4-5', 'none', undefined, undefined],
    ['claude-sonnet-4-5', 'minimal', enabled(1_024), undefined],
    ['claude-sonnet-4-5', 'low', enabled(1_024), undefined],
    ['claude-opus-4-1', 'medium', enabled(4_096), undefined],
    ['claude-haiku-4-5', 'high', enabled(16_384), undefined],
    ['claude-haiku-4-5', 'max', enabled(32_000), undefined],
    ['claude-opus-4-6', 'minimal', adaptive, 'low'],
    ['claude-opus-4-6', 'low', adaptive, 'low'],
    ['claude-opus-4-6', 'xhigh', adaptive, 'high'],
    ['claude-opus-4-6', 'max', adaptive, 'max'],
    ['claude-opus-4-6', 'none', { type: 'disabled' }, undefined],
    ['claude-opus-4-7', 'xhigh', adaptive, 'xhigh'],
    ['claude-sonnet-5', 'high', adaptive, 'high'],
    ['claude-opus-5', 'none', { type: 'disabled' }, undefined],
    ['claude-fable-5-2', 'high', adaptive, 'high'],
    ['claude-fable-5', 'none', undefined, 'low'],
    ['claude-haiku-5-5', 'none', { type: 'disabled' }, undefined],
    ['claude-sonnet-5-5', 'none', { type: 'between_tools' }, undefined],
    ['claude-opus-5-5', 'none', undefined, 'low'],
    ['claude-opus-5-5', 'minimal', adaptive, 'low'],
    ['claude-not-yet-known', 'medium', adaptive, 'medium'],
    ['claude-not-yet-known', 'none', undefined, 'low'],
  ])('on %s of %s is %j with %s', (model, reasoning_effort, thinking, effort) => {
    expect(sent(model, { reasoning_effort })).toMatchObject({ thinking, effort, dropped: [] });
  });

  it('that nobody knows is mapped or refused, and never sent', () => {
    for (const model of ['claude-sonnet-4-5', 'claude-opus-5']) {
      const { effort } = sent(model, { reasoning_effort: 'colossal' });
      expect(effort ?? 'low').toMatch(/^(low|medium|high)$/);
    }
  });

  it('is dropped and told on a model that cannot think', () => {
    expect(sent('claude-3-haiku', { reasoning_effort: 'high' })).toMatchObject({
      thinking: undefined,
      dropped: ['reasoning_effort'],
    });
  });

  it('is not asked for where nothing is said', () => {
    for (const model of ['claude-sonnet-4-5', 'claude-opus-5'])
      for (const reasoning_effort of [undefined, null])
        expect(sent(model, { reasoning_effort })).toMatchObject({ thinking: undefined, effort: undefined });
  });

  it('can be said the way of OpenRouter', () => {
    expect(sent('claude-opus-5', { reasoning: { effort: 'high' } })).toMatchObject({
      thinking: adaptive,
      effort: 'high',
    });
  });
});

describe('a budget', () => {
  it.each([
    [2_000, 'high', 'a part'],
    [1_025, 'low', 'the least'],
    [1_024, 'low', 'nothing'],
    [500, 'low', 'nothing'],
  ])('within %i tokens for effort %s is %s', (max_tokens, reasoning_effort, what) => {
    const { thinking, dropped } = sent('claude-sonnet-4-5', { max_tokens, reasoning_effort });
    if (what === 'nothing') {
      expect(thinking).toBeUndefined();
      expect(dropped).toEqual(['reasoning_effort']);
      return;
    }
    expect(thinking.budget_tokens).toBeGreaterThanOrEqual(1_024);
    expect(thinking.budget_tokens).toBeLessThan(max_tokens);
  });

  it('in Anthropic’s own words is kept where the model takes one, and an effort elsewhere', () => {
    const thinking = enabled(5_000);
    expect(sent('claude-sonnet-4-5', { thinking }).thinking).toEqual(thinking);
    for (const model of ['claude-opus-4-7', 'claude-opus-5', 'claude-sonnet-5-5'])
      expect(sent(model, { thinking })).toMatchObject({ thinking: adaptive, effort: 'medium' });
  });
});

describe('Anthropic’s own words', () => {
  it.each<[string, object, unknown, string | undefined]>([
    [
      'claude-opus-5',
      { thinking: { type: 'adaptive', display: 'omitted' } },
      { type: 'adaptive', display: 'omitted' },
      undefined,
    ],
    ['claude-opus-5', { output_config: { effort: 'max' } }, adaptive, 'max'],
    ['claude-opus-5', { thinking: { type: 'disabled' } }, { type: 'disabled' }, undefined],
    ['claude-opus-5-5', { thinking: { type: 'disabled' } }, undefined, 'low'],
    ['claude-sonnet-4-5', { thinking: { type: 'disabled' } }, undefined, undefined],
    ['claude-sonnet-4-5', { thinking: { type: 'adaptive' } }, enabled(4_096), undefined],
    ['claude-sonnet-5-5', { thinking: { type: 'between_tools' } }, { type: 'between_tools' }, undefined],
  ])('on %s, %j, are %j with %s', (model, given, thinking, effort) => {
    const seen = sent(model, given);
    expect({ ...seen.thinking }).toEqual({ ...(thinking as object | undefined) });
    expect(seen.effort).toBe(effort);
  });
});

describe('thinking in a history', () => {
  const signed = { type: 'thinking', thinking: 'Hm.', signature: 'sig' };
  const silent = { type: 'thinking', thinking: '', signature: 'sig' };
  const redacted = { type: 'redacted_thinking', data: 'xyz' };
  const said = (thinking_blocks: unknown, more: Partial<ChatMessage> = {}): ChatMessage[] => [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Yes.', reasoning_content: 'Hm.', thinking_blocks, ...more },
    { role: 'user', content: 'Go on' },
  ];
  const first = (messages: ChatMessage[]) =>
    [sent('claude-sonnet-4-5', { messages }).messages[1].content].flat();

  it.each([
    [[signed], [signed]],
    [[redacted], [redacted]],
    [[silent], [silent]],
    [
      [signed, redacted],
      [signed, redacted],
    ],
    [[{ type: 'thinking', thinking: 'Hm.' }], []],
    [[{ type: 'thinking', thinking: 'Hm.', signature: '' }], []],
    [[{ type: 'redacted_thinking' }], []],
    [[null, 5, 'x', {}], []],
    ['Hm.', []],
    [undefined, []],
  ])('%j goes back first as %j', (blocks, expected) => {
    const content = first(said(blocks));
    expect(content.slice(0, -1)).toEqual(expected);
    expect(JSON.stringify(content.at(-1))).toContain('Yes.');
    if (expected.length === 0) expect(JSON.stringify(content)).not.toContain('Hm.');
  });

  const tools = [{ type: 'function', function: { name: 'f' } }];
  const loop = (thinking_blocks?: unknown, ...more: ChatMessage[]): ChatMessage[] => [
    { role: 'user', content: 'Hi' },
    {
      role: 'assistant',
      content: null,
      ...(thinking_blocks !== undefined && { thinking_blocks }),
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'c', content: 'r' },
    ...more,
  ];
  const asked = { tools, reasoning_effort: 'low' };

  it('stands before the calls that it led to, and the model goes on thinking', () => {
    for (const block of [signed, redacted]) {
      const { messages, thinking } = sent('claude-sonnet-4-5', { ...asked, messages: loop([block]) });
      expect(messages[1].content).toMatchObject([block, { type: 'tool_use' }]);
      expect(thinking).toEqual(enabled(1_024));
    }
  });

  it('that is gone before the last call stops a budget, and nothing else', () => {
    expect(sent('claude-sonnet-4-5', { ...asked, messages: loop() })).toMatchObject({
      thinking: undefined,
      dropped: ['reasoning_effort'],
    });
    expect(sent('claude-opus-5', { ...asked, messages: loop() })).toMatchObject({ thinking: adaptive });
    const over = loop(undefined, { role: 'assistant', content: 'Done.' }, { role: 'user', content: 'More' });
    expect(sent('claude-sonnet-4-5', { ...asked, messages: over }).thinking).toEqual(enabled(1_024));
  });

  it('is missed behind an answer that is empty as well', () => {
    const empty = loop(undefined, { role: 'assistant', content: '' }, { role: 'user', content: 'More' });
    expect(sent('claude-sonnet-4-5', { ...asked, messages: empty }).thinking).toBeUndefined();
  });
});
