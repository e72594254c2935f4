import type { ChatRequest } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { HELLO, made } from '../../../test/support/exchange.ts';
import {
  allOf,
  dropping,
  FEATURES,
  type Feature,
  featuresThatAre,
  refusing,
  type Treatments,
  unsupported,
} from './features.ts';
import { deepseek, groq, openai } from './index.ts';

const names = Object.keys(FEATURES) as Feature[]; // the keys are the list's own

/** Leaves out of a body, and says what was told. */
function left(body: Record<string, unknown>, treatments: Treatments) {
  const told: string[] = [];
  const copy = { ...body };
  dropping(treatments)(copy, (param) => told.push(param));
  return { body: copy, told };
}

describe('features', () => {
  it.each(names)('know when %s is not asked for', (name) => {
    const nothing = {
      ...HELLO,
      tools: null,
      response_format: null,
      n: 1,
      stop: null,
      store: false,
      user: '',
    };
    expect(FEATURES[name].asked(nothing)).toBe(false);
    expect(FEATURES[name].asked(HELLO)).toBe(false);
  });

  it('are all native unless a table says otherwise', () => {
    expect(Object.keys(allOf({})).sort()).toEqual([...names].sort());
    expect(new Set(Object.values(allOf({})))).toEqual(new Set(['native']));
    expect(allOf({ seed: 'dropped' })).toMatchObject({ seed: 'dropped', user: 'native' });
  });

  it('are listed by treatment in their own order', () => {
    const table: Treatments = { store: 'dropped', seed: 'dropped', 'n > 1': 'refused' };
    expect(featuresThatAre('dropped', table)).toEqual(['seed', 'store']);
    expect(featuresThatAre('refused', table)).toEqual(['n > 1']);
  });

  it('are told by each provider for people to read', () => {
    expect(made(groq).features).toMatchObject({ logprobs: 'refused', store: 'dropped', tools: 'native' });
    expect(made(deepseek).features).toMatchObject({ 'JSON schema': 'emulated', images: 'refused' });
    expect(made(openai).features).toMatchObject({ 'functions (legacy)': 'native', 'n > 1': 'native' });
  });
});

describe('dropping', () => {
  it.each([
    [{ seed: 0 }, ['seed']],
    [{ seed: 7 }, ['seed']],
    [{ seed: null }, []],
    [{ store: false }, []],
    [{ store: true }, ['store']],
    [{ user: '' }, []],
    [{ user: 'u', safety_identifier: 's' }, ['user', 'safety_identifier']],
    [{}, []],
    [{ other: 1 }, []],
  ])('of %j tells %j, and leaves nothing of it', (body, told) => {
    const out = left(body, { seed: 'dropped', store: 'dropped', user: 'dropped' });
    expect(out.told).toEqual(told);
    for (const field of ['seed', 'store', 'user', 'safety_identifier'])
      expect(out.body).not.toHaveProperty(field);
    if ('other' in body) expect(out.body).toEqual(body);
  });

  it('of calls one by one is told where it was asked for, and only there', () => {
    const tools = [{ type: 'function', function: { name: 'f' } }];
    const table: Treatments = { 'parallel_tool_calls: false': 'dropped' };
    expect(left({ tools, parallel_tool_calls: false }, table).told).toEqual(['parallel_tool_calls']);
    expect(left({ tools, parallel_tool_calls: true }, table).told).toEqual([]);
    expect(left({ tools, parallel_tool_calls: false }, table).body).toEqual({ tools });
  });
});

describe('refusing', () => {
  const parts = (...content: unknown[]) =>
    ({ messages: [{ role: 'user', content }] }) as Partial<ChatRequest>; // hostile in some
  const refuse = (feature: Feature, request: Partial<ChatRequest>) =>
    refusing({ [feature]: 'refused' })({ ...HELLO, ...request });

  it.each<[Feature, Partial<ChatRequest>]>([
    ['tools', { tools: [{ type: 'function' }] }],
    ['tools', { tools: [{}] }],
    ['custom tools', { tools: [{ type: 'function' }, { type: 'custom' }] }],
    ['hosted tools', { tools: [{ type: 'web_search' }] }],
    ['dated hosted tools', { tools: [{ type: 'bash_20250124' }] }],
    ['forced tool choice', { tool_choice: 'required' }],
    ['forced tool choice', { tool_choice: { type: 'function', function: { name: 'f' } } }],
    ['images', parts({ type: 'text', text: 'x' }, { type: 'image_url' })],
    ['audio output', { modalities: ['audio'] }],
    ['JSON output with tools', { tools: [{}], response_format: { type: 'json_schema' } }],
    ['n > 1', { n: 2 }],
    ['logprobs', { logprobs: true }],
    ['penalties', { frequency_penalty: 0.1 }],
    ['functions (legacy)', { functions: [{ name: 'f' }] }],
  ])('%s meets %j, and names the field', (feature, request) => {
    expect(refuse(feature, request)).toMatchObject({
      class: 'unsupported',
      details: { param: FEATURES[feature].param, code: 'unsupported_parameter' },
    });
  });

  it.each<[Feature, Partial<ChatRequest>]>([
    ['tools', { tools: [] }],
    ['hosted tools', { tools: [{ type: 'function' }, { type: 'custom' }] }],
    ['dated hosted tools', { tools: [{ type: 'web_search' }] }],
    ['forced tool choice', { tool_choice: 'none' }],
    ['forced tool choice', { tool_choice: { type: 'allowed_tools' } }],
    ['JSON output with tools', { tools: [{}], response_format: { type: 'text' } }],
    ['JSON output with tools', { response_format: { type: 'json_object' } }],
    ['images', parts(null, 7, 'image_url', { type: ['image_url'] })],
  ])('%s lets %j pass', (feature, request) => {
    expect(refuse(feature, request)).toBeNull();
  });

  it('looks at nothing where nothing is refused', () => {
    expect(refusing({ seed: 'dropped', tools: 'native' })({ ...HELLO, tools: [{}], seed: 1 })).toBeNull();
  });

  it('names the field where there is no better word', () => {
    expect(unsupported('stop').message).toBe('this provider cannot honour "stop"');
  });
});
