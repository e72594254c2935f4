import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PLAIN } from './reading.ts';
import { messagesRequest } from './request.ts';
import { completionOf } from './response.ts';

const ROOT = resolve(import.meta.dirname, '../../../../..');
const FIXTURES = resolve(ROOT, process.env['INFERBRIDGE_FIXTURES'] ?? '../shared/fixtures');
const have = existsSync(FIXTURES);
const why = have ? '' : ` (skipped: no recorded answers at ${FIXTURES})`;

interface Message {
  content: { type: string; [field: string]: string }[];
  stop_reason: string;
  usage: Record<string, number | undefined>;
}

const read = (path: string) => JSON.parse(readFileSync(join(FIXTURES, path), 'utf8'));
const list = (folder: string) => (have ? readdirSync(join(FIXTURES, folder)) : []);
const messageIn = (path: string): Message =>
  path.startsWith('anthropic') ? read(path) : read(path).response.body;

/** Every whole answer that was recorded. */
const PATHS = [
  ...list('anthropic/chat')
    .filter((name) => name.endsWith('.json'))
    .map((name) => `anthropic/chat/${name}`),
  ...list('recorded-pairs/anthropic').map((name) => `recorded-pairs/anthropic/${name}`),
].filter((path) => Array.isArray(messageIn(path)?.content));

const FINISH: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

describe.skipIf(!have)(`a recorded answer${why}`, () => {
  it('is one of many', () => {
    expect(PATHS.length).toBeGreaterThan(40);
  });

  it.each(PATHS)('has all its text, thoughts and calls, and no more: %s', (path) => {
    const message = messageIn(path);
    const told = completionOf(message, 7)?.choices[0]?.message;
    const of = (type: string) => message.content.filter((block) => block.type === type);
    const joined = (type: string, field: string) =>
      of(type)
        .map((block) => block[field])
        .join('');
    const calls = of('tool_use');
    expect(told?.content).toBe(joined('text', 'text') || (calls.length > 0 ? null : ''));
    expect(told?.['reasoning_content'] ?? '').toBe(joined('thinking', 'thinking'));
    expect(told?.['thinking_blocks'] ?? []).toEqual(
      message.content.filter(({ type }) => /thinking$/.test(type)),
    );
    const seen = told?.tool_calls?.map(({ id, type, function: fn }) => [
      id,
      type,
      fn?.name,
      JSON.parse(fn?.arguments ?? ''),
    ]);
    expect(seen ?? []).toEqual(calls.map(({ id, name, input }) => [id, 'function', name, input]));
  });

  it.each(PATHS)('finishes as it should, with usage that adds up: %s', (path) => {
    const message = messageIn(path);
    const completion = completionOf(message, 7);
    expect(completion?.id).toMatch(/^msg_/);
    const calls = message.content.some(({ type }) => type === 'tool_use');
    expect(completion?.choices[0]?.finish_reason).toBe(calls ? 'tool_calls' : FINISH[message.stop_reason]);
    const {
      prompt_tokens: input = 0,
      completion_tokens: output = 0,
      total_tokens: total,
    } = completion?.usage ?? {};
    expect(total).toBe(input + output);
    if (path.includes('compaction')) return; // what summarising took stands beside the total
    const {
      input_tokens = 0,
      cache_read_input_tokens: hit = 0,
      cache_creation_input_tokens: put = 0,
    } = message.usage;
    expect(input).toBe(input_tokens + hit + put);
    expect(output).toBe(message.usage['output_tokens']);
    expect(completion?.usage?.prompt_tokens_details?.cached_tokens).toBe(hit);
  });

  it.each(PATHS)('goes back into a conversation as it was: %s', (path) => {
    const message = messageIn(path);
    const told = completionOf(message, 7)?.choices[0]?.message ?? { role: 'assistant' };
    const user = { role: 'user', content: 'Go on' };
    const { body } = messagesRequest(
      { model: 'claude-opus-5', messages: [user, told, user] },
      { dropped() {} },
    );
    const wire: { role: string; content: unknown }[] = JSON.parse(JSON.stringify(body['messages']));
    const back = wire.flatMap(({ role, content }) =>
      role === 'assistant' && Array.isArray(content) ? content : [],
    );
    const thoughts = ({ type }: { type: string }) => /thinking$/.test(type);
    expect(back.filter(thoughts)).toEqual(message.content.filter(thoughts));
    for (const { type, id } of message.content)
      if (type === 'tool_use' || type === 'server_tool_use')
        expect(JSON.stringify(back)).toContain(`"id":"${id}"`);
    expect(JSON.stringify(wire)).not.toMatch(/"type":"text","text":"\s*"/);
  });

  it('as the arguments of a tool is content', () => {
    const message = read('anthropic/chat/anthropic-json-tool.1.json');
    const choice = completionOf(message, 7, { ...PLAIN, json: 'tool', answer: 'json' })?.choices[0];
    expect(choice?.finish_reason).toBe('stop');
    expect(JSON.parse(`${choice?.message.content}`)).toEqual(message.content[0].input);
    const other = completionOf(read('anthropic/chat/anthropic-json-other-tool.1.json'), 7, {
      ...PLAIN,
      json: 'tool',
      answer: 'json',
    });
    expect(other?.choices[0]?.finish_reason).toBe('tool_calls');
  });

  it('with a summary of what was before counts what that took', () => {
    expect(completionOf(read('anthropic/chat/anthropic-compaction.1.json'), 7)?.usage).toMatchObject({
      prompt_tokens: 60_385 + 682,
      completion_tokens: 592 + 1_320,
    });
  });

  it('that is refused says why, where that is known', () => {
    const refusal = (name: string) => completionOf(read(`anthropic/chat/${name}`), 7)?.choices[0];
    expect(refusal('anthropic-refusal.json')?.message['refusal']).toContain('Usage Policy');
    expect(refusal('anthropic-refusal-no-details.json')?.message['refusal']).toBeNull();
  });
});
