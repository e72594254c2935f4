import { describe, expect, it } from 'vitest';
import { chunksOf } from './chat.ts';
import { createHost } from './host.ts';
import { createCall } from './pipeline.ts';
import {
  bind,
  defineLayer,
  defineMiddleware,
  defineProvider,
  defineStore,
  defineStrategy,
  type Schema,
} from './plugin.ts';
import { providerContract } from './testing/index.ts';

const host = createHost({ transport: () => Promise.reject(new TypeError('no network')) });

/** Wants `{ size: number }`. */
const sized: Schema<{ size: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const { size, ...more } = value as Record<string, unknown>;
      const odd = Object.keys(more).map((key) => ({ message: 'unknown', path: ['deep', { key }] }));
      if (typeof size !== 'number')
        return { issues: [{ message: 'a number is wanted', path: ['size'] }, ...odd] };
      return odd.length > 0 ? { issues: odd } : { value: { size: size * 2 } };
    },
  },
};
const echo = defineProvider({
  name: 'echo',
  create: () => ({
    async *chat({ messages }) {
      yield* chunksOf(`you said ${String(messages.at(-1)?.content)}`);
    },
  }),
});

describe('define', () => {
  it('hands on what the schema made of the options', () => {
    const layer = defineLayer({
      name: 'box',
      options: sized,
      create:
        ({ size }) =>
        (target) => ({ ...target, model: `${size}` }),
    });
    const bare = bind(echo, {}, host).model('m');
    expect(layer.init({ size: 4 }, host)(bare).model).toBe('8');
  });

  it('names the plugin, the option and what is wrong with it', () => {
    const store = defineStore({ name: 'box', options: sized, create: () => new Map() as never });
    expect(() => store.init({ size: 'x' }, host)).toThrow('store box: size: a number is wanted');
  });

  it('names every option that is wrong, by its whole path', () => {
    const store = defineStore({ name: 'box', options: sized, create: () => new Map() as never });
    expect(() => store.init({ colour: 1 }, host)).toThrow(
      'store box: size: a number is wanted; deep.colour: unknown',
    );
  });

  it('checks missing options as empty ones', () => {
    const store = defineStore({ name: 'box', options: sized, create: () => new Map() as never });
    expect(() => store.init(undefined, host)).toThrow('size: a number is wanted');
  });

  it('takes no options without a schema, and names those that it got', () => {
    const middleware = defineMiddleware({ name: 'plain', create: () => (call, next) => next(call) });
    expect(() => middleware.init({ a: 1, b: 2 }, host)).toThrow(
      'middleware plain takes no options, but got: a, b',
    );
    expect(middleware.init(undefined, host)).toBeTypeOf('function');
    expect(middleware.init({}, host)).toBeTypeOf('function');
  });

  it('refuses a schema that checks asynchronously', () => {
    const later: Schema<object> = {
      '~standard': { version: 1, vendor: 'test', validate: async () => ({ value: {} }) },
    };
    const plugin = defineMiddleware({
      name: 'slow',
      options: later,
      create: () => (call, next) => next(call),
    });
    expect(() => plugin.init({}, host)).toThrow('middleware slow: a schema that checks asynchronously');
  });

  it.each(['', 'Two', 'two words', '9th', 'ü'])('refuses the name "%s"', (name) => {
    expect(() => defineStore({ name, create: () => new Map() as never })).toThrow(TypeError);
  });
});

describe('defineStrategy', () => {
  const first = defineStrategy({
    name: 'first',
    options: sized,
    create:
      ({ size }) =>
      (choices) => ({ inOrder: choices.slice(0, size).map(({ plan }) => plan) }),
  });

  it('makes a plugin that is also a function for those who compose in code', () => {
    const target = bind(echo, {}, host).model('m');
    const tier = first([target], { size: 1 });
    expect(tier.targets).toEqual([target]);
    expect(tier.strategy([], { request: {} } as never)).toEqual({ inOrder: [] });
    expect([first.plugin, first.name]).toEqual(['strategy', 'first']);
  });

  it('checks its options when the tier is made', () => {
    expect(() => first([], { size: 'x' })).toThrow('strategy first: size: a number is wanted');
  });
});

describe('bind', () => {
  it('makes targets of a provider under one credential', () => {
    const target = bind(echo, { apiKey: 'secret' }, host).model('m', { window: 100, residency: 'eu' });
    expect(target).toMatchObject({ id: 'echo:m', provider: 'echo', model: 'm', residency: 'eu' });
    expect(target.credential).not.toContain('secret');
    expect(target.facts(createCall({ model: 'm', messages: [] })).window).toBe(100);
  });
});

describe('a provider written as a generator', () => {
  for (const { name, run } of providerContract({ plugin: echo, model: 'm' })) it(name, run);
});
