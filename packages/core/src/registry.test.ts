import { describe, expect, it } from 'vitest';
import { defineLayer, defineStrategy, type Plugin } from './plugin.ts';
import { createRegistry, isPlugin } from './registry.ts';

const strategy = (name: string) => defineStrategy({ name, create: () => () => ({ inOrder: [] }) });
const layer = (name: string) => defineLayer({ name, create: () => (target) => target });

describe('createRegistry', () => {
  it('finds a plugin by kind and name', () => {
    const coin = strategy('coin');
    expect(createRegistry([coin, layer('trace')]).get('strategy', 'coin')).toBe(coin);
  });

  it('lets two kinds share a name', () => {
    const registry = createRegistry([strategy('same'), layer('same')]);
    expect(registry.get('layer', 'same').plugin).toBe('layer');
    expect(registry.get('strategy', 'same').plugin).toBe('strategy');
  });

  it('refuses a second one of a kind and name', () => {
    const registry = createRegistry([strategy('coin')]);
    expect(() => registry.add(strategy('coin'))).toThrow('there is a strategy named "coin" already');
  });

  it('names the known ones where it knows none of that name', () => {
    const registry = createRegistry([strategy('coin'), strategy('priority')]);
    expect(() => registry.get('strategy', 'dice')).toThrow('no strategy named "dice"; known: coin, priority');
    expect(() => registry.get('layer', 'dice')).toThrow('no layer named "dice"; known: none');
  });

  it('refuses what is not a plugin', () => {
    expect(() => createRegistry([{ name: 'x' } as unknown as Plugin])).toThrow('not a plugin');
  });

  it('lists names and says whether it has one', () => {
    const registry = createRegistry([strategy('b'), strategy('a')]);
    expect(registry.names('strategy')).toEqual(['b', 'a']);
    expect(registry.names('store')).toEqual([]);
    expect(registry.has('strategy', 'a')).toBe(true);
    expect(registry.has('store', 'a')).toBe(false);
  });
});

describe('isPlugin', () => {
  it.each([null, undefined, 'x', {}, { plugin: 'layer', name: 'x' }, { plugin: 1, name: 'x', init() {} }])(
    'is false for %o',
    (value) => {
      expect(isPlugin(value)).toBe(false);
    },
  );

  it('is true for a strategy, which is a function', () => {
    expect(isPlugin(strategy('coin'))).toBe(true);
  });
});
