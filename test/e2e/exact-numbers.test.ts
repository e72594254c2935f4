import { expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { standard, vendors } from '../support/standard.ts';

/* Ids of other services are larger than a JavaScript number can be; they come through every dialect as they are. */

const parts = standard({ config: (url) => ({ providers: vendors(url) }) });
const ID = '1234567890123456789';
const INPUT = `{"id":${ID}}`;
const ARGUMENTS = JSON.stringify(INPUT);
const TOOL = { name: 'find', input_schema: { type: 'object', properties: {} } };
const sent = async () => (await parts.upstream.seen()).at(-1)?.body ?? '';

const OPENAI = `{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"tool_calls",
  "message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"find","arguments":${ARGUMENTS}}}]}}],
  "usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`;
const ANTHROPIC = `{"id":"msg_1","type":"message","role":"assistant","model":"m","stop_reason":"tool_use",
  "content":[{"type":"tool_use","id":"toolu_1","name":"find","input":${INPUT}}],"usage":{"input_tokens":1,"output_tokens":1}}`;
const GEMINI = `{"candidates":[{"finishReason":"STOP","content":{"role":"model","parts":[{"functionCall":{"name":"find","args":${INPUT}}}]}}],
  "usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2}}`;

async function asked(path: string, body: string): Promise<string> {
  const user = await account(parts.gateway, ['anthropic', 'openai', 'groq', 'gemini']);
  const response = await parts.gateway.fetch(path, { method: 'POST', key: user.key, body });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return text;
}

const chat = (model: string) =>
  `{"model":"${model}","max_tokens":100,"tools":[{"type":"function","function":{"name":"find","parameters":{"type":"object","properties":{}}}}],
  "messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"find","arguments":${ARGUMENTS}}}]},
  {"role":"tool","tool_call_id":"call_1","content":"ok"}]}`;
const messages = (model: string) =>
  `{"model":"${model}","max_tokens":100,"tools":[${JSON.stringify(TOOL)}],"messages":[{"role":"user","content":"Hi"},
  {"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"find","input":${INPUT}}]},
  {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"ok"}]}]}`;

it.each([
  {
    vendor: 'anthropic',
    model: 'anthropic:claude-sonnet-4-5',
    reply: ANTHROPIC,
    spelled: `"input":${INPUT}`,
  },
  { vendor: 'gemini', model: 'gemini:gemini-2.5-flash', reply: GEMINI, spelled: `"args":${INPUT}` },
])('from chat to $vendor and back', async ({ vendor, model, reply, spelled }) => {
  parts.upstream.script(vendor, { status: 200, body: reply });
  const answer = await asked('/v1/chat/completions', chat(model));
  expect(await sent()).toContain(spelled);
  expect(answer).toContain(ARGUMENTS);
});

it.each([
  { vendor: 'openai', model: 'openai:gpt-4.1', reply: OPENAI, spelled: ARGUMENTS },
  { vendor: 'groq', model: 'groq:llama-3.3-70b-versatile', reply: OPENAI, spelled: ARGUMENTS },
  { vendor: 'gemini', model: 'gemini:gemini-2.5-flash', reply: GEMINI, spelled: `"args":${INPUT}` },
])('from messages to $vendor and back', async ({ vendor, model, reply, spelled }) => {
  parts.upstream.script(vendor, { status: 200, body: reply });
  const answer = await asked('/v1/messages', messages(model));
  expect(await sent()).toContain(spelled);
  expect(answer).toContain(`"input":${INPUT}`);
});

it('through a stream of Gemini’s', async () => {
  parts.upstream.script('gemini', { sse: [`data: ${GEMINI.replaceAll('\n', ' ')}\n\n`] });
  const answer = await asked(
    '/v1/chat/completions',
    chat('gemini:gemini-2.5-flash').replace('{', '{"stream":true,'),
  );
  expect(answer).toContain(ID);
});
