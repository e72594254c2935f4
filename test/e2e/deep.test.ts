import { expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { standard, vendors } from '../support/standard.ts';
import { anthropicTurn, openaiTurn } from '../support/turns.ts';

/* JSON that is nested beyond what can be written is the caller's mistake, wherever it stands. */

const parts = standard({ config: (url) => ({ providers: vendors(url) }) });
const DEEP = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
const user = '{"role":"user","content":"Hi"}';
const tool = `{"name":"f","input_schema":${DEEP}}`;
const turn = `{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":${DEEP}}]}`;

it.each([
  ['/v1/messages', 'a tool’s schema', `"tools":[${tool}],"messages":[${user}]`],
  ['/v1/messages', 'an input', `"messages":[${user},${turn},${user}]`],
  ['/v1/messages/count_tokens', 'a tool’s schema', `"tools":[${tool}],"messages":[${user}]`],
  ['/v1/messages/count_tokens', 'an input', `"messages":[${user},${turn},${user}]`],
])('%s with %s beyond all depth is never an error of ours', async (path, _, fields) => {
  const { key } = await account(parts.gateway, ['anthropic', 'openai']);
  parts.upstream.script('anthropic', anthropicTurn({ text: 'Hi' }));
  parts.upstream.script('openai', openaiTurn({ text: 'Hi' }));
  for (const model of ['anthropic:claude-sonnet-4-5', 'anthropic:claude-sonnet-5-5', 'openai:gpt-4.1']) {
    const body = `{"model":"${model}","max_tokens":10,${fields}}`;
    const response = await parts.gateway.fetch(path, { method: 'POST', key, body });
    expect(response.status, await response.text()).toBeLessThan(500);
  }
});
