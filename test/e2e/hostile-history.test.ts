import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { standard, vendors } from '../support/standard.ts';
import { anthropicTurn, openaiTurn } from '../support/turns.ts';

/* Histories that are broken, foreign or mean: repaired, or refused with the place at fault; never an error of ours. */

const parts = standard({ config: (url) => ({ providers: vendors(url) }) });
const MEAN = { toString: 1, valueOf: null, constructor: 'x', __proto__: null };
const call = (over: object = {}) => ({
  id: 'call_1',
  type: 'function',
  function: { name: 'weather', arguments: '{"city":"Paris"}' },
  ...over,
});
const user = { role: 'user', content: 'Hi' };
const done = (content: unknown = 'sunny', id: unknown = 'call_1') => ({
  role: 'tool',
  tool_call_id: id,
  content,
});
const asks = (...tool_calls: unknown[]) => ({ role: 'assistant', content: null, tool_calls });

/** Name, messages, and whether they can be repaired for Anthropic. */
const HISTORIES: readonly [string, unknown[], boolean][] = [
  ['an orphan result', [user, done()], true],
  ['a result before its call', [user, done(), asks(call()), done()], true],
  ['a missing result', [user, asks(call()), user], true],
  ['a result twice', [user, asks(call()), done('a'), done('b'), user], true],
  [
    'results out of order',
    [user, asks(call(), call({ id: 'call_2' })), done('b', 'call_2'), done('a')],
    true,
  ],
  [
    'arguments that are no JSON',
    [user, asks(call({ function: { name: 'weather', arguments: '{"city":' } })), done()],
    true,
  ],
  [
    'arguments that are a list',
    [user, asks(call({ function: { name: 'weather', arguments: '[1]' } })), done()],
    true,
  ],
  [
    'arguments that are no text',
    [user, asks(call({ function: { name: 'weather', arguments: MEAN } })), done()],
    true,
  ],
  ['no arguments', [user, asks(call({ function: { name: 'weather' } })), done()], true],
  ['foreign ids', [user, asks(call({ id: 'functions.weather:0' })), done('a', 'functions.weather:0')], true],
  ['an empty id', [user, asks(call({ id: '' })), done('a', '')], true],
  [
    'a long id',
    [user, asks(call({ id: `call|${'x'.repeat(200)}` })), done('a', `call|${'x'.repeat(200)}`)],
    true,
  ],
  [
    'empty and blank texts',
    [user, { role: 'assistant', content: '' }, { role: 'user', content: [{ type: 'text', text: ' ' }] }],
    true,
  ],
  ['only a system message', [{ role: 'system', content: 'Be brief.' }], true],
  ['an assistant first', [{ role: 'assistant', content: 'Hi' }, user], true],
  [
    'system messages everywhere',
    [user, { role: 'system', content: 'a' }, asks(call()), { role: 'developer', content: 'b' }, done()],
    true,
  ],
  ['an empty list of calls', [user, { role: 'assistant', content: 'Hi', tool_calls: [] }, user], true],
  ['calls that are null', [user, { role: 'assistant', content: 'Hi', tool_calls: null }, user], true],
  ['a call that is no function', [user, asks({ id: 'a', type: 'function' }), user], false],
  ['a name that is no text', [user, asks(call({ function: { name: MEAN, arguments: '{}' } })), user], false],
  ['a part of no known type', [{ role: 'user', content: [{ type: 'hologram' }] }], false],
  ['a mean part', [{ role: 'user', content: [{ type: 'text', text: MEAN }] }], true],
  [
    'an image without an address',
    [{ role: 'user', content: [{ type: 'image_url', image_url: MEAN }] }],
    false,
  ],
  [
    'an image of no type',
    [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,x' } }] }],
    false,
  ],
  [
    'an image from a file',
    [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }] }],
    false,
  ],
  ['a file of no kind', [{ role: 'user', content: [{ type: 'file', file: MEAN }] }], false],
  [
    'thinking that is none',
    [user, { role: 'assistant', content: 'Hi', thinking_blocks: [MEAN, 1, null] }, user],
    true,
  ],
  [
    'fields of vendors that are none',
    [
      user,
      { role: 'assistant', content: 'Hi', provider_specific_fields: { anthropic: { content: [1] } } },
      user,
    ],
    true,
  ],
  [
    'reasoning that is none',
    [user, { role: 'assistant', content: 'Hi', reasoning_content: MEAN }, user],
    true,
  ],
];

const TOOLS = [
  { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } },
];

