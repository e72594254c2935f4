import { beforeAll, describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { broken, completion, message, messageStream, refusal, streamed } from '../support/answers.ts';
import { python } from '../support/python.ts';
import { standard } from '../support/standard.ts';

const { missing, run } = await python('openai-2', ['openai>=1.60']);

/** What InferBridge's users copy: two lines changed, a loop over chunks. */
const SCRIPT = `
import sys
from openai import OpenAI

client = OpenAI(api_key=sys.argv[1], base_url=sys.argv[2])
if sys.argv[3] == "impatient":
    client = client.with_options(timeout=4, max_retries=0)
if sys.argv[3] == "stream":
    stream = client.chat.completions.create(
        model="ib/balanced",
        messages=[{"role": "user", "content": "Say hello."}],
        stream=True,
    )
    for chunk in stream:
        if chunk.choices[0].delta.content:
            print(chunk.choices[0].delta.content, end="")
else:
    response = client.chat.completions.create(
        model="ib/balanced",
        messages=[{"role": "user", "content": "Say hello."}],
    )
    print(response.choices[0].message.content, end="")
    print("|" + response.model_extra["inferbridge"]["provider"], end="")
`;

describe.skipIf(missing !== null)(
  `Python's official SDK${missing === null ? '' : ` (skipped: ${missing})`}`,
  () => {
    const parts = standard();
    let key = '';
    const ask = (mode: string) => run(SCRIPT, key, `${parts.gateway.url}/v1`, mode);

    beforeAll(async () => {
      key = (await account(parts.gateway, ['openai', 'anthropic'])).key;
    });

    it('creates a completion', async () => {
      parts.upstream.script('openai', completion('Hello there.'));
      expect((await ask('whole')).stdout).toBe('Hello there.|openai');
    });

    it('loops over a stream', async () => {
      parts.upstream.script('openai', streamed('Hello there.'));
      expect((await ask('stream')).stdout).toBe('Hello there.');
    });

    it('notices nothing of a fallback', async () => {
      parts.upstream.script('openai', refusal(500));
      parts.upstream.script('anthropic', message('Hello there.'));
      expect((await ask('whole')).stdout).toBe('Hello there.|anthropic');
      parts.upstream.script('openai', broken('', 'reset'));
      parts.upstream.script('anthropic', messageStream('Hello there.'));
      expect((await ask('stream')).stdout).toBe('Hello there.');
    });

    it('that gives up after a few seconds gets its answer from the second provider while the first hangs', async () => {
      parts.upstream.script('openai', { hang: true });
      parts.upstream.script('anthropic', message('In time.'));
      expect((await ask('impatient')).stdout).toBe('In time.|anthropic');
    });

    it('raises when a stream breaks after its first content', async () => {
      parts.upstream.script('openai', broken('One two ', 'end'));
      await expect(ask('stream')).rejects.toThrow(/APIError/);
    });
  },
);
