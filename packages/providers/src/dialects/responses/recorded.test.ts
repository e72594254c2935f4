import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ChatChunk, carriesContent, createFold, GatewayError } from '@inferbridge/core';
import { seededRandom } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { completionOfResponse } from './response.ts';
import { responseFrames } from './stream.ts';

const ROOT = resolve(import.meta.dirname, '../../../../..');
const FIXTURES = resolve(ROOT, process.env['INFERBRIDGE_FIXTURES'] ?? '../shared/fixtures');
const have = existsSync(FIXTURES);
const why = have ? '' : ` (skipped: no recorded answers at ${FIXTURES})`;
const failure = (said: unknown) => new GatewayError('quota_exhausted', 'scripted', { cause: said });

const lines = (name: string): string[] =>
  readFileSync(join(FIXTURES, `${name}.chunks.txt`), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
/** Some files hold several answers, one behind the other. */
const answers = (name: string): string[][] => {
  const all: string[][] = [];
  for (const line of lines(name)) {
    if (all.length === 0 || line.includes('"type":"response.created"')) all.push([]);
    all.at(-1)?.push(line);
  }
  return all;
};
const wire = (events: readonly string[], eol = '\n') =>
  Buffer.from(events.map((line) => `event: x${eol}data: ${line}${eol}${eol}`).join(''));

async function read(bytes: Buffer, size = () => bytes.length) {
  async function* body() {
    for (let at = 0; at < bytes.length; ) {
      const end = at + size();
      yield bytes.subarray(at, end);
      at = end;
    }
  }
  const frames = responseFrames(body(), 5, failure);
  const chunks: ChatChunk[] = [];
  try {
    for (;;) {
      const { done, value } = await frames.next();
      if (done) return { chunks, end: value, error: null };
      chunks.push(...value.chunks());
    }
  } catch (error) {
    return { chunks, end: null, error };
  }
}

const responseIn = (events: readonly string[]) =>
  JSON.parse(events.at(-1) ?? '').response as {
    output: Record<string, unknown>[];
    usage: Record<string, number>;
  };
const fold = (chunks: readonly ChatChunk[]) => {
  const whole = createFold();
  for (const chunk of chunks) whole.add(chunk);
  return whole.done();
};

const STREAMS = [
  'openai/responses/github-copilot-id-rotation.1',
  'openai/responses/openai-phase.1',
  'openai/responses/openai-reasoning-encrypted-content.1',
  'openai/responses/openai-custom-tool.1',
  'azure/azure-text.1',
  'azure/azure-tool-call.1',
  'open-responses-lmstudio/lmstudio-tool-call.1',
];

describe.skipIf(!have)(`a recorded stream${why}`, () => {
  const cases = have
    ? STREAMS.flatMap((name) => answers(name).map((events, at) => [`${name} #${at}`, events] as const))
    : [];

  it.each(cases)('comes out the same however the network cuts it: %s', async (_, events) => {
    const whole = await read(wire(events));
    expect(whole.end).toBe('complete');
    expect(await read(wire(events), () => 1)).toEqual(whole);
    expect(await read(wire(events, '\r\n'), () => 3)).toEqual(whole);
    for (const seed of [1, 2, 3]) {
      const random = seededRandom(seed);
      expect(await read(wire(events), () => 1 + Math.floor(random() * 200))).toEqual(whole);
    }
  });

  it.each(cases)('keeps the contract of chat streams: %s', async (_, events) => {
    const { chunks } = await read(wire(events));
    const { id, created, model } = chunks[0] ?? {};
    expect(id).not.toBe('');
    for (const chunk of chunks) expect(chunk).toMatchObject({ id, created, model });
    const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
    expect(deltas[0]).toEqual({ role: 'assistant', content: '' });
    expect(deltas.filter(({ role }) => role !== undefined)).toHaveLength(1);
    const reasons = chunks.flatMap(({ choices }) => choices.map(({ finish_reason }) => finish_reason));
    expect(reasons.filter((reason) => reason !== null)).toHaveLength(1);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: {} });
    const calls = deltas.flatMap(({ tool_calls: more }) => more ?? []);
    const seen = new Set<number>();
    for (const call of calls) {
      if (seen.has(call.index ?? -1)) expect(Object.keys(call)).toHaveLength(2);
      else
        expect(call).toMatchObject({
          index: seen.size,
          id: expect.stringMatching(/./),
          type: expect.stringMatching(/^(function|custom)$/),
        });
      seen.add(call.index ?? -1);
    }
  });

  it.each(cases)('says what the whole response says: %s', async (_, events) => {
    const { chunks } = await read(wire(events));
    const response = responseIn(events);
    const completion = completionOfResponse(response, 5, failure);
    const { model, id, usage, choices } = fold(chunks);
    expect(choices).toEqual(completion?.choices);
    expect({ model, usage }).toEqual({ model: completion?.model, usage: completion?.usage });
    if (!events[0]?.includes('capture-id')) expect(id).toBe(completion?.id);
    const text = response.output
      .flatMap(({ content, type }) => (type === 'message' ? (content as { text: string }[]) : []))
      .map((part) => part.text);
    expect(choices[0]?.message.content ?? '').toBe(text.join(''));
    const { input_tokens: input = 0, output_tokens: output = 0 } = response.usage;
    expect(usage).toMatchObject({
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
    });
    const calls = response.output.filter(({ type }) => /_call$/.test(String(type)));
    expect(completion?.choices[0]?.finish_reason).toBe(calls.length > 0 ? 'tool_calls' : 'stop');
    expect((completion?.choices[0]?.message.tool_calls ?? []).map((call) => call.id)).toEqual(
      calls.map((call) => call['call_id']),
    );
  });

  it('has the arguments that only came when they were whole', async () => {
    const { chunks } = await read(wire(lines('open-responses-lmstudio/lmstudio-tool-call.1')));
    const { message } = fold(chunks).choices[0] ?? {};
    expect(message?.tool_calls).toEqual([
      {
        id: 'call_2025306790300011',
        type: 'function',
        function: { name: 'weather', arguments: '{"location":"San Francisco"}' },
      },
    ]);
    expect(message?.['reasoning_content']).toContain('The user is asking for the weather');
  });

  it('has the input of a free-form tool piece by piece', async () => {
    const { chunks } = await read(wire(lines('openai/responses/openai-custom-tool.1')));
    const inputs = chunks.flatMap(({ choices }) =>
      (choices[0]?.delta.tool_calls ?? []).map((call) => (call['custom'] as { input: string }).input),
    );
    expect(inputs.join('')).toBe('SELECT * FROM users WHERE age > 25');
    expect(inputs).toHaveLength(4);
  });

  it('keeps the encrypted reasoning for the next turn', async () => {
    const [events = []] = answers('openai/responses/openai-reasoning-encrypted-content.1');
    const { chunks } = await read(wire(events));
    const reasoning = responseIn(events).output.filter(({ type }) => type === 'reasoning');
    expect(reasoning).toHaveLength(1);
    expect(fold(chunks).choices[0]?.message).toMatchObject({
      provider_specific_fields: { openai: { reasoning } },
    });
  });

  it('fails with what the upstream says', async () => {
    const { error, chunks } = await read(wire(lines('openai/responses/openai-error.1')));
    expect(error).toMatchObject({
      class: 'quota_exhausted',
      cause: { error: { code: 'insufficient_quota' } },
    });
    expect(chunks.some(carriesContent)).toBe(false);
    const failed = lines('openai/responses/openai-error.1').filter(
      (line) => !line.includes('"type":"error"'),
    );
    expect((await read(wire(failed))).error).toMatchObject({
      cause: { error: { code: 'insufficient_quota' } },
    });
  });

  it('without a beginning and an end that can be read is cut, and keeps its call', async () => {
    const { chunks, end } = await read(wire(lines('openai/responses/parallel-tool-call-wrapper.1')));
    expect(end).toBe('cut');
    expect(fold(chunks).choices[0]?.message.tool_calls?.[0]).toMatchObject({ id: 'call_parallel' });
  });
});

