import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ChatRequest, Request } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { meaningOf } from './canonical.ts';

const read = (text: string) => JSON.parse(text) as ChatRequest; // whatever a caller sends
const chat = (text: string, native: object = {}): Request => {
  const value = read(text);
  return {
    operation: 'chat',
    value,
    native: { dialect: 'openai', bytes: new TextEncoder().encode(text), of: value, ...native },
  };
};
const meaning = (text: string, strict = false) => meaningOf(chat(text), { strict });
const field = (value: string) => meaning(`{"model":"m","messages":[],"x":${value}}`);

describe('meaningOf', () => {
  it.each([
    ['order of keys', '{"a":1,"b":{"c":2,"d":[{"e":3,"f":4}]}}', '{"b":{"d":[{"f":4,"e":3}],"c":2},"a":1}'],
    ['white space', '{"a":[1,2],"b":{}}', ' {\t"a" :\r\n[ 1 , 2 ]  , "b": { } }\n'],
    ['escapes', '{"a":"é/\\n\\"A\u{1f600}"}', '{"\\u0061":"\\u00e9\\/\\u000a\\u0022\\u0041\\ud83D\\uDe00"}'],
    ['a lone surrogate', '{"a":"\\ud800"}', '{"a":"\\uD800"}'],
    ['numbers', '{"a":1,"b":0.5,"c":100}', '{"a":1.0,"b":5e-1,"c":1E+2}'],
    ['numbers again', '{"a":1,"b":0,"c":-2}', '{"a":100e-2,"b":-0.0,"c":-0.2e1}'],
    ['the last of two', '{"a":1,"a":2}', '{"a":2}'],
    ['a key with a meaning to JavaScript', '{"__proto__":{"a":1},"b":1}', '{"b":1,"__proto__":{"a":1}}'],
  ])('is the same for another %s', (_, one, other) => {
    expect(meaning(one)).toMatch(/^[0-9a-f]{64}$/);
    expect(meaning(other)).toBe(meaning(one));
  });

  it('tells apart what may be answered differently', () => {
    const values = [
      ...[
        'null',
        'true',
        'false',
        '0',
        '1',
        '-1',
        '0.1',
        '0.10000000000000002',
        '1e300',
        '""',
        '"1"',
        '"null"',
      ],
      ...['[]', '{}', '[[]]', '[1]', '[1,2]', '[2,1]', '["1"]', '[null]', '{"a":1}', '{"a":null}', '{"b":1}'],
      ...['{"a":1,"b":2}', '[{"a":1},{"b":2}]', '"a,b"', '["a,b"]', '["a","b"]', '"\\ud800"', '"\\ufffd"'],
      ...['"é"', '"e\u0301"', '{"__proto__":1}', '{"toString":1}', '" 1"', '"{}"'],
    ];
    expect(new Set(values.map(field)).size).toBe(values.length);
  });

  it('tells integers beyond 2^53 apart, wherever they stand', () => {
    const long = [
      '9007199254740992',
      '9007199254740993',
      '-9007199254740993',
      '123456789012345678901234567890',
    ];
    const values = long.flatMap((one) => [one, `[${one}]`, `{"a":${one}}`, `"${one}"`]);
    expect(new Set(values.map(field)).size).toBe(values.length);
    expect(field(' 9007199254740993 ')).toBe(field('9007199254740993'));
  });

  it('tells a long integer from an object that looks like its stand-in', () => {
    expect(field('9007199254740993')).not.toBe(field('{"":"9007199254740993"}'));
  });

  it.each(['1e400', '-1e400'])('tells %s from null', (beyond) => {
    expect(field(beyond)).not.toBe(field('null'));
  });

  // the same: both are read as Infinity
  it('tells numbers that are too large apart', () => {
    expect(field('1e400')).not.toBe(field('-1e400'));
  });

  it.each([
    ['1e16', '10000000000000000'],
    ['1e20', '100000000000000000000'],
    ['12345678901234567.0', '12345678901234567'],
    ['-1.5E+17', '-150000000000000000'],
    ['1e400', '10.0e399'],
  ])('knows that %s is %s', (one, other) => {
    expect(field(one)).toMatch(/^[0-9a-f]{64}$/);
    expect(field(one)).toBe(field(other));
  });

  it('tells whole numbers beyond 2^53 apart in all their forms', () => {
    const all = [
      '9007199254740993.0',
      '9007199254740992.0',
      '9007199254740993e1',
      '1e16',
      '1e17',
      '-1e16',
      '1e999999999999999999999',
    ];
    expect(new Set(all.map(field)).size).toBe(all.length);
  });

  it.each<readonly [string, string]>([
    ['a number of four million digits', '9'.repeat(4_000_000)],
    [
      'forty numbers of a hundred thousand',
      `[${Array.from({ length: 40 }, () => '9'.repeat(100_000)).join(',')}]`,
    ],
    ['very many names', `{${Array.from({ length: 200_000 }, (_, i) => `"n${i}":1`).join(',')}}`],
    ['very many objects', `[${'{},'.repeat(1_000_000)}{}]`],
    ['very many numbers', `[${'1e16,'.repeat(700_000)}1]`],
  ])('leaves %s alone', (_, value) => {
    expect(field(value)).toBeNull();
    expect(meaning(`{"model":"m","messages":[],"x":${value}}`, true)).toBeNull();
  });

  it('keeps nothing of the numbers that it has seen', () => {
    const seen = () => process.memoryUsage().heapUsed;
    const texts = (from: number) =>
      Array.from({ length: 100 }, (_, i) => `1.${String(from + i).repeat(20_000)}e999`);
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void; // V8's own
    for (const text of texts(0)) field(text);
    collect();
    const before = seen();
    for (let round = 1; round <= 5; round++) for (const text of texts(round * 1_000)) field(text);
    collect();
    expect(seen() - before).toBeLessThan(5_000_000);
  });

  it('knows many fields as it knows few', () => {
    const fields = Array.from({ length: 60 }, (_, i) => `"f${i}":${i}`);
    const text = (list: readonly string[]) => `{"model":"m","tools":[{${list.join(',')}}]}`;
    expect(meaning(text([...fields].reverse()))).toBe(meaning(text(fields)));
    expect(meaning(text(fields.with(7, '"f7":8')))).not.toBe(meaning(text(fields)));
    expect(meaning(text(fields.slice(1)))).not.toBe(meaning(text(fields)));
  });

  it('knows the order of keys only, not of lists', () => {
    const messages = (...said: string[]) =>
      meaning(JSON.stringify({ messages: said.map((content) => ({ role: 'user', content })) }));
    expect(messages('a', 'b')).not.toBe(messages('b', 'a'));
  });

  it('leaves out what cannot change a chat’s answer, at the top alone', () => {
    const ignored =
      'model models stream stream_options user metadata store safety_identifier prompt_cache_key prompt_cache_retention prompt_cache_options';
    for (const name of ignored.split(' ')) {
      expect(meaning(`{"messages":[],"${name}":{"a":1}}`), name).toBe(meaning('{"messages":[]}'));
      expect(field(`{"${name}":1}`), name).not.toBe(field('{}'));
    }
    for (const name of ['n', 'seed', 'logprobs', 'service_tier', 'User', 'streaming', ''])
      expect(meaning(`{"messages":[],"${name}":1}`), name).not.toBe(meaning('{"messages":[]}'));
  });

  it('takes another dialect by its own body, and its headers with it', () => {
    const text = '{"messages":[],"max_tokens":5,"stream":true,"model":"m"}';
    const dialect = (more: object, headers?: object) =>
      meaningOf(
        chat(text, { dialect: 'messages', body: { ...read(text), ...more }, ...(headers && { headers }) }),
        { strict: false },
      );
    expect(dialect({ stream: false, model: 'other' })).toBe(dialect({}));
    for (const more of [{ user: 'u' }, { metadata: {} }, { store: true }, { max_tokens: 6 }])
      expect(dialect(more), JSON.stringify(more)).not.toBe(dialect({}));
    const beta = dialect({}, { 'anthropic-beta': 'a' });
    expect(beta).not.toBe(dialect({}));
    expect(beta).not.toBe(dialect({}, { 'anthropic-beta': 'b' }));
    expect(dialect({}, { b: '1', a: '2' })).toBe(dialect({}, { a: '2', b: '1' }));
  });

  it('goes by the value where a stage has changed it', () => {
    const { native, ...rest } = chat('{"messages":[],"seed":1}') as Extract<Request, { operation: 'chat' }>;
    const changed = { ...rest, native, value: { ...rest.value, seed: 2 } } as Request;
    expect(meaningOf(changed, { strict: false })).toBe(meaning('{"messages":[],"seed":2}'));
  });

  it('is none for what is nested too deeply or too large, and throws nothing', () => {
    for (const strict of [false, true]) {
      for (const [open, close] of [
        ['[', ']'],
        ['{"a":', '}'],
      ] as const) {
        const deep = `{"messages":${open.repeat(100_000)}1${close.repeat(100_000)}}`;
        expect(meaning(deep, strict)).toBeNull();
        expect(meaning(deep.replace(/1(?=[\]}])/, '9007199254740993'), strict)).toBeNull();
      }
      expect(meaning(`{"messages":"${'x'.repeat(4_194_304)}"}`, strict)).toBeNull();
      expect(meaning(`{"messages":${'['.repeat(50)}1${']'.repeat(50)}}`, strict)).not.toBeNull();
    }
  });
});

