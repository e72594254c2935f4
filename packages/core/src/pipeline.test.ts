import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { run } from './engine/run.ts';
import { createCall, type Handler, type Middleware, pipeline } from './pipeline.ts';
import { scripted, virtualClock } from './testing/index.ts';

const clock = virtualClock();
const HI = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const answering = (say = 'hi') => {
  const target = scripted('p:m', [{ say }], { clock });
  const handler: Handler = (call) =>
    run({ attempt: { target, facts: target.facts(call) }, why: '' }, call, { clock, random: () => 0 });
  return { target, handler };
};
const pass: Middleware = (call, next) => next(call);
const noting =
  (seen: string[], name: string): Middleware =>
  async (call, next) => {
    seen.push(`${name} in`);
    const reply = await next(call);
    seen.push(`${name} out`);
    return reply;
  };

describe('pipeline', () => {
  it('runs the first stage outermost', async () => {
    const seen: string[] = [];
    const { handler } = answering();
    const gateway = pipeline().use('a', noting(seen, 'a')).use('b', noting(seen, 'b')).to(handler);
    await gateway.chat(HI, { clock });
    expect(seen).toEqual(['a in', 'b in', 'b out', 'a out']);
    expect(gateway.stages).toEqual(['a', 'b']);
  });

  it('inserts before and after, replaces and leaves out by name', () => {
    const whole = pipeline().use('a', pass).use('b', pass);
    expect(whole.before('a', 'x', pass).stages).toEqual(['x', 'a', 'b']);
    expect(whole.after('a', 'x', pass).stages).toEqual(['a', 'x', 'b']);
    expect(whole.after('b', 'x', pass).stages).toEqual(['a', 'b', 'x']);
    expect(whole.without('a').stages).toEqual(['b']);
    expect(whole.replace('b', pass).stages).toEqual(['a', 'b']);
  });

  it('runs the stage that replaced another, in its place', async () => {
    const seen: string[] = [];
    const whole = pipeline().use('a', noting(seen, 'old')).use('b', noting(seen, 'b'));
    await whole.replace('a', noting(seen, 'new')).to(answering().handler).chat(HI, { clock });
    expect(seen).toEqual(['new in', 'b in', 'b out', 'new out']);
  });

  it('returns a new pipeline each time and never changes the old one', () => {
    const first = pipeline().use('a', pass);
    first.use('b', pass);
    first.without('a');
    expect(first.stages).toEqual(['a']);
  });

  it.each<[string, () => unknown, string]>([
    ['before', () => pipeline().use('a', pass).before('z', 'x', pass), 'no stage named "z"; there are: a'],
    ['after', () => pipeline().use('a', pass).use('b', pass).after('z', 'x', pass), 'there are: a, b'],
    ['replace', () => pipeline().replace('z', pass), 'no stage named "z"; there are: none'],
    ['without', () => pipeline().without('z'), 'no stage named "z"; there are: none'],
  ])('%s names the stages that there are', (_, make, message) => {
    expect(make).toThrow(message);
  });

  it('refuses a second stage of the same name', () => {
    expect(() => pipeline().use('a', pass).use('a', pass)).toThrow('a stage named "a" is there already');
  });

  it('refuses what is not a function, by the name of the stage', () => {
    expect(() => pipeline().use('a', {} as Middleware)).toThrow('stage "a" is not a function');
  });
});

describe('next', () => {
  it('may not run at all', async () => {
    const { target, handler } = answering();
    const cached = await handler(createCall(HI, { clock }));
    const gateway = pipeline()
      .use('cache', async () => cached)
      .to(handler);
    expect(await gateway.chat(HI, { clock })).toBe(cached);
    expect(target.calls).toHaveLength(1);
  });

  it('may run many times', async () => {
    const { target, handler } = answering();
    const thrice: Middleware = async (call, next) => {
      await next(call);
      await next(call);
      return next(call);
    };
    await pipeline().use('thrice', thrice).to(handler).chat(HI, { clock });
    expect(target.calls).toHaveLength(3);
  });

  it('hands errors back to the stage outside', async () => {
    const { handler } = answering('rescued');
    const rescue: Middleware = (call, next) => next(call).catch(() => handler(call));
    const broken: Middleware = () => Promise.reject(new Error('broken'));
    const reply = await pipeline()
      .use('rescue', rescue)
      .use('broken', broken)
      .to(handler)
      .chat(HI, { clock });
    expect(reply.kind === 'completion' && reply.json().choices[0]?.message.content).toBe('rescued');
  });
});

describe('chat', () => {
  it('refuses a request without messages and blames the field', async () => {
    const gateway = pipeline().to(answering().handler);
    for (const messages of [[], undefined])
      await expect(gateway.chat({ model: 'm', messages: messages as never })).rejects.toMatchObject({
        class: 'invalid_request',
        details: { param: 'messages' },
      });
  });

  it('makes a call of what it is given', async () => {
    const { signal } = new AbortController();
    const call = createCall(HI, {
      id: 'x',
      signal,
      deadlineMs: 50,
      clock,
      state: { timeouts: { idleMs: 1 } },
    });
    expect(call).toMatchObject({ id: 'x', trail: [], state: { timeouts: { idleMs: 1 } } });
    expect(call.signal).toBe(signal);
    expect(call.budget.timeLeft()).toBe(50);
  });

  it('leaves no listeners behind on the signal of calls that have none of their own', async () => {
    const gateway = pipeline().to(answering().handler);
    for (let i = 0; i < 5; i++) await gateway.chat(HI, { clock });
    expect(getEventListeners(createCall(HI).signal, 'abort')).toHaveLength(0);
  });
});