describe.each([
  'anthropic:claude-sonnet-5-5',
  'anthropic:claude-sonnet-4-5',
  'openai:gpt-4.1',
  'mistral:mistral-large-4',
  'groq:openai/gpt-oss-20b',
  'deepseek:deepseek-flash',
])('for %s', (model) => {
  const vendor = model.slice(0, model.indexOf(':'));
  it.each(HISTORIES)('%s', async (_, messages, repaired) => {
    const { chat } = await account(parts.gateway, [vendor]);
    parts.upstream.script(
      vendor,
      vendor === 'anthropic' ? anthropicTurn({ text: 'Hi' }) : openaiTurn({ text: 'Hi' }),
    );
    for (const stream of [false, true]) {
      const response = await chat({ model, messages, tools: TOOLS, stream });
      const text = await response.text();
      expect(response.status, text).toBeLessThan(500);
      if (vendor !== 'anthropic') continue;
      if (repaired) expect(response.status, text).toBe(200);
      else {
        expect(response.status, text).toBe(400);
        expect(JSON.parse(text)).toMatchObject({ error: { param: expect.stringMatching(/^messages\[/) } });
      }
    }
  });
});

describe('what is sent to Anthropic', () => {
  const bodyFor = async (messages: unknown[]) => {
    const { chat } = await account(parts.gateway, ['anthropic']);
    parts.upstream.script('anthropic', anthropicTurn({ text: 'Hi' }));
    await chat({ model: 'anthropic:claude-sonnet-5-5', messages, tools: TOOLS });
    return JSON.parse((await parts.upstream.seen('anthropic')).at(-1)?.body ?? '{}') as {
      messages: { role: string; content: string | { type: string; id?: string; tool_use_id?: string }[] }[];
    };
  };

  it.each(HISTORIES.filter(([, , repaired]) => repaired))(
    'alternates and answers every call at once: %s',
    async (_, messages) => {
      const { messages: turns } = await bodyFor(messages);
      expect(turns[0]?.role).toBe('user');
      for (const [index, { role, content }] of turns.entries()) {
        expect(content.length).toBeGreaterThan(0);
        if (index > 0 && role !== 'system') expect(turns[index - 1]?.role).not.toBe(role);
        if (typeof content === 'string') continue;
        const called = content.filter(({ type }) => type === 'tool_use').map(({ id }) => id);
        for (const id of called) expect(id).toMatch(/^[a-zA-Z0-9_-]+$/);
        if (called.length === 0) continue;
        const next = turns[index + 1]?.content;
        const answered = Array.isArray(next) ? next.filter(({ type }) => type === 'tool_result') : [];
        expect(answered.map(({ tool_use_id: id }) => id)).toEqual(called);
      }
    },
  );
});

describe.each([
  ['/v1/messages', { max_tokens: 10 }],
  ['/v1/responses', {}],
  ['/v1/embeddings', {}],
])('%s', (path, more) => {
  const JUNK: readonly unknown[] = [
    null,
    1,
    'x',
    [],
    {},
    [null],
    [1],
    [MEAN],
    { role: MEAN },
    [{ type: MEAN }],
    [{ type: 'text' }],
    [[[]]],
  ];

  it('answers junk in every field with 4xx, or leaves it be', async () => {
    const { key } = await account(parts.gateway, ['anthropic', 'openai']);
    parts.upstream.script('anthropic', anthropicTurn({ text: 'Hi' }));
    parts.upstream.script('openai', openaiTurn({ text: 'Hi' }));
    const good = {
      model: 'anthropic:claude-sonnet-4-5',
      messages: [user],
      input: [{ role: 'user', content: 'Hi' }],
      ...more,
    };
    const fields = [
      ...Object.keys(good),
      'system',
      'tools',
      'tool_choice',
      'metadata',
      'thinking',
      'output_config',
      'stop_sequences',
      'instructions',
      'reasoning',
      'text',
      'include',
      'encoding_format',
      'dimensions',
      'stream',
    ];
    for (const field of fields)
      for (const junk of JUNK) {
        for (const value of [
          junk,
          [{ role: 'user', content: junk }],
          [{ role: 'assistant', content: [junk] }],
          [{ type: 'function', name: junk, function: junk, input_schema: junk }],
        ]) {
          const response = await parts.gateway.fetch(path, {
            method: 'POST',
            key,
            body: JSON.stringify({ ...good, [field]: value }),
          });
          const text = await response.text();
          expect(response.status, `${field} ${JSON.stringify(value)} ${text}`).toBeLessThan(500);
        }
      }
  });
});
