import { describe, expect, it } from 'vitest';
import { checkChat } from './chat-body.ts';
import { isPlain } from './chat-plain.ts';

const VALUES = [
  ...[0, -1, 1, 2, 2.1, 10, 11, 0.5, -2.5, 1e300, Number.MAX_SAFE_INTEGER, 2 ** 53, Infinity, NaN],
  ...['', 'x', 'a'.repeat(256), 'a'.repeat(257), 'user', 'nobody', 'function', 'tool'],
  ...[null, undefined, true, false, [], {}, ['x'], [{}], [null], { role: 'user', content: 'x' }],
  [{ role: 'user', content: 'x' }],
];
const FIELDS = [
  ...['model', 'messages', 'stream', 'temperature', 'top_p', 'presence_penalty', 'frequency_penalty', 'n'],
  ...['max_tokens', 'max_completion_tokens', 'seed', 'user', 'reasoning_effort', 'models', 'tools', 'stop'],
  ...['logprobs', 'response_format', 'unheard_of', '__proto__', 'constructor'],
];
const plain = { model: 'm', messages: [{ role: 'user', content: 'x' }] };
const bodies: Record<string, unknown>[] = [
  plain,
  {},
  { model: 'm' },
  { messages: plain.messages },
  ...FIELDS.flatMap((field) => VALUES.map((value) => ({ ...plain, [field]: value }))),
  ...['role', 'content', 'name', 'tool_calls', 'tool_call_id', 'unheard_of'].flatMap((field) =>
    VALUES.map((value) => ({ ...plain, messages: [{ ...plain.messages[0], [field]: value }] })),
  ),
  ...VALUES.map((value) => ({ ...plain, messages: [...plain.messages, value] })),
];

describe('a plain request', () => {
  it('is one to which the schema has no objection', () => {
    const found = bodies.filter(isPlain);
    expect(found.length).toBeGreaterThan(40);
    // a field that is not known takes the way of the schema
    for (const body of found) expect(() => checkChat({ ...body, unheard_of: 1 })).not.toThrow();
  });

  it('is what most requests are', () => {
    expect(
      isPlain({
        model: 'ib/balanced',
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Hello' },
        ],
        stream: true,
        temperature: 0.7,
        max_tokens: 256,
      }),
    ).toBe(true);
  });

  it('is refused as ever where something is wrong with it', () => {
    expect(() => checkChat({ ...plain, temperature: 3 })).toThrow('temperature');
    expect(() => checkChat({ ...plain, messages: [{ role: 'nobody', content: 'x' }] })).toThrow(
      'messages[0].role',
    );
  });
});
