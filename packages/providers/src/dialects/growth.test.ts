import type { ChatMessage } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { createWriter } from './anthropic/inbound/blocks.ts';
import { createIds, createNames } from './anthropic/names.ts';
import { withOneRoot } from './anthropic/root.ts';
import { turnsOf } from './anthropic/turns.ts';
import { contentsOf } from './gemini/turns.ts';
import { paired } from './openai/pairing.ts';
import { createCallIds } from './responses/call-id.ts';
import { itemsOf } from './responses/input.ts';

/* Four times as much takes about four times as long, whatever the machine; twice that is left to chance. */

const times = <T>(n: number, make: (nth: number) => T): T[] =>
  Array.from({ length: n }, (_, nth) => make(nth));

const SIZE = 2_000;
const LONG_ENOUGH_MS = 20;
/** Of what grows evenly; what grows with the square takes sixteen times as long. */
const TWICE = 8;

function tookMs(run: () => unknown, often: number): number {
  const from = performance.now();
  for (let round = 0; round < often; round++) run();
  return performance.now() - from;
}

/**
 * How many times longer four times as much takes: the best of three at each size, in turns, so that a busy moment meets
 * both, and repeated until the clock can tell. A machine that is busy for longer gets two more chances.
 */
function growth(prepare: (n: number) => () => unknown): number {
  const small = prepare(SIZE);
  const large = prepare(4 * SIZE);
  let often = 1;
  while (often < 64 && tookMs(small, 4 * often) < LONG_ENOUGH_MS) often *= 2;
  let best = Number.POSITIVE_INFINITY;
  for (let chance = 0; chance < 3 && best >= TWICE; chance++) {
    const rounds = times(3, () => [tookMs(small, 4 * often), tookMs(large, often)] as const);
    const least = (which: 0 | 1) => Math.min(...rounds.map((took) => took[which]));
    best = Math.min(best, (4 * least(1)) / least(0));
  }
  return best;
}

const call = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } });
const asks = (ids: readonly string[]): ChatMessage => ({
  role: 'assistant',
  content: null,
  tool_calls: ids.map(call),
});
const result = (id: string): ChatMessage => ({ role: 'tool', tool_call_id: id, content: 'r' });

/** Histories of `n` calls, by what is odd about them. */
const HISTORIES: readonly (readonly [string, (n: number) => ChatMessage[]])[] = [
  [
    'calls of one message, answered in reverse',
    (n) => [asks(times(n, (i) => `c${i}`)), ...times(n, (i) => result(`c${n - 1 - i}`))],
  ],
  ['calls with one id', (n) => [asks(times(n, () => 'f:0')), ...times(n, () => result('f:0'))]],
  [
    'calls in a run of messages',
    (n) => [...times(n, (i) => asks([`c${i}`])), ...times(n, (i) => result(`c${i}`))],
  ],
  ['calls in a run of messages, without results', (n) => times(n, (i) => asks([`c${i}`]))],
  [
    'results without an id',
    (n) => [asks(times(n, (i) => `c${i}`)), ...times(n, () => ({ role: 'tool', content: 'r' }))],
  ],
  ['results that nobody called for', (n) => [asks(['a']), ...times(n, (i) => result(`x${i}`))]],
];

const DIALECTS: readonly (readonly [string, (messages: ChatMessage[]) => unknown])[] = [
  ['chat', paired],
  [
    'anthropic',
    (messages) => turnsOf(messages, { names: createNames(), systemMidway: 'stay', prefill: true }),
  ],
  ['responses', (messages) => itemsOf(messages, false)],
  [
    'gemini',
    (messages) => contentsOf(messages, { names: createNames(), signatureOf: () => null, insists: false }),
  ],
];

describe('what it takes grows no faster than what comes in', () => {
  it.each(
    DIALECTS.flatMap(([dialect, run]) =>
      HISTORIES.map(([title, history]) => [dialect, title, run, history] as const),
    ),
  )('in %s: %s', (_, _title, run, history) => {
    const of = (size: number) => {
      const messages = history(size);
      return () => run(messages);
    };
    expect(growth(of)).toBeLessThan(TWICE);
  });

  it('with thoughts that OpenAI wants back, each before its call', () => {
    const of = (n: number) => {
      const reasoning = times(n, (nth) => ({
        type: 'reasoning',
        id: `rs_${nth}`,
        encrypted_content: 'x',
        calls_before: nth,
      }));
      const message = asks(times(n, (nth) => `c${nth}`));
      const fields = { provider_specific_fields: { openai: { reasoning } } };
      return () => itemsOf([{ ...message, ...fields }], false);
    };
    expect(growth(of)).toBeLessThan(TWICE);
  });

  it.each<[string, () => (given: string) => string]>([
    ['of Anthropic’s', () => createIds().fresh],
    [
      'of OpenAI’s',
      () => {
        const ids = createCallIds();
        return (given) => ids.fresh(given, 'messages[0]');
      },
    ],
  ])('with ids %s that are all the same', (_, create) => {
    const of = (n: number) => () => {
      const fresh = create();
      for (let nth = 0; nth < n; nth++) fresh('a');
    };
    expect(growth(of)).toBeLessThan(TWICE);
  });

  it.each<[string, (nth: number) => unknown]>([
    [
      'that each say something else of one property',
      (nth: number) => ({ properties: { a: { const: nth } } }),
    ],
    ['that are all the same definition', () => ({ $ref: '#/$defs/A' })],
  ])('with alternatives at the root of a schema %s', (_, branch) => {
    const of = (n: number) => {
      const properties = Object.fromEntries(times(n, (nth) => [`p${nth}`, { type: 'string' }]));
      const schema = { anyOf: times(n, branch), $defs: { A: { properties } } };
      return () => withOneRoot(schema);
    };
    expect(growth(of)).toBeLessThan(TWICE);
  });

  it.each([
    ['words', 'word '],
    ['closing brackets in a text', '}'],
  ])('with arguments in small pieces while another call waits: %s', (_, piece) => {
    const of = (n: number) => () => {
      const writer = createWriter();
      writer.call({ index: 0, id: 'a', function: { name: 'f', arguments: '{"text":"' } });
      writer.call({ index: 1, id: 'b', function: { name: 'f', arguments: '' } });
      for (let nth = 0; nth < n; nth++) writer.call({ index: 0, function: { arguments: piece } });
      writer.call({ index: 0, function: { arguments: '"}' } });
    };
    expect(growth(of)).toBeLessThan(TWICE);
  });
});
