import { describe, expect, it } from 'vitest';
import type { ChatCompletion, ChatMessage, CompletionChoice, ToolCall } from '../chat.ts';
import { frameOf, rawFrame } from '../frame.ts';
import { seededRandom } from '../random.ts';
import { createFold } from './fold.ts';
import { unfold } from './unfold.ts';

/** `SEEDS=5000` runs more of them, `FIRST_SEED=17 SEEDS=1` repeats one. */
const SEEDS = Number(process.env['SEEDS'] ?? 300);
const FIRST_SEED = Number(process.env['FIRST_SEED'] ?? 1);

const choice = (message: Partial<ChatMessage>, more: Partial<CompletionChoice> = {}): CompletionChoice => ({
  index: 0,
  message: { role: 'assistant', content: '', refusal: null, ...message },
  finish_reason: 'stop',
  logprobs: null,
  ...more,
});
const whole = (choices: CompletionChoice[], more: Partial<ChatCompletion> = {}): ChatCompletion => ({
  id: 'c1',
  object: 'chat.completion',
  created: 5,
  model: 'm',
  choices,
  ...more,
});
/** Out as chunks, over the wire, and back. */
const thereAndBack = (completion: ChatCompletion): ChatCompletion => {
  const fold = createFold();
  for (const chunk of unfold(completion))
    for (const read of rawFrame(frameOf(chunk).bytes).chunks()) fold.add(read);
  return fold.done();
};
const called = (id: string, name: string, args: string): ToolCall => ({
  id,
  type: 'function',
  function: { name, arguments: args },
});
const custom = (id: string, input: string): ToolCall => ({
  id,
  type: 'custom',
  custom: { name: 'shell', input },
});
const logged = (...tokens: string[]) => ({
  content: tokens.map((token) => ({ token, logprob: -0.5, bytes: [104], top_logprobs: [] })),
  refusal: null,
});
const USAGE = {
  prompt_tokens: 10,
  completion_tokens: 7,
  total_tokens: 17,
  prompt_tokens_details: { cached_tokens: 3 },
  completion_tokens_details: { reasoning_tokens: 2 },
};

const cases: readonly (readonly [string, ChatCompletion])[] = [
  ['text', whole([choice({ content: 'Hello\n\nwide "world" \u{1f600}' })])],
  ['no text', whole([choice({ content: '' })])],
  ['text that was cut', whole([choice({ content: 'Hel' }, { finish_reason: 'length' })])],
  ['a choice that says no reason', whole([choice({ content: 'x' }, { finish_reason: null })])],
  ['parts', whole([choice({ content: [{ type: 'text', text: 'a' }, { type: 'image' }] })])],
  [
    'several tool calls',
    whole([
      choice(
        { content: null, tool_calls: [called('t0', 'look', '{"a":1}'), called('t1', 'look', '')] },
        { finish_reason: 'tool_calls' },
      ),
    ]),
  ],
  ['tool calls beside text', whole([choice({ content: 'wait', tool_calls: [called('t', 'f', '{}')] })])],
  [
    'custom tool calls among others',
    whole([
      choice({
        content: null,
        tool_calls: [custom('t0', 'ls'), called('t1', 'f', '{}'), custom('t2', 'rm\n')],
      }),
    ]),
  ],
  [
    'a signature on a tool call',
    whole([
      choice({
        content: null,
        tool_calls: [{ ...called('t', 'f', '{}'), extra_content: { google: { thought_signature: 's' } } }],
      }),
    ]),
  ],
  [
    'a function call of old',
    whole([choice({ content: null, function_call: { name: 'f', arguments: '{' } })]),
  ],
  [
    'reasoning in its several spellings',
    whole([
      choice({
        content: 'so',
        reasoning_content: 'let me see',
        reasoning: 'hm',
        thinking_blocks: [{ type: 'thinking', thinking: 'hm', signature: 's' }],
        reasoning_details: [{ type: 'reasoning.text', text: 'hm' }, { type: 'reasoning.encrypted' }],
      }),
    ]),
  ],
  ['a refusal', whole([choice({ content: '', refusal: 'I cannot.' })])],
  ['other fields', whole([choice({ content: 'x', annotations: [{ type: 'url' }], audio: { id: 'a' } })])],
  ['log probabilities', whole([choice({ content: 'ab' }, { logprobs: logged('a', 'b') })])],
  [
    'several choices',
    whole([
      choice({ content: 'a' }),
      choice({ content: 'b' }, { index: 1, finish_reason: 'length', logprobs: logged('b') }),
      choice({ content: null, tool_calls: [called('t', 'f', '{}')] }, { index: 2 }),
    ]),
  ],
  ['usage', whole([choice({ content: 'x' })], { usage: USAGE, service_tier: 'default' })],
];

