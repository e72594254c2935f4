import { createEnding, type Reply } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { type Block, blockOf, deltaWithBlock, usd, withBlock } from './block.ts';

const reply = (more: Partial<Pick<Reply, 'cached' | 'cost'>> = {}): Reply => ({
  kind: 'completion',
  by: { provider: 'groq', model: 'openai/gpt-oss-20b', residency: 'global' },
  ending: createEnding(),
  usage: () => null,
  cost: () => 0.001234,
  bytes: new Uint8Array(),
  json: () => ({ id: '', object: '', created: 0, model: '', choices: [] }),
  ...more,
});
const facts = { mode: 'ib/cheap', requestId: 'req-1', latencyMs: 12.6 };
const block: Block = blockOf(reply(), facts);

describe('blockOf', () => {
  it('has every documented field', () => {
    expect(block).toEqual({
      provider: 'groq',
      model: 'openai/gpt-oss-20b',
      mode: 'ib/cheap',
      cache_hit: false,
      latency_ms: 13,
      cost_usd: '0.001234',
      residency_actual: 'global',
      request_id: 'req-1',
    });
  });

  it('prints zeros where the cost is unknown', () => {
    expect(blockOf(reply({ cost: () => null }), facts).cost_usd).toBe('0.000000');
  });

  it.each(['hit', 'stale', 'coalesced'] as const)(
    'names the cache and the original, and no cost, where the reply is %s',
    (cached) => {
      expect(blockOf(reply({ cached }), facts)).toMatchObject({
        provider: 'cache',
        model: 'groq:openai/gpt-oss-20b',
        cache_hit: true,
        cost_usd: '0.000000',
        residency_actual: 'cache',
      });
    },
  );

  it.each([
    [null, '0.000000'],
    [0, '0.000000'],
    [1.5, '1.500000'],
    [0.0000004, '0.000000'],
    [0.0000006, '0.000001'],
    [12345.6789, '12345.678900'],
  ])('%s dollars are "%s"', (money, expected) => {
    expect(usd(money)).toBe(expected);
  });
});

describe('withBlock', () => {
  it.each([
    ['a small body', '{"id":"x","choices":[]}'],
    ['odd white space', '{ "id" : "x",\n  "n": 1e2 ,"choices":[ {"a":{}} ] }\n\n'],
    ['braces in a text at the end', '{"id":"x","text":"a } b {"}'],
    ['characters of several bytes', `{"id":"x","text":"${'🙂é'.repeat(40)}"}`],
    ['a nested end', '{"a":{"b":{"c":{}}}}'],
    ['an empty object', '{}'],
    ['an empty object with space', '{ \n }'],
  ])('keeps the rest of %s byte for byte', (_, text) => {
    const bytes = Buffer.from(text);
    const out = withBlock(bytes, block);
    const end = bytes.lastIndexOf('}');
    expect(out.subarray(0, end).equals(bytes.subarray(0, end))).toBe(true);
    expect(JSON.parse(out.toString())).toEqual({ ...JSON.parse(text), inferbridge: block });
  });

  it('leaves the given bytes as they were, also where they are part of a larger buffer', () => {
    const large = Buffer.from('xxxx{"a":1}yyyy}');
    const part = new Uint8Array(large.buffer, large.byteOffset + 4, 7);
    expect(JSON.parse(withBlock(part, block).toString())).toEqual({ a: 1, inferbridge: block });
    expect(large.toString()).toBe('xxxx{"a":1}yyyy}');
  });

  it('wins over a block that the upstream itself wrote', () => {
    const out = withBlock(Buffer.from('{"inferbridge":{"provider":"evil"},"id":"x"}'), block);
    expect(JSON.parse(out.toString()).inferbridge).toEqual(block);
  });

  it('escapes what stands in its own texts', () => {
    const odd = { ...block, model: 'a"}\n\u2028é' };
    expect(JSON.parse(withBlock(Buffer.from('{"a":1}'), odd).toString()).inferbridge).toEqual(odd);
  });
});

describe('deltaWithBlock', () => {
  it('adds the block and changes nothing in place', () => {
    const delta = { content: 'a' };
    expect(deltaWithBlock(delta, block)).toEqual({ content: 'a', inferbridge: block });
    expect(delta).toEqual({ content: 'a' });
  });
});
