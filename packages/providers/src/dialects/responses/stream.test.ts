import { type ChatChunk, createFold, GatewayError } from '@inferbridge/core';
import { expect, it } from 'vitest';
import { completionOfResponse } from './response.ts';
import { responseFrames } from './stream.ts';

type Event = Record<string, unknown>;

const CREATED: Event = {
  type: 'response.created',
  response: { id: 'resp_1', created_at: 7, model: 'gpt-6-luna' },
};
const over = (response: Event = {}, type = 'response.completed'): Event => ({
  type,
  response: { status: 'completed', output: [], usage: { input_tokens: 3, output_tokens: 2 }, ...response },
});
const failure = (said: unknown) => new GatewayError('server_error', 'scripted', { cause: said });

async function read(...events: readonly Event[]) {
  async function* body() {
    for (const event of events) yield Buffer.from(`data: ${JSON.stringify(event)}\n\n`);
  }
  const frames = responseFrames(body(), 5, failure);
  const chunks: ChatChunk[] = [];
  for (;;) {
    const { done, value } = await frames.next();
    if (done) {
      const fold = createFold();
      for (const chunk of chunks) fold.add(chunk);
      const [choice] = fold.done().choices;
      return { chunks, end: value, choice, message: choice?.message };
    }
    chunks.push(...value.chunks());
  }
}

const added = (output_index: number, item: Event): Event => ({
  type: 'response.output_item.added',
  output_index,
  item,
});
const call = (name: string, fields: Event = {}): Event => ({
  type: 'function_call',
  call_id: `call_${name}`,
  name,
  arguments: '',
  ...fields,
});
const typed = (output_index: number, delta: string): Event => ({
  type: 'response.function_call_arguments.delta',
  output_index,
  delta,
});

it('keeps calls apart that come at the same time', async () => {
  const { message, choice } = await read(
    CREATED,
    added(0, call('a')),
    added(1, call('b')),
    typed(1, '{"b":'),
    typed(0, '{"a":1}'),
    typed(1, '2}'),
    over(),
  );
  expect(choice?.finish_reason).toBe('tool_calls');
  expect(message?.tool_calls?.map((one) => one.function)).toEqual([
    { name: 'a', arguments: '{"a":1}' },
    { name: 'b', arguments: '{"b":2}' },
  ]);
});

it('has what only comes when an item, or all of it, is done', async () => {
  const item = call('a', { arguments: '{"a":1}' });
  const text = { type: 'message', content: [{ type: 'output_text', text: 'Hi' }] };
  const late = await read(
    CREATED,
    typed(1, 'lost'),
    { type: 'response.output_item.done', output_index: 0, item: text },
    { type: 'response.output_item.done', output_index: 1, item },
    over(),
  );
  const latest = await read(CREATED, over({ output: [text, item] }));
  for (const { message } of [late, latest]) {
    expect(message?.content).toBe('Hi');
    expect(message?.tool_calls?.[0]?.function?.arguments).toBe('{"a":1}');
  }
});

it('does not say anything twice', async () => {
  const part = { type: 'output_text', text: 'Hello' };
  const item = { type: 'message', content: [part] };
  const { message } = await read(
    CREATED,
    added(0, { type: 'message', content: [] }),
    { type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: 'Hel' },
    { type: 'response.output_text.done', output_index: 0, content_index: 0, text: 'Hello' },
    { type: 'response.content_part.done', output_index: 0, content_index: 0, part },
    { type: 'response.output_item.done', output_index: 0, item },
    over({ output: [item] }),
  );
  expect(message?.content).toBe('Hello');
});

