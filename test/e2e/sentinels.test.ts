import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { broken, completion, message, refusal, streamed } from '../support/answers.ts';
import { standard } from '../support/standard.ts';

const parts = standard();

const PROMPT = 'sentinel-prompt-7f3a9c';
const ANSWER = 'sentinel-completion-b81d22';
const PROVIDER_KEY = 'sk-sentinel-provider-key-55e0aa';

/** Everything that lies in a folder, byte by byte. */
function files(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}

it('keeps no prompt, no completion and no key anywhere: in no file, table, log line or error', async () => {
  const { gateway, upstream } = parts;
  const user = await account(gateway);
  const said: string[] = [];
  const register = (provider: string) =>
    gateway.fetch('/v1/keys', {
      method: 'POST',
      key: user.key,
      body: JSON.stringify({ provider, api_key: PROVIDER_KEY, label: 'mine' }),
    });
  said.push(
    await (await register('openai')).text(),
    await (await register('openai')).text(),
    await (await register('anthropic')).text(),
  );

  const messages = [{ role: 'user', content: PROMPT }];
  const echo = {
    message: `you said ${PROMPT} with ${PROVIDER_KEY} and Bearer ${user.key}`,
    type: 'server_error',
  };
  const errors: string[] = [];
  const ask = async (body: object, headers: Record<string, string> = {}) =>
    errors.push(await (await user.chat({ messages, ...body }, headers)).text());

  upstream.script('openai', completion(ANSWER));
  await user.chat({ messages }).then((response) => response.text());
  upstream.script('openai', streamed(ANSWER));
  await user.chat({ messages, stream: true }).then((response) => response.text());
  upstream.script('openai', refusal(500, echo));
  upstream.script('anthropic', refusal(500, echo));
  await ask({});
  await ask({ stream: true });
  upstream.script('openai', broken('One ', 'reset'));
  await ask({ stream: true });
  upstream.script('openai', refusal(401, echo));
  upstream.script('anthropic', message(ANSWER));
  await user.chat({ messages }).then((response) => response.text());
  upstream.script('openai', {
    status: 200,
    body: `<html>${PROMPT}</html>`,
    headers: { 'content-type': 'text/html' },
  });
  await ask({ model: 'openai:x' });
  await gateway.fetch('/v1/chat/completions', {
    method: 'POST',
    key: user.key,
    body: `{"model":"ib/balanced","messages":[{"role":"user","content":"${PROMPT}"`,
  });
  await ask({ model: `no:${PROMPT}`, temperature: 9 });
  said.push(
    await (await gateway.fetch('/v1/keys', { key: user.key })).text(),
    await (await gateway.fetch('/v1/stats', { key: user.key })).text(),
  );
  said.push(JSON.stringify(await user.logs()));
  await gateway.stop();

  const places = new Map(files(gateway.dir).map((path) => [path, readFileSync(path, 'latin1')]));
  expect([...places.keys()].some((path) => path.endsWith('accounts.sqlite'))).toBe(true);
  expect([...places.keys()].some((path) => path.endsWith('logs.sqlite'))).toBe(true);
  places.set('what the server printed', gateway.output());
  places.set('keys, stats and logs', said.join('\n'));
  for (const secret of [PROMPT, ANSWER, PROVIDER_KEY, user.key])
    for (const [place, content] of places)
      expect(content.includes(secret), `${secret} in ${place}`).toBe(false);
  for (const secret of [PROVIDER_KEY, user.key, ANSWER])
    for (const text of errors) expect(text.includes(secret), `${secret} in ${text}`).toBe(false);
});
