import { describe, expect, it } from 'vitest';
import { chatOfResponses } from './request.ts';

const chat = (fields: Record<string, unknown>) =>
  chatOfResponses({ model: 'gpt-6-luna', input: 'Hello', ...fields });
const messages = (...input: unknown[]) => chat({ input }).messages;

describe('the request', () => {
  it('that is a text is what the user says, behind the instructions', () => {
    expect(chat({ instructions: 'Be brief', stream: true, store: true, truncation: 'auto' })).toEqual({
      model: 'gpt-6-luna',
      messages: [
        { role: 'developer', content: 'Be brief' },
        { role: 'user', content: 'Hello' },
      ],
      stream: true,
    });
  });

  it('says the rest in the words of chat', () => {
    const hosted = { type: 'web_search', filters: null };
    expect(
      chat({
        tools: [
          {
            type: 'function',
            name: 'weather',
            description: 'Tells it',
            parameters: { type: 'object' },
            strict: null,
          },
          { type: 'custom', name: 'sql', format: { type: 'grammar', syntax: 'lark', definition: 'x' } },
          hosted,
        ],
        tool_choice: {
          type: 'allowed_tools',
          mode: 'required',
          tools: [{ type: 'function', name: 'weather' }],
        },
        parallel_tool_calls: false,
        reasoning: { effort: 'low', summary: 'auto' },
        text: {
          format: { type: 'json_schema', name: 'out', schema: {}, strict: true, description: null },
          verbosity: 'low',
        },
        max_output_tokens: 50,
        temperature: 0.5,
        top_logprobs: 2,
        include: ['message.output_text.logprobs'],
        metadata: { a: 'b' },
        service_tier: 'flex',
        top_k: 3,
        user: null,
      }),
    ).toEqual({
      model: 'gpt-6-luna',
      messages: [{ role: 'user', content: 'Hello' }],
      tools: [
        {
          type: 'function',
          function: { name: 'weather', description: 'Tells it', parameters: { type: 'object' } },
        },
        {
          type: 'custom',
          custom: { name: 'sql', format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'x' } } },
        },
        hosted,
      ],
      tool_choice: {
        type: 'allowed_tools',
        allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'weather' } }] },
      },
      parallel_tool_calls: false,
      reasoning_effort: 'low',
      response_format: { type: 'json_schema', json_schema: { name: 'out', schema: {}, strict: true } },
      verbosity: 'low',
      max_completion_tokens: 50,
      temperature: 0.5,
      logprobs: true,
      top_logprobs: 2,
      metadata: { a: 'b' },
      service_tier: 'flex',
      top_k: 3,
    });
  });

  it.each(['previous_response_id', 'conversation', 'prompt', 'background'])(
    'that needs a memory is refused, with the remedy: %s',
    (param) => {
      expect(() => chat({ [param]: param === 'background' ? true : 'resp_1' })).toThrow(
        expect.objectContaining({
          class: 'unsupported',
          message: expect.stringContaining('this gateway keeps no state; '),
          details: { param, code: 'unsupported_parameter' },
        }),
      );
    },
  );

  it.each([
    [{ model: 5 }, 'model'],
    [{ model: null }, 'model'],
    [{ input: 5 }, 'input'],
    [{ input: [] }, 'input'],
    [{ input: [7] }, 'input[0]'],
    [{ input: [{ role: 'robot', content: 'x' }] }, 'input[0].role'],
    [{ input: [{ role: 'user', content: [{ text: 'x' }] }] }, 'input[0].content[0].type'],
    [{ input: [{ role: 'assistant', content: [{ type: 'input_image' }] }] }, 'input[0].content[0].type'],
    [{ input: [{ role: 'user', content: [{ type: 'input_text' }] }] }, 'input[0].content[0].text'],
    [{ input: [{ type: 'function_call', call_id: 'a' }] }, 'input[0].name'],
    [{ input: [{ type: 'function_call_output', output: 'x' }] }, 'input[0].call_id'],
    [{ input: [{ type: 'item_reference', id: 'msg_1' }] }, 'input[0]'],
    [{ input: [{ id: 'msg_1' }] }, 'input[0]'],
    [{ tools: {} }, 'tools'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].name'],
    [{ tool_choice: 'maybe' }, 'tool_choice'],
    [{ reasoning: 'high' }, 'reasoning'],
    [{ text: { format: { type: 'xml' } } }, 'text.format.type'],
    [{ temperature: 'hot' }, 'temperature'],
    [{ stream: 'yes' }, 'stream'],
    [{ metadata: [] }, 'metadata'],
  ])('that is wrong is told where: %j', (fields, param) => {
    expect(() => chat(fields)).toThrow(
      expect.objectContaining({ class: 'invalid_request', details: { param } }),
    );
  });

  it.each([
    { type: 'input_image', file_id: 'f' },
    { type: 'input_file', file_url: 'u' },
    { type: 'input_video', video: 'v' },
  ])('keeps the parts that chat has no words for, as they are: %j', (part) => {
    expect(messages({ role: 'user', content: [part] })).toEqual([
      { role: 'user', content: [{ type: 'responses_part', responses_part: part }] },
    ]);
  });

  it('keeps the items that chat has no words for, in their place', () => {
    const call = { type: 'computer_call', call_id: 'c', id: 'cu_1', action: { type: 'wait' } };
    expect(messages({ role: 'assistant', content: 'a' }, call, { role: 'assistant', content: 'b' })).toEqual([
      { role: 'assistant', content: 'a' },
      { role: 'user', content: [{ type: 'responses_item', responses_item: call }] },
      { role: 'assistant', content: 'b' },
    ]);
  });

  it('leaves out what OpenAI ran by itself', () => {
    const search = { type: 'web_search_call', id: 'ws_1', status: 'completed' };
    expect(messages({ role: 'user', content: 'q' }, search, { role: 'assistant', content: 'b' })).toEqual([
      { role: 'user', content: 'q' },
      { role: 'assistant', content: 'b' },
    ]);
  });
});

