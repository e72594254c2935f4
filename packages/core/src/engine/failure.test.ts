import { describe, expect, it } from 'vitest';
import { type ErrorClass, type ErrorDetails, GatewayError } from '../errors.ts';
import { createCall } from '../pipeline.ts';
import type { Blocked } from '../target.ts';
import { scripted, virtualClock } from '../testing/index.ts';
import { classOf, ExhaustedError, type Failure, type Verdict, verdictOf } from './failure.ts';

const clock = virtualClock();
const candidateOf = (id: string) => {
  const target = scripted(id, [{ say: 'hi' }], { clock });
  return { target, facts: target.facts(createCall({ model: 'm', messages: [] }, { clock })) };
};
const failed = (name: ErrorClass, details: ErrorDetails = {}, id = 'p:m', at = 0): Failure => ({
  candidate: candidateOf(id),
  error: new GatewayError(name, 'upstream words', details),
  blocked: null,
  at,
});
const kept = (blocked: Blocked['blocked'], forMs: number | null = null, id = 'q:m', at = 0): Failure => ({
  candidate: candidateOf(id),
  error: null,
  blocked: { blocked, why: `is ${blocked}`, forMs },
  at,
});
const WALL = Date.UTC(2026, 0, 1, 12, 0, 0);

describe('verdictOf', () => {
  it.each<[string, readonly Failure[], Verdict]>([
    ['all limited', [failed('rate_limited'), failed('rate_limited')], 'rate_limited'],
    ['a limit and a cool-down', [failed('rate_limited'), kept('cooling')], 'rate_limited'],
    ['all cooling down', [kept('cooling'), kept('cooling')], 'rate_limited'],
    ['all too slow', [failed('timeout'), failed('timeout')], 'timeout'],
    ['server errors', [failed('server_error'), failed('overloaded')], 'upstream'],
    ['nobody reached', [failed('unreachable'), failed('unreachable')], 'upstream'],
    ['unreadable answers', [failed('malformed')], 'upstream'],
    ['timeouts among server errors', [failed('timeout'), failed('server_error')], 'upstream'],
    ['open breakers', [kept('open'), kept('probing')], 'upstream'],
    ['a full bulkhead', [kept('full')], 'mixed'],
    ['a limit among server errors', [failed('rate_limited'), failed('server_error')], 'mixed'],
    ['a limit among timeouts', [failed('rate_limited'), failed('timeout')], 'mixed'],
    ['a cool-down beside an open breaker', [kept('cooling'), kept('open')], 'mixed'],
    ['all keys refused', [failed('bad_credential'), kept('bad_credential')], 'bad_credential'],
    ['all out of money', [failed('quota_exhausted'), kept('quota_exhausted')], 'quota_exhausted'],
    ['nobody has the model', [failed('model_not_found'), failed('model_not_found')], 'model_not_found'],
    ['nobody can honour it', [failed('unsupported')], 'unsupported'],
    ['it fits into none', [failed('context_length'), failed('context_length')], 'context_length'],
    ['a refused key among limits', [failed('bad_credential'), failed('rate_limited')], 'rate_limited'],
    ['a missing model among timeouts', [failed('model_not_found'), failed('timeout')], 'timeout'],
    ['an empty account among server errors', [kept('quota_exhausted'), failed('server_error')], 'upstream'],
    [
      'a missing model beside a refused key',
      [failed('model_not_found'), failed('bad_credential')],
      'bad_credential',
    ],
    ['nothing at all', [], 'upstream'],
  ])('of %s', (_, failures, verdict) => {
    expect(verdictOf(failures)).toBe(verdict);
  });
});

describe('classOf', () => {
  it.each<[Blocked['blocked'], ErrorClass]>([
    ['cooling', 'rate_limited'],
    ['open', 'server_error'],
    ['probing', 'server_error'],
    ['full', 'overloaded'],
    ['bad_credential', 'bad_credential'],
    ['quota_exhausted', 'quota_exhausted'],
  ])('counts one that is %s as %s', (blocked, name) => {
    expect(classOf(kept(blocked))).toBe(name);
  });
});

describe('ExhaustedError', () => {
  const exhausted = (failures: readonly Failure[], now = 0) => new ExhaustedError(failures, now, WALL);

  it.each<[Failure, ErrorClass]>([
    [failed('rate_limited'), 'rate_limited'],
    [failed('timeout'), 'timeout'],
    [failed('unreachable'), 'server_error'],
    [failed('bad_credential'), 'bad_credential'],
    [failed('quota_exhausted'), 'quota_exhausted'],
    [failed('model_not_found'), 'model_not_found'],
    [failed('unsupported'), 'unsupported'],
    [failed('context_length'), 'context_length'],
  ])('has the class of its verdict', (failure, name) => {
    expect(exhausted([failure]).class).toBe(name);
  });

  it('is overloaded where a limit stands among others', () => {
    const error = exhausted([failed('rate_limited', { retryAfterMs: 9 }), failed('server_error')]);
    expect([error.verdict, error.class]).toEqual(['mixed', 'overloaded']);
    expect(error.details.retryAfterMs).toBeUndefined();
  });

  it('tells the content refusal where everybody refuses the content', () => {
    const error = exhausted([failed('content_policy', { status: 400 }), failed('content_policy')]);
    expect(error.class).toBe('content_policy');
  });

  it('says to come back when the first of the limited ones is free again', () => {
    const failures = [
      failed('rate_limited', { retryAfterMs: 8_000 }, 'a:m', 1_000),
      failed('rate_limited', {}, 'b:m', 1_000),
      kept('cooling', 6_000, 'c:m', 500),
    ];
    expect(exhausted(failures, 2_000).details.retryAfterMs).toBe(4_500);
  });

  it('never says to come back in the past', () => {
    const failures = [failed('rate_limited', { retryAfterMs: 100 }, 'a:m', 0)];
    expect(exhausted(failures, 5_000).details.retryAfterMs).toBe(0);
  });

  it('says no time where none of the limited ones told one', () => {
    expect(exhausted([failed('rate_limited'), kept('cooling')]).details.retryAfterMs).toBeUndefined();
  });

  it('takes the blamed field, and its code, from whoever named one', () => {
    const failures = [
      failed('unsupported'),
      failed('unsupported', { param: 'tools', code: 'unsupported_parameter' }),
    ];
    expect(exhausted(failures).details).toMatchObject({ param: 'tools', code: 'unsupported_parameter' });
  });

  it('names every candidate, what became of it and until when', () => {
    const failures = [
      failed('rate_limited', { status: 429, retryAfterMs: 5_000 }, 'groq:big', 1_000),
      failed('unreachable', {}, 'openai:luna', 1_000),
      kept('open', 30_000, 'acme:x', 1_000),
      kept('full', null, 'slow:y', 1_000),
    ];
    expect(exhausted(failures, 1_000).message).toBe(
      'every candidate failed: groq:big rate limited (429) until 2026-01-01T12:00:05Z; ' +
        'openai:luna could not be reached; ' +
        'acme:x not called, is open until 2026-01-01T12:00:30Z; ' +
        'slow:y not called, is full',
    );
  });

  it('repeats nothing of what an upstream wrote', () => {
    expect(exhausted([failed('server_error', { status: 500 })]).message).not.toContain('upstream words');
  });

  it('carries the failures, and the first error as its cause', () => {
    const failures = [kept('open'), failed('server_error'), failed('timeout')];
    const error = exhausted(failures);
    expect(error.failures).toBe(failures);
    expect(error.cause).toBe(failures[1]?.error);
  });
});
