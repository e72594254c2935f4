import { expect, it } from 'vitest';
import { needsResponses, reasons } from './models.ts';

const TOOLS = [{ type: 'function', function: { name: 'weather' } }];
const asking = (model: string, fields: Record<string, unknown> = {}) =>
  needsResponses({ model, messages: [], tools: TOOLS, ...fields }, model);

it.each([
  ['gpt-4.1', {}, false],
  ['gpt-4o-mini', { reasoning_effort: 'high' }, false],
  ['gpt-oss-120b', { reasoning_effort: 'high' }, false],
  ['o4-mini', { reasoning_effort: 'high' }, false],
  ['gpt-5', { reasoning_effort: 'high' }, false],
  ['gpt-5.2', { reasoning_effort: 'high' }, false],
  ['gpt-5.4', {}, false],
  ['gpt-5.4-mini', { reasoning_effort: 'none' }, false],
  ['gpt-5.4-mini', { reasoning_effort: 'low' }, true],
  ['gpt-5.5-2026-08-01', { reasoning_effort: 'low' }, true],
  ['gpt-5.4-chat-latest', { reasoning_effort: 'low' }, false],
  ['gpt-5.6-sol', {}, true],
  ['gpt-5.6-sol', { reasoning_effort: 'none' }, false],
  ['gpt-5.7', {}, true],
  ['gpt-5.40', {}, true],
  ['gpt-6.1-terra', {}, true],
  ['gpt-6.1-terra', { reasoning_effort: 'none' }, false],
  ['gpt-6-luna', { reasoning_effort: null }, true],
  ['gpt-6-astra', { reasoning_effort: 'none' }, true],
  ['ft:gpt-6-luna:acme', {}, true],
  ['gpt-7', {}, true],
  ['gpt-11.2-nova', {}, true],
])('%s with tools and %j goes to /v1/responses: %s', (model, fields, expected) => {
  expect(asking(model, fields)).toBe(expected);
});

it('stays with chat where there are no tools', () => {
  expect(asking('gpt-6-astra', { tools: [] })).toBe(false);
  expect(asking('gpt-6.1-sol', { tools: null, reasoning_effort: 'high' })).toBe(false);
});

it('counts the functions of old as tools', () => {
  expect(asking('gpt-6.1-sol', { tools: undefined, functions: [{ name: 'weather' }] })).toBe(true);
});

it('knows who reasons', () => {
  expect(['gpt-4.1', 'gpt-5', 'o3', 'gpt-6-luna', 'gpt-9'].map(reasons)).toEqual([
    false,
    true,
    true,
    true,
    true,
  ]);
});