describe('the conversation', () => {
  it('makes one message of what the assistant thought, said and called in a row', () => {
    const thought = {
      type: 'reasoning',
      id: 'rs_1',
      summary: [{ type: 'summary_text', text: 'Hm' }],
      encrypted_content: 'x',
    };
    expect(
      messages(
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'Hi' },
            { type: 'input_image', image_url: 'u', detail: 'auto' },
            { type: 'input_file', file_data: 'd', filename: 'f' },
          ],
        },
        thought,
        {
          type: 'message',
          role: 'assistant',
          id: 'msg_1',
          content: [{ type: 'output_text', text: 'Wait', annotations: [] }],
        },
        { type: 'function_call', id: 'fc_1', call_id: 'a', name: 'weather', arguments: '{}' },
        { type: 'custom_tool_call', call_id: 'b', name: 'sql', input: 'SELECT 1' },
        { type: 'function_call_output', call_id: 'a', output: 'sunny' },
        { type: 'custom_tool_call_output', call_id: 'b', output: [{ type: 'input_text', text: '1' }] },
        { role: 'assistant', content: 'Sunny' },
      ),
    ).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Hi' },
          { type: 'image_url', image_url: { url: 'u', detail: 'auto' } },
          { type: 'file', file: { file_data: 'd', filename: 'f' } },
        ],
      },
      {
        role: 'assistant',
        content: 'Wait',
        reasoning_content: 'Hm',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'weather', arguments: '{}' } },
          { id: 'b', type: 'custom', custom: { name: 'sql', input: 'SELECT 1' } },
        ],
        provider_specific_fields: { openai: { reasoning: [thought] } },
      },
      { role: 'tool', tool_call_id: 'a', content: 'sunny' },
      { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: '1' }] },
      { role: 'assistant', content: 'Sunny' },
    ]);
  });

  it('leaves a thought away that led to nothing', () => {
    expect(messages({ type: 'reasoning', summary: [] }, { role: 'user', content: 'Hi' })).toHaveLength(1);
  });

  it('keeps a refusal', () => {
    const content = [{ type: 'refusal', refusal: 'No' }];
    expect(messages({ type: 'message', role: 'assistant', content })).toEqual([
      { role: 'assistant', content: null, refusal: 'No' },
    ]);
  });
});
