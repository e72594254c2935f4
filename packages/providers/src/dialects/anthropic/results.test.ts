import type { ChatMessage } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { messagesRequest } from './request.ts';

const call = (id: string, args: unknown = '{}', name = 'f') =>
  ({ id, type: 'function', function: { name, arguments: args } }) as NonNullable<
    ChatMessage['tool_calls']
  >[number]; // arguments may be anything from a history of somebody else’s
const calls = (...ids: string[]) => ({
  role: 'assistant',
  content: null,
  tool_calls: ids.map((id) => call(id)),
});
const result = (tool_call_id: string, content: ChatMessage['content'] = `r-${tool_call_id}`) => ({
  role: 'tool',
  tool_call_id,
  content,
});
const user = (content: string) => ({ role: 'user', content });

const talk = (...messages: ChatMessage[]) =>
  JSON.parse(
    JSON.stringify(
      messagesRequest({ model: 'claude-sonnet-4-5', messages: [user('Go'), ...messages] }, { dropped() {} })
        .body['messages'],
    ),
  );
const tool = (id: string, content: unknown = `r-${id}`) => ({
  type: 'tool_result',
  tool_use_id: id,
  content,
});
const NONE = (id: string) => ({ ...tool(id, 'no result'), is_error: true });

describe('calls in a history', () => {
  it.each([
    ['{"a":1}', { a: 1 }],
    ['', {}],
    ['  ', {}],
    [undefined, {}],
    [null, {}],
    [{ a: 1 }, { a: 1 }],
    ['{"a":', { _raw: '{"a":' }],
    ['sunny', { _raw: 'sunny' }],
    ['[1]', { value: [1] }],
    ['5', { value: 5 }],
    ['null', { value: null }],
  ])('with the arguments %j have the input %j', (given, input) => {
    const [, turn] = talk({ role: 'assistant', tool_calls: [call('toolu_1', given)] }, result('toolu_1'));
    expect(turn).toEqual({
      role: 'assistant',
      content: [{ type: 'tool_use', id: 'toolu_1', name: 'f', input }],
    });
  });

  it.each([[null], [undefined], ['']])('stand alone beside the content %j', (content) => {
    const [, turn] = talk({ ...calls('a'), ...(content !== undefined && { content }) }, result('a'));
    expect(turn.content).toHaveLength(1);
  });

  it('stand behind the text that came with them', () => {
    const [, turn] = talk({ ...calls('a'), content: 'Let me see.' }, result('a'));
    expect(turn.content).toMatchObject([
      { type: 'text', text: 'Let me see.' },
      { type: 'tool_use', id: 'a' },
    ]);
  });
});