describe('unfold', () => {
  it.each(cases)('says as a stream what folds to the same: %s', (_, completion) => {
    expect(thereAndBack(completion)).toEqual(completion);
  });

  it('ends each choice once and last, and has usage in a chunk without choices', () => {
    const chunks = [...unfold(whole([choice({ content: 'x' }), choice({}, { index: 1 })], { usage: USAGE }))];
    expect(chunks.map(({ choices }) => choices.map((one) => [one.index, one.finish_reason]))).toEqual([
      [[0, null]],
      [[1, null]],
      [[0, 'stop']],
      [[1, 'stop']],
      [],
    ]);
    expect(chunks.map(({ usage }) => usage ?? null)).toEqual([null, null, null, null, USAGE]);
    for (const { id, object, created, model } of chunks)
      expect([id, object, created, model]).toEqual(['c1', 'chat.completion.chunk', 5, 'm']);
  });

  it('leaves the completion as it was', () => {
    const completion = whole([choice({ content: null, tool_calls: [called('t', 'f', '{}')] })]);
    const before = structuredClone(completion);
    [...unfold(completion)];
    expect(completion).toEqual(before);
  });

  it('keeps tool calls apart that all bring the same number of their own', () => {
    const numbered = [called('t0', 'f', '{}'), called('t1', 'g', '{}')].map((call) => ({
      ...call,
      index: 0,
    }));
    const [chunk] = unfold(whole([choice({ content: null, tool_calls: numbered })]));
    expect(chunk?.choices[0]?.delta.tool_calls?.map(({ index }) => index)).toEqual([0, 1]);
  });

  it('takes null for no tool calls', () => {
    const completion = whole([choice({ content: 'x', tool_calls: null })]);
    expect(thereAndBack(completion).choices[0]?.message).toEqual({
      role: 'assistant',
      content: 'x',
      refusal: null,
    });
  });

  it(`folds back to the same for whatever is said (${SEEDS} seeds)`, () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const completion = randomCompletion(seed);
      expect(thereAndBack(completion), `seed ${seed}`).toEqual(completion);
    }
  });
});

function randomCompletion(seed: number): ChatCompletion {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const chance = (p: number) => random() < p;
  const pieces = ['a', ' ', '\n', '"', '\\', '{"x":', '\u{1f600}', '\u2028', 'é', 'data: ', '\n\n', '\ud800'];
  const text = () => Array.from({ length: 1 + below(8) }, () => pieces[below(pieces.length)]).join('');
  const list = () => Array.from({ length: 1 + below(3) }, (_, n) => ({ type: text(), n }));
  const call = (n: number) => (chance(0.3) ? custom(`t${n}`, text()) : called(`t${n}`, text(), text()));
  const calls = () => Array.from({ length: 1 + below(4) }, (_, n) => call(n));
  const choices = Array.from({ length: 1 + below(4) }, (_, index) => {
    const tools = chance(0.4);
    const old = !tools && chance(0.1);
    return choice(
      {
        content: (tools || old) && chance(0.7) ? null : text(),
        ...(tools && { tool_calls: calls() }),
        ...(old && { function_call: { name: text(), arguments: text() } }),
        ...(chance(0.2) && { refusal: text() }),
        ...(chance(0.3) && { reasoning_content: text() }),
        ...(chance(0.2) && { thinking_blocks: list(), annotations: list() }),
      },
      {
        index,
        finish_reason: ['stop', 'length', 'tool_calls', null][below(4)] ?? null,
        ...(chance(0.3) && { logprobs: logged(text(), text()) }),
      },
    );
  });
  return whole(choices, {
    id: text(),
    created: below(1e9),
    ...(chance(0.5) && { usage: { ...USAGE, completion_tokens: below(1_000) } }),
    ...(chance(0.2) && { service_tier: 'flex' }),
  });
}
