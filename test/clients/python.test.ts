import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { python } from '../support/python.ts';
import { standard } from '../support/standard.ts';
import { ANSWERING, conversation, ROUTES, routeTiers, type Turn } from '../support/turns.ts';

const { missing, run } = await python('clients', ['openai>=2', 'anthropic>=0.70']);
const parts = standard({ config: () => ({ tiers: routeTiers }) });
const CALL = { id: 'call_1', name: 'weather', args: { city: 'Paris' } };

const OPENAI = `
import json, sys
from openai import OpenAI
from pydantic import BaseModel

key, url, model, what = sys.argv[1:5]
client = OpenAI(api_key=key, base_url=url + "/v1", max_retries=0)
tools = [{"type": "function", "function": {"name": "weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}}}]
messages = [{"role": "user", "content": "How is the weather in Paris?"}]

if what == "loop":
    first = client.chat.completions.create(model=model, messages=messages, tools=tools)
    call = first.choices[0].message.tool_calls[0]
    messages += [first.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    last = client.chat.completions.create(model=model, messages=messages, tools=tools)
    print(json.dumps([first.choices[0].finish_reason, json.loads(call.function.arguments), last.choices[0].message.content]))
elif what == "stream":
    with client.chat.completions.stream(model=model, messages=messages, tools=tools,
                                        stream_options={"include_usage": True}) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    message = final.choices[0].message
    print(json.dumps([message.content, [c.function.arguments for c in message.tool_calls], final.usage.total_tokens]))
elif what == "parse":
    class Weather(BaseModel):
        city: str
        degrees: int
    parsed = client.chat.completions.parse(model=model, messages=messages, response_format=Weather)
    print(json.dumps(parsed.choices[0].message.parsed.model_dump()))
elif what == "responses":
    print(json.dumps(client.responses.create(model=model, input="Say hello.").output_text))
`;

const ANTHROPIC = `
import json, sys
from anthropic import Anthropic

key, url, model, what = sys.argv[1:5]
client = Anthropic(api_key=key, base_url=url, max_retries=0)
tools = [{"name": "weather", "description": "Tells the weather.", "input_schema": {
    "type": "object", "properties": {"city": {"type": "string"}}}}]
messages = [{"role": "user", "content": "How is the weather in Paris?"}]
given = dict(model=model, max_tokens=100, tools=tools)

if what == "loop":
    first = client.messages.create(messages=messages, **given)
    call = next(block for block in first.content if block.type == "tool_use")
    messages += [{"role": "assistant", "content": first.content},
                 {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]}]
    last = client.messages.create(messages=messages, **given)
    print(json.dumps([first.stop_reason, call.input, last.content[0].text]))
else:
    with client.messages.stream(messages=messages, **given) as stream:
        for _ in stream:
            pass
        final = stream.get_final_message()
    print(json.dumps([final.content[0].text, [b.input for b in final.content if b.type == "tool_use"], final.usage.output_tokens]))
`;

/** Each start of Python takes a second: by default one route before and one after a fallback. */
const routes =
  process.env['INFERBRIDGE_MATRIX'] === 'all' ? ROUTES : ROUTES.filter((_, index) => index % 3 === 0);

describe.skipIf(missing !== null).each(routes)(
  `Python's official packages over $name${missing === null ? '' : ` (skipped: ${missing})`}`,
  (route) => {
    const print = async (script: string, what: string, ...turns: Turn[]): Promise<unknown> => {
      const { key } = await account(parts.gateway, ANSWERING);
      conversation(parts.upstream, route, ...turns);
      const { stdout } = await run(script, key, parts.gateway.url, route.model, what);
      return JSON.parse(stdout);
    };

    it('openai: a tool loop', async () => {
      expect(await print(OPENAI, 'loop', { calls: [CALL] }, { text: 'Sunny.' })).toEqual([
        'tool_calls',
        { city: 'Paris' },
        'Sunny.',
      ]);
    });

    it('openai: a stream with parallel calls', async () => {
      const turn = { text: 'Let me see.', calls: [CALL, { ...CALL, id: 'call_2' }] };
      expect(await print(OPENAI, 'stream', turn)).toEqual([
        'Let me see.',
        ['{"city":"Paris"}', '{"city":"Paris"}'],
        30,
      ]);
    });

    it('openai: structured output', async () => {
      expect(await print(OPENAI, 'parse', { text: '{"city":"Paris","degrees":21}' })).toEqual({
        city: 'Paris',
        degrees: 21,
      });
    });

    it('anthropic: a tool loop', async () => {
      expect(await print(ANTHROPIC, 'loop', { calls: [CALL] }, { text: 'Sunny.' })).toEqual([
        'tool_use',
        { city: 'Paris' },
        'Sunny.',
      ]);
    });

    it('anthropic: a stream with parallel calls', async () => {
      const turn = { text: 'Let me see.', calls: [CALL, { ...CALL, id: 'call_2' }] };
      expect(await print(ANTHROPIC, 'stream', turn)).toEqual([
        'Let me see.',
        [{ city: 'Paris' }, { city: 'Paris' }],
        10,
      ]);
    });

    it.skipIf(route.answers !== 'anthropic')('openai: a response', async () => {
      expect(await print(OPENAI, 'responses', { text: 'Hello.' })).toBe('Hello.');
    });
  },
);