describe('results', () => {
  it.each<[string, ChatMessage[], unknown[]]>([
    ['in order', [result('a'), result('b')], [tool('a'), tool('b')]],
    ['out of order', [result('b'), result('a')], [tool('a'), tool('b')]],
    ['one missing', [result('b')], [NONE('a'), tool('b')]],
    ['all missing', [], [NONE('a'), NONE('b')]],
    [
      'behind words of the user',
      [user('wait'), result('a'), result('b')],
      [tool('a'), tool('b'), { type: 'text', text: 'wait' }],
    ],
    [
      'with words of the user between',
      [result('a'), user('wait'), result('b')],
      [tool('a'), tool('b'), { type: 'text', text: 'wait' }],
    ],
    ['empty', [result('a', ''), result('b', null)], [tool('a', ''), tool('b', '')]],
    [
      'of a tool that failed',
      [{ ...result('a'), is_error: true }, result('b')],
      [{ ...tool('a'), is_error: true }, tool('b')],
    ],
  ])('%s are one turn right behind the calls', (_, messages, expected) => {
    expect(talk(calls('a', 'b'), ...messages)).toEqual([
      user('Go'),
      expect.objectContaining({ role: 'assistant' }),
      { role: 'user', content: expected },
    ]);
  });

  it('that come twice stand once', () => {
    const [, , turn] = talk(calls('a'), result('a', 'one'), result('a', 'two'));
    expect(turn.content.filter(({ type }: { type: string }) => type === 'tool_result')).toHaveLength(1);
  });

  it('that nobody called for become text', () => {
    const orphan = talk(result('x', 'stray'));
    expect(orphan).toEqual([{ role: 'user', content: expect.any(Array) }]);
    expect(JSON.stringify(orphan)).toContain('stray');
    expect(JSON.stringify(orphan)).not.toContain('tool_result');
    const [, , turn] = talk(calls('a'), result('x', 'stray'), result('a'));
    expect(turn.content[0]).toEqual(tool('a'));
    expect(JSON.stringify(turn.content.slice(1))).toContain('stray');
  });

  it('that come after the next answer are told as text, and the call has none', () => {
    const [, , first, , second] = talk(
      calls('a'),
      user('and?'),
      { role: 'assistant', content: 'Hm.' },
      result('a', 'late'),
    );
    expect(first.content[0]).toEqual(NONE('a'));
    expect(JSON.stringify(second)).toContain('late');
  });

  it('of two rounds each stand behind their own calls', () => {
    const seen = talk(calls('a'), result('a'), calls('b'), result('b'));
    expect(seen.map(({ role }: ChatMessage) => role)).toEqual([
      'user',
      'assistant',
      'user',
      'assistant',
      'user',
    ]);
    expect(seen[2].content).toEqual([tool('a')]);
    expect(seen[4].content).toEqual([tool('b')]);
  });

  const PNG = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } };
  const IMAGE = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } };

  it('keep pictures, except where they tell of an error', () => {
    const content = [{ type: 'text', text: 'see' }, PNG];
    const text = { type: 'text', text: 'see' };
    expect(talk(calls('a'), result('a', content))[2].content).toEqual([tool('a', [text, IMAGE])]);
    const failed = { ...result('a', content), is_error: true };
    expect(talk(calls('a'), failed)[2].content).toEqual([{ ...tool('a', [text]), is_error: true }]);
  });
});

describe('ids', () => {
  const wire = (seen: { content: { type: string; id?: string; tool_use_id?: string }[] | string }[]) => {
    const blocks = seen.flatMap(({ content }) => (typeof content === 'string' ? [] : content));
    return {
      used: blocks.flatMap(({ type, id }) => (type === 'tool_use' ? [id] : [])),
      answered: blocks.flatMap(({ type, tool_use_id: id }) => (type === 'tool_result' ? [id] : [])),
    };
  };

  it.each([['toolu_01A'], ['call_abc-1']])('that are taken stay: %s', (id) => {
    expect(wire(talk(calls(id), result(id)))).toEqual({ used: [id], answered: [id] });
  });

  it.each([['functions.f:0'], ['call_x|fc_y'], ['é'], ['💥'.repeat(100)]])(
    'of others are rewritten alike for the call and its result: %s',
    (id) => {
      const { used, answered } = wire(talk(calls(id), result(id)));
      expect(used[0]).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
      expect(answered).toEqual(used);
      expect(wire(talk(calls(id), result(id))).used).toEqual(used);
    },
  );

  it('stay different where their plain letters are the same', () => {
    const { used, answered } = wire(
      talk(calls('f.0', 'f:0', 'f_0'), result('f:0'), result('f.0'), result('f_0')),
    );
    expect(new Set(used).size).toBe(3);
    expect(answered).toEqual(used);
  });

  it('that are empty are made up, and results find their calls by their order', () => {
    const seen = talk(calls('', ''), result('', 'one'), result('', 'two'));
    const { used, answered } = wire(seen);
    expect(new Set(used).size).toBe(2);
    expect(answered).toEqual(used);
    expect(seen[2].content.map(({ content }: { content: string }) => content)).toEqual(['one', 'two']);
  });

  it('are never the same for two calls, in one turn or in several', () => {
    for (const id of ['', 'call_0']) {
      const twice = wire(talk(calls(id), result(id, '1'), calls(id), result(id, '2')));
      expect(new Set(twice.used).size).toBe(2);
      expect(twice.answered).toEqual(twice.used);
    }
    expect(new Set(wire(talk(calls('', 'call_0'), result('', '1'), result('call_0', '2'))).used).size).toBe(
      2,
    );
  });
});
