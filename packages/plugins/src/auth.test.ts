import { type Call, createCall, type Handler } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { auth } from './auth.ts';

const callWith = (state: Call['state'] = {}) =>
  createCall({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }, { state });
const ada = { id: 'ada' };
const setUp = () => {
  const asked: string[] = [];
  const passed: Call[] = [];
  const stage = auth({
    authenticate: async (key) => {
      asked.push(key);
      return key === 'good' ? ada : null;
    },
  });
  const next: Handler = async (call) => {
    passed.push(call);
    return 'the reply' as never;
  };
  return { asked, passed, stage, next };
};

describe('auth', () => {
  it('lets a known key through and says who it belongs to', async () => {
    const { passed, stage, next } = setUp();
    const call = callWith({ bearer: 'good' });
    expect(await stage(call, next)).toBe('the reply');
    expect(call.state.user).toBe(ada);
    expect(passed).toEqual([call]);
  });

  it.each([['bad'], [''], [undefined]])('refuses the key %j and calls nobody', async (bearer) => {
    const { passed, stage, next } = setUp();
    const refused = stage(callWith(bearer === undefined ? {} : { bearer }), next);
    await expect(refused).rejects.toMatchObject({
      class: 'unauthenticated',
      message: 'invalid or missing API key',
    });
    expect(passed).toEqual([]);
  });

  it('does not look up a key that is not there', async () => {
    const { asked, stage, next } = setUp();
    await stage(callWith(), next).catch(() => {});
    expect(asked).toEqual([]);
  });

  it('asks no more about somebody whom the edge has identified', async () => {
    const { asked, stage, next } = setUp();
    const eve = { id: 'eve' };
    const call = callWith({ bearer: 'bad', user: eve });
    await stage(call, next);
    expect(asked).toEqual([]);
    expect(call.state.user).toBe(eve);
  });

  it('does not let anybody through where the look-up fails', async () => {
    const { passed, next } = setUp();
    const stage = auth({ authenticate: () => Promise.reject(new Error('down')) });
    await expect(stage(callWith({ bearer: 'good' }), next)).rejects.toThrow('down');
    expect(passed).toEqual([]);
  });
});