it('moves citations to where their text stands in the whole', async () => {
  const annotation = {
    type: 'url_citation',
    url: 'https://a.example',
    title: 'A',
    start_index: 0,
    end_index: 2,
  };
  const item = {
    type: 'message',
    content: [
      { type: 'output_text', text: 'One ', annotations: [] },
      { type: 'output_text', text: 'Two', annotations: [annotation] },
    ],
  };
  const expected = [
    {
      type: 'url_citation',
      url_citation: { url: 'https://a.example', title: 'A', start_index: 4, end_index: 6 },
    },
  ];
  const { message } = await read(
    CREATED,
    { type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: 'One ' },
    { type: 'response.output_text.delta', output_index: 0, content_index: 1, delta: 'Two' },
    { type: 'response.output_text.annotation.added', output_index: 0, content_index: 1, annotation },
    { type: 'response.output_item.done', output_index: 0, item },
    over(),
  );
  expect(message?.['annotations']).toEqual(expected);
  expect(completionOfResponse({ output: [item] }, 5, failure)?.choices[0]?.message['annotations']).toEqual(
    expected,
  );
});

it('sets the parts of what was thought apart', async () => {
  const said = (summary_index: number, delta: string) => ({
    type: 'response.reasoning_summary_text.delta',
    output_index: 0,
    summary_index,
    delta,
  });
  const { message } = await read(CREATED, said(0, 'One'), said(0, '.'), said(1, 'Two.'), over());
  expect(message?.['reasoning_content']).toBe('One.\n\nTwo.');
});

it.each([
  ['max_output_tokens', 'length'],
  ['content_filter', 'content_filter'],
  ['something new', 'length'],
])('ends for a reason: %s', async (reason, expected) => {
  const cut = { status: 'incomplete', incomplete_details: { reason } };
  const item = call('a', { arguments: '{"a' });
  const { choice } = await read(CREATED, added(0, item), over(cut, 'response.incomplete'));
  expect(choice?.finish_reason).toBe(expected);
  const completion = completionOfResponse({ ...cut, output: [item] }, 5, failure);
  expect(completion?.choices[0]?.finish_reason).toBe(expected);
});

it('counts usage as chat does, and tells the tier', async () => {
  const usage = {
    input_tokens: 10,
    input_tokens_details: { cached_tokens: 4, cache_write_tokens: 3 },
    output_tokens: 6,
    output_tokens_details: { reasoning_tokens: 5 },
    total_tokens: 16,
  };
  const { chunks } = await read(CREATED, over({ usage, service_tier: 'flex' }));
  expect(chunks.at(-1)).toMatchObject({
    id: 'resp_1',
    created: 7,
    choices: [],
    service_tier: 'flex',
    usage: {
      prompt_tokens: 10,
      completion_tokens: 6,
      total_tokens: 16,
      prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 3 },
      completion_tokens_details: { reasoning_tokens: 5 },
    },
  });
});

it('is a refusal where the model refuses', async () => {
  const { message, choice } = await read(
    CREATED,
    { type: 'response.refusal.delta', output_index: 0, content_index: 0, delta: 'No' },
    { type: 'response.refusal.done', output_index: 0, content_index: 0, refusal: 'No.' },
    over(),
  );
  expect(message?.['refusal']).toBe('No.');
  expect(choice?.finish_reason).toBe('stop');
});

it('is cut where the end does not come, and malformed where another answer begins', async () => {
  expect((await read(CREATED, { type: 'response.output_text.delta', output_index: 0, delta: 'x' })).end).toBe(
    'cut',
  );
  await expect(read(CREATED, { ...CREATED, response: { id: 'resp_2' } })).rejects.toMatchObject({
    class: 'malformed',
    details: { code: 'upstream_spliced' },
  });
});

it('fails as the upstream did, whichever way it says so', async () => {
  const error = { code: 'server_error', message: 'x' };
  for (const event of [
    { type: 'error', ...error },
    { error },
    { type: 'response.failed', response: { status: 'failed', error } },
  ])
    await expect(read(CREATED, event)).rejects.toMatchObject({ class: 'server_error' });
  for (const status of ['failed', 'cancelled'])
    expect(() => completionOfResponse({ status, output: [], error }, 5, failure)).toThrow('scripted');
});
