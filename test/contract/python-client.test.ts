import { beforeAll, describe, expect, it } from 'vitest';
import { completion, messageStream } from '../support/answers.ts';
import { python } from '../support/python.ts';
import { standard } from '../support/standard.ts';

const { missing, run } = await python('openai-2', ['openai>=1.60']);

/** What a user of InferBridge writes: nothing in it knows of this gateway but the base URL. */
const SCRIPT = `
import json, sys
from urllib.request import Request, urlopen
from openai import OpenAI

BASE = sys.argv[1]

def call(path, body=None, key=None):
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    with urlopen(Request(BASE + path, data=body and json.dumps(body).encode(), headers=headers)) as answer:
        return answer.status, json.load(answer)

status, user = call("/users", {"email": sys.argv[2]})
assert status == 201, status
api_key = user["api_key"]

for provider in ("openai", "anthropic"):
    status, _ = call("/keys", {"provider": provider, "api_key": f"sk-{provider}"}, api_key)
    assert status == 201, status

client = OpenAI(api_key=api_key, base_url=BASE)
messages = [{"role": "user", "content": "Say hello."}]

whole = client.chat.completions.create(model="ib/balanced", messages=messages)
block = whole.model_extra["inferbridge"]

text, last = "", None
for chunk in client.chat.completions.create(model="ib/premium", messages=messages, stream=True):
    text += chunk.choices[0].delta.content or ""
    last = (chunk.choices[0].delta.model_extra or {}).get("inferbridge") or last

cached = []
for _ in range(2):
    reply = client.chat.completions.create(
        model="ib/balanced", messages=messages, temperature=0.2, extra_headers={"X-InferBridge-Cache": "true"}
    )
    cached.append([reply.id, reply.model_extra["inferbridge"]["cache_hit"], reply.model_extra["inferbridge"]["provider"]])

_, logs = call("/logs?limit=10", key=api_key)
_, stats = call("/stats", key=api_key)

try:
    client.chat.completions.create(model="ib/superb", messages=messages)
    refused = None
except Exception as error:
    refused = [type(error).__name__, error.status_code, error.param]

print(json.dumps({
    "key": api_key, "whole": whole.choices[0].message.content, "block": block, "text": text, "last": last,
    "cached": cached, "rows": [[row["status"], row["provider"]] for row in logs["data"]], "cursor": logs["next_cursor"],
    "totals": stats["totals"], "modes": sorted(stats["by_mode"]), "refused": refused,
}))
`;

describe.skipIf(missing !== null)(
  `a script of InferBridge’s own documentation, in Python${missing === null ? '' : ` (skipped: ${missing})`}`,
  () => {
    const parts = standard();
    // biome-ignore lint/suspicious/noExplicitAny: what the script prints; each test looks at its part
    let told: any;

    beforeAll(async () => {
      parts.upstream.script('openai', completion('Hello there.'));
      parts.upstream.script('anthropic', messageStream('Hello there, in pieces.'));
      const { stdout } = await run(SCRIPT, `${parts.gateway.url}/v1`, 'python@example.com');
      told = JSON.parse(stdout);
    });

    it('signs up and registers two keys', () => {
      expect(told.key).toMatch(/^ib_[0-9A-Za-z]{32}$/);
    });

    it('chats by api_key and base_url alone, and finds the block', () => {
      expect(told.whole).toBe('Hello there.');
      expect(told.block).toMatchObject({ provider: 'openai', mode: 'ib/balanced', cache_hit: false });
    });

    it('reads choices[0] of every chunk of a stream, and the block on the last', () => {
      expect(told.text).toBe('Hello there, in pieces.');
      expect(told.last).toMatchObject({ provider: 'anthropic', mode: 'ib/premium' });
    });

    it('gets the second answer from the cache', () => {
      const [[first, missed], [second, hit, provider]] = told.cached;
      expect([missed, hit, provider, first === second]).toEqual([false, true, 'cache', true]);
    });

    it('finds its requests in logs and stats, newest first', () => {
      expect(told.rows).toEqual([
        ['cache_hit', 'cache'],
        ['success', 'openai'],
        ['success', 'anthropic'],
        ['success', 'openai'],
      ]);
      expect(told.cursor).toBeNull();
      expect(told.totals).toMatchObject({ requests: 4, cache_hits: 1, cache_hit_rate: 0.25 });
      expect(told.modes).toEqual(['ib/balanced', 'ib/premium']);
    });

    it('gets the SDK’s own error for a mode that nobody knows', () => {
      expect(told.refused).toEqual(['UnprocessableEntityError', 422, 'model']);
    });
  },
);