describe.skipIf(!have)(`a recorded response${why}`, () => {
  const body = (name: string) => JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8'));

  it.each([
    ['openai/responses/openai-phase.1', 'stop', /^I.ll quickly check/, 0, 7243, 423],
    ['openai/responses/openai-custom-tool.1', 'tool_calls', null, 1, 50, 20],
    ['openai/responses/openai-reasoning-encrypted-content.1', 'stop', /Final result: 570$/, 0, 865, 163],
    ['openai/responses/parallel-tool-call-wrapper.1', 'tool_calls', null, 1, 34, 28],
    ['openai/responses/openai-apply-patch-tool.1', 'stop', /^$/, 0, 642, 67],
    ['open-responses-lmstudio/lmstudio-basic.1', 'stop', /^text content$/, 0, 136, 3677],
    ['open-responses-lmstudio/lmstudio-tool-call.1', 'tool_calls', null, 1, 1189, 11],
  ])('is a completion: %s', (name, reason, text, calls, input, output) => {
    const completion = completionOfResponse(body(name), 5, failure);
    const { message, finish_reason } = completion?.choices[0] ?? {};
    expect(finish_reason).toBe(reason);
    if (text === null) expect(message?.content).toBeNull();
    else expect(message?.content).toMatch(text);
    expect(message?.tool_calls ?? []).toHaveLength(calls);
    expect(completion?.usage).toMatchObject({
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
    });
  });

  it.each(['azure/azure-text.1', 'azure/azure-tool-call.1'])('of another host is one as well: %s', (name) => {
    expect(completionOfResponse(body(name), 5, failure)?.choices[0]?.finish_reason).toBeDefined();
  });

  it.each([
    ['azure/test_azure_responses_reasoning_context_default_wire_contract_gpt-5_4_.0', 'Paris', 23],
    ['deepseek/test_deepseek_responses_text_multi_turn_.0', null, 95],
  ])('of a recorded exchange: %s', (name, text, total) => {
    const completion = completionOfResponse(body(`recorded-pairs/${name}`).response.body, 5, failure);
    if (text) expect(completion?.choices[0]?.message.content).toBe(text);
    expect(completion?.choices[0]?.finish_reason).toBe('stop');
    expect(completion?.usage?.total_tokens).toBe(total);
  });

  it('is none where it is an error, a completion, or not over', () => {
    expect(completionOfResponse(body('azure/azure-deepseek-reasoning.1'), 5, failure)).toBeNull();
    expect(completionOfResponse({ status: 'in_progress', output: [] }, 5, failure)).toBeNull();
    expect(() => completionOfResponse(body('openai/responses/openai-error.1'), 5, failure)).toThrow(
      'scripted',
    );
  });
});