describe('where answers are shared', () => {
  it.each([
    '{"a":1,"a":1}',
    '{"a":1,"b":2,"a":3}',
    `{"a":1,"a"${' '.repeat(200)}:2}`,
    '{"a":1,"a"\t\r\n :2}',
    '{"a":1,"\\u0061":2}',
    '{"\\"":1,"\\u0022":2}',
    '{"x":[1,{"y":{"a":[],"b":"}","a":{}}}]}',
    '{"a":{"b":1},"a":{"c":2}}',
    '{"":1,"":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"user":1,"user":2}',
  ])('nothing is told of a text that says a key twice: %s', (text) => {
    expect(meaning(text, true)).toBeNull();
    expect(meaning(text, false)).not.toBeNull();
  });

  it.each([
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":2}]',
    '{"x":["a","a","a"]}',
    '{"x":"{\\"a\\":1,\\"a\\":2}"}',
    '{"x":"\\\\","y":"\\\\\\"","z":"a\\":"}',
    '{"a":"a","b":"a : ","c":":"}',
    '{"a":1,"A":2,"a ":3,"\\u00e9":4,"e":5}',
    '{"a":{"b":1},"c":{"b":1},"b":1}',
  ])('a text that does not is no false alarm: %s', (text) => {
    expect(meaning(text, true)).toBe(meaning(text));
    expect(meaning(text, true)).not.toBeNull();
  });

  it('long texts full of escapes are read as well', () => {
    const text = JSON.stringify({ messages: 'a\n'.repeat(300_000), x: '"'.repeat(300_000) });
    expect(meaning(text, true)).toBe(meaning(text));
    expect(meaning(text, true)).not.toBeNull();
  });
});
