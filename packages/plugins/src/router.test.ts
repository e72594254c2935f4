import { type Call, createCall, type PlanContext, pipeline, type Reply, type Tier } from '@inferbridge/core';
import { type Act, scripted, seededRandom, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { planCall, type Resolve, router } from './router.ts';
import { ab } from './strategies/ab.ts';
import { priority } from './strategies/priority.ts';

type Acts = readonly [Act, ...Act[]];
const HI = [{ role: 'user', content: 'hi' }];

function setUp() {
  const clock = virtualClock();
  const host = { clock, random: seededRandom(1) };
  const target = (id: string, acts: Acts) => scripted(id, acts, { clock });
  const callOf = (model = 'fast', state: Call['state'] = {}) =>
    createCall({ model, messages: HI }, { clock, state });
  return { clock, host, target, callOf };
}
const said = (reply: Reply) => reply.kind === 'completion' && reply.json().choices[0]?.message.content;

describe('router in code', () => {
  it('finds the tier by the model’s name and answers', async () => {
    const { host, clock, target } = setUp();
    const gateway = pipeline().to(
      router(
        {
          fast: priority([target('a:m', [{ fail: 'bad_credential' }]), target('b:m', [{ say: 'from b' }])]),
          slow: priority([target('c:m', [{ say: 'from c' }])]),
        },
        { host },
      ),
    );
    expect(said(await gateway.chat({ model: 'fast', messages: HI }, { clock }))).toBe('from b');
    expect(said(await gateway.chat({ model: 'slow', messages: HI }, { clock }))).toBe('from c');
  });

  it('names the known ones where there is no such model', async () => {
    const { host, target, callOf } = setUp();
    const routes = {
      fast: priority([target('a:m', [{ say: 'x' }])]),
      slow: priority([target('b:m', [{ say: 'x' }])]),
    };
    await expect(router(routes, { host })(callOf('other'))).rejects.toMatchObject({
      class: 'model_not_found',
      message: 'no route for model "other"; known: fast, slow',
      details: { param: 'model' },
    });
  });

  it('deals the experiments of two tiers apart, and those of one tier alike wherever it stands', async () => {
    const { clock, host, target } = setUp();
    const two = () => [target('a:m', [{ say: 'x' }]), target('b:m', [{ say: 'x' }])];
    const one = ab(two());
    const gateway = pipeline().to(
      router({ one, other: ab(two()), outer: priority([one, target('c:m', [{ say: 'x' }])]) }, { host }),
    );
    const same = { other: 0, outer: 0 };
    for (let i = 0; i < 200; i++) {
      const arm = async (model: string) => {
        const options = { clock, state: { user: { id: `u${i}` } } };
        return (await gateway.chat({ model, messages: HI }, options)).by.provider;
      };
      for (const model of ['other', 'outer'] as const)
        if ((await arm('one')) === (await arm(model))) same[model] += 1;
    }
    expect(same.outer).toBe(200);
    expect(Math.abs(same.other - 100)).toBeLessThan(35);
  });

  it.each(['__proto__', 'constructor', 'toString'])('does not take "%s" for a route', async (name) => {
    const { host, target, callOf } = setUp();
    const handler = router({ fast: priority([target('a:m', [{ say: 'x' }])]) }, { host });
    await expect(handler(callOf(name))).rejects.toMatchObject({ class: 'model_not_found' });
  });

  it('puts cool-downs, breakers and timers around every target, nested ones too', async () => {
    const { clock, host, target, callOf } = setUp();
    const a = target('a:m', [{ fail: 'rate_limited', details: { retryAfterMs: 60_000 } }]);
    const b = target('b:m', [{ say: 'from b' }]);
    const handler = router({ fast: priority([priority([a]), b]) }, { host });
    await handler(callOf());
    const call = callOf();
    expect(said(await handler(call))).toBe('from b');
    expect(a.calls).toHaveLength(1);
    expect(call.trail).toMatchObject([
      {
        provider: 'a',
        outcome: 'skipped',
        why: 'cooling down after a rate limit',
        until: clock.wall() + 60_000,
      },
      { provider: 'b', outcome: 'ok' },
    ]);
  });

  it('stops asking a target that keeps failing', async () => {
    const { host, target, callOf } = setUp();
    const a = target('a:m', [{ fail: 'server_error' }]);
    const handler = router({ fast: priority([a, target('b:m', [{ say: 'from b' }])]) }, { host });
    for (let i = 0; i < 8; i++) expect(said(await handler(callOf()))).toBe('from b');
    expect(a.calls).toHaveLength(5);
  });

  it('lets one of fifty be the probe, and the others go on to the next', async () => {
    const { clock, host, target, callOf } = setUp();
    const a = target('a:m', [
      ...(Array(5).fill({ fail: 'server_error' }) as [Act]),
      { say: 'from a', afterMs: 10 },
    ]);
    const b = target('b:m', [{ say: 'from b' }]);
    const handler = router({ fast: priority([a, b]) }, { host });
    for (let i = 0; i < 5; i++) await handler(callOf());
    await clock.advance(40_000);
    const going = Promise.all(Array.from({ length: 50 }, () => handler(callOf())));
    await clock.advance(10);
    const answers = (await going).map(said);
    expect([answers.filter((text) => text === 'from a').length, a.calls.length]).toEqual([1, 6]);
    expect(answers.filter((text) => text === 'from b')).toHaveLength(49);
  });

  it('takes other layers where they are given', async () => {
    const { host, target, callOf } = setUp();
    const a = target('a:m', [{ fail: 'server_error' }]);
    const handler = router({ fast: priority([a]) }, { host: { ...host, random: () => 0 }, layers: [] });
    for (let i = 0; i < 4; i++) await handler(callOf()).catch(() => {});
    // four requests, and the three further tries that the retry budget has; a breaker would have stopped at five
    expect(a.calls).toHaveLength(7);
  });
});

describe('router with a function', () => {
  const tierOf =
    (tier: Tier, more: object = {}): Resolve =>
    async () => ({ name: 'fast', tier, ...more });

  it('runs the route as it says: retries, timers, money', async () => {
    const { host, target, callOf } = setUp();
    const a = target('a:m', [{ fail: 'server_error' }]);
    const call = callOf();
    const handler = router(
      tierOf(priority([a]), { run: { retries: 0 }, timeouts: { idleMs: 7 }, maxUsd: 2 }),
      { host },
    );
    await handler(call).catch(() => {});
    expect(a.calls).toHaveLength(1);
    expect(call.state.timeouts).toEqual({ idleMs: 7 });
    expect(call.budget.usdLeft()).toBe(2);
  });

  it('leaves timers alone that the call brought along', async () => {
    const { host, target, callOf } = setUp();
    const call = callOf('fast', { timeouts: { idleMs: 1 } });
    await router(tierOf(priority([target('a:m', [{ say: 'x' }])]), { timeouts: { idleMs: 7 } }), { host })(
      call,
    );
    expect(call.state.timeouts).toEqual({ idleMs: 1 });
  });

  it('refuses where no target is left, by the name of the route', async () => {
    const { host, callOf } = setUp();
    await expect(router(tierOf(priority([])), { host })(callOf())).rejects.toMatchObject({
      class: 'invalid_request',
      message: 'no target is left for fast',
    });
  });
});

describe('planCall', () => {
  it('plans once and remembers it on the call', async () => {
    const { host, target, callOf } = setUp();
    let asked = 0;
    const tier = priority([target('a:m', [{ say: 'x' }])]);
    const resolve: Resolve = () => {
      asked += 1;
      return { name: 'fast', tier };
    };
    const call = callOf();
    const planned = await planCall(call, resolve, host);
    expect(await planCall(call, resolve, host)).toBe(planned);
    expect(asked).toBe(1);
    expect(call.state.route).toBe(planned);
    expect(planned).toMatchObject({ name: 'fast', request: { inputTokens: 1, stream: false } });
  });

  it('is what the router then runs', async () => {
    const { host, target, callOf } = setUp();
    const a = target('a:m', [{ say: 'planned' }]);
    const call = callOf();
    await planCall(call, () => ({ name: 'fast', tier: priority([a]) }), host);
    const never: Resolve = () => {
      throw new Error('asked twice');
    };
    expect(said(await router(never, { host })(call))).toBe('planned');
  });

  it('tells the strategy the time, the user, the session and the request', async () => {
    const { clock, host, target } = setUp();
    await clock.advance(9);
    const seen: PlanContext[] = [];
    const tier: Tier = {
      strategy: (choices, context) => {
        seen.push(context);
        return { inOrder: choices.map(({ plan }) => plan) };
      },
      targets: [target('a:m', [{ say: 'x' }])],
    };
    const call = createCall(
      { model: 'fast', messages: HI, stream: true, max_tokens: 5 },
      { clock, state: { user: { id: 'ada' }, session: 's1' } },
    );
    await planCall(call, () => ({ name: 'fast', tier }), host);
    expect(seen).toMatchObject([
      { now: 9, user: 'ada', session: 's1', request: { stream: true, maxOutputTokens: 5 } },
    ]);
  });
});
