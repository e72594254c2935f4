import type { ChatMessage, ChatRequest } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { messagesRequest, type RequestRules } from './request.ts';

const OLD = 'claude-sonnet-4-5';
const MIDWAY = 'claude-opus-4-8';
const CALL = { id: 'toolu_1', type: 'function', function: { name: 'f', arguments: '{}' } };

/** The conversation as it goes out. */
function talk(messages: ChatMessage[], model = OLD, rules: Partial<RequestRules> = {}) {
  const request: ChatRequest = { model, messages };
  const { body } = messagesRequest(request, { dropped() {}, ...rules });
  return JSON.parse(JSON.stringify(body));
}
const user = (content: ChatMessage['content'] = 'u') => ({ role: 'user', content });
const assistant = (content: ChatMessage['content'] = 'a') => ({ role: 'assistant', content });
const system = (content: ChatMessage['content'] = 's') => ({ role: 'system', content });
const text = (...texts: string[]) => texts.map((one) => ({ type: 'text', text: one }));

describe('system messages', () => {
  it.each([
    [[system('Be brief.'), user()], 'Be brief.'],
    [[{ role: 'developer', content: 'Be brief.' }, user()], 'Be brief.'],
    [[system('Be brief.'), system('Be kind.'), user()], text('Be brief.', 'Be kind.')],
    [[system('  '), user()], undefined],
    [[system([]), user()], undefined],
    [[user()], undefined],
  ])('%j is the system %j', (messages, expected) => {
    expect(talk(messages).system).toEqual(expected);
  });

  it('keep the breakpoints of their parts', () => {
    const cached = { type: 'text', text: 'Long.', cache_control: { type: 'ephemeral', ttl: '1h' } };
    expect(talk([system([cached]), user()]).system).toEqual([cached]);
  });
});

describe('a system message in the middle', () => {
  const middle = [user('u1'), assistant('a1'), system('now'), user('u2'), assistant('a2'), user('u3')];

  it.each([
    ['claude-opus-4-8'],
    ['claude-opus-5'],
    ['claude-fable-5'],
    ['claude-fable-5-2'],
    ['claude-haiku-5-5'],
    ['claude-sonnet-5-5'],
    ['claude-opus-5-5'],
  ])('stays, behind the turn of the user, for %s', (model) => {
    const { system: top, messages } = talk(middle, model);
    expect(top).toBeUndefined();
    expect(messages.map(({ role }: ChatMessage) => role)).toEqual([
      'user',
      'assistant',
      'user',
      'system',
      'assistant',
      'user',
    ]);
    expect(messages[3]).toEqual(system('now'));
  });

  it.each([
    ['claude-3-haiku'],
    ['claude-sonnet-4-5'],
    ['claude-opus-4-7'],
    ['claude-sonnet-5'],
    ['claude-?'],
  ])('joins the others for %s', (model) => {
    const { system: top, messages } = talk(middle, model);
    expect(top).toBe('now');
    expect(messages.some(({ role }: ChatMessage) => role === 'system')).toBe(false);
  });

  it('becomes words of the user where that is configured', () => {
    const { system: top, messages } = talk(middle, OLD, { systemMidway: 'user' });
    expect(top).toBeUndefined();
    expect(messages[2]).toEqual(user(text('now', 'u2')));
  });

  it.each([
    [MIDWAY, {}],
    [OLD, {}],
    [OLD, { systemMidway: 'user' as const }],
  ])('never parts a call from its result: %s %j', (model, rules) => {
    const { messages } = talk(
      [
        user(),
        { role: 'assistant', content: null, tool_calls: [CALL] },
        system('now'),
        { role: 'tool', tool_call_id: 'toolu_1', content: 'r' },
      ],
      model,
      rules,
    );
    expect(messages[1].content[0].type).toBe('tool_use');
    expect(messages[2].role).toBe('user');
    expect(messages[2].content[0]).toMatchObject({ type: 'tool_result', tool_use_id: 'toolu_1' });
  });

  it('may be the last one', () => {
    expect(talk([user(), assistant(), user(), system('now')], MIDWAY).messages.at(-1)).toEqual(system('now'));
    expect(talk([user(), system('now')], MIDWAY).messages).toEqual([user(), system('now')]);
  });
});

describe('turns', () => {
  it.each([
    [[user('a'), user('b')], [user(text('a', 'b'))]],
    [
      [user('a'), assistant('b'), assistant('c'), user('d')],
      [user('a'), assistant(text('b', 'c')), user('d')],
    ],
    [[user('a'), assistant(' \n'), user('b')], [user(text('a', 'b'))]],
    [[user('a'), { role: 'assistant' }, user('b')], [user(text('a', 'b'))]],
    [
      [user('a'), { role: 'assistant', content: 'b', tool_calls: [] }, user('c')],
      [user('a'), assistant('b'), user('c')],
    ],
    [
      [user('a'), { role: 'assistant', content: 'b', tool_calls: null }, user('c')],
      [user('a'), assistant('b'), user('c')],
    ],
    [
      [assistant('Hello'), user('Hi')],
      [user('.'), assistant('Hello'), user('Hi')],
    ],
    [[system('Speak.')], [user('.')]],
    [[user('')], [user('.')]],
    [[user(' \n ')], [user('.')]],
    [
      [
        user([
          { type: 'text', text: ' ' },
          { type: 'text', text: 'a' },
        ]),
      ],
      [user('a')],
    ],
    [
      [
        user([
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ]),
      ],
      [user(text('a', 'b'))],
    ],
    [[{ ...user('a'), name: 'Ann' }], [user('a')]],
  ])('of %j are %j', (messages, expected) => {
    expect(talk(messages).messages).toEqual(expected);
  });

  it('tell a refusal of the assistant as its text', () => {
    const parts = [{ type: 'refusal', refusal: 'I will not.' }];
    expect(talk([user(), assistant(parts), user()]).messages[1]).toEqual(assistant('I will not.'));
    const field = { role: 'assistant', content: null, refusal: 'I will not.' };
    expect(talk([user(), field, user()]).messages[1]).toEqual(assistant('I will not.'));
  });
});

describe('a last message of the assistant', () => {
  const asked = [user(), assistant('{"a": \n')];

  it.each([['claude-3-haiku-20240307'], ['claude-opus-4-1'], ['claude-sonnet-4-5']])(
    'is gone on with by %s, its last blanks left out',
    (model) => {
      expect(talk(asked, model).messages.at(-1)).toEqual(assistant('{"a":'));
    },
  );

  it.each([
    ['claude-sonnet-4-6'],
    ['claude-opus-4-7'],
    ['claude-sonnet-5'],
    ['claude-fable-5'],
    ['claude-haiku-5-5'],
    ['claude-not-yet-known'],
  ])('is refused for %s', (model) => {
    expect(() => talk(asked, model)).toThrow(
      expect.objectContaining({
        class: 'unsupported',
        details: { param: 'messages', code: 'unsupported_parameter' },
      }),
    );
  });

  it('does not count where it is empty', () => {
    expect(talk([user(), assistant('')], 'claude-sonnet-5').messages).toEqual([user()]);
  });

  it('is not gone on with while the model thinks on a budget', () => {
    const dropped: string[] = [];
    const { body } = messagesRequest(
      { model: OLD, messages: asked, reasoning_effort: 'low' },
      { dropped: (name) => dropped.push(name) },
    );
    expect(body).not.toHaveProperty('thinking');
    expect(dropped).toEqual(['reasoning_effort']);
  });
});
