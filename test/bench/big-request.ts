import { setTimeout as sleep } from 'node:timers/promises';
import { rssMegabytes } from './cpu.ts';
import { type BenchGateway, signUp, startGateway, temporaryFolder } from './gateway.ts';

/** How much memory a picture of this many bytes of base64 costs while it is on its way. */
const IMAGE_BYTES = 20_000_000;
const EVERY_MS = 5;

export interface BigRequest {
  /** From which dialect to which. */
  readonly way: string;
  /** Megabytes that the process grew by at its most, gateway by gateway. */
  readonly grown: readonly number[];
  readonly bodyMegabytes: number;
}

const DATA = 'A'.repeat(IMAGE_BYTES);
const CHAT = { type: 'image_url', image_url: { url: `data:image/png;base64,${DATA}` } };
const MESSAGES = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: DATA } };

/** Every way there is: through another dialect and through one's own. The balanced tier asks OpenAI first, the other Anthropic. */
const WAYS = [
  { way: 'chat → Anthropic', path: '/v1/chat/completions', model: 'ib/premium', image: CHAT },
  { way: 'chat → OpenAI', path: '/v1/chat/completions', model: 'ib/balanced', image: CHAT },
  { way: 'messages → Anthropic', path: '/v1/messages', model: 'ib/premium', image: MESSAGES },
  { way: 'messages → OpenAI', path: '/v1/messages', model: 'ib/balanced', image: MESSAGES },
] as const;

/** Each way the first picture of a gateway that has had small calls only: a second one would use what the first has left. */
export async function bigRequests(upstreamPort: number, times: number): Promise<readonly BigRequest[]> {
  const all: BigRequest[] = [];
  for (const one of WAYS) {
    const grown: number[] = [];
    let bodyMegabytes = Number.NaN;
    for (let n = 0; n < times; n++) {
      const { dir, remove } = temporaryFolder();
      const gateway = await startGateway({ upstreamPort, dir });
      try {
        const key = await signUp(gateway);
        await sleep(AT_REST_MS);
        for (let call = 0; call < SMALL_CALLS; call++) await ask(gateway, key, one.path, small(one.model));
        await sleep(SETTLE_MS);
        const found = await bigRequest(gateway, key, one);
        grown.push(found.grown);
        bodyMegabytes = found.bodyMegabytes;
      } finally {
        await gateway.stop();
        remove();
      }
    }
    all.push({ way: one.way, grown, bodyMegabytes });
  }
  return all;
}

const AT_REST_MS = 1_500;
const SMALL_CALLS = 20;
const SETTLE_MS = 500;
const small = (model: string): string =>
  JSON.stringify({ model, max_tokens: 16, messages: [{ role: 'user', content: 'Hello' }] });

async function ask(gateway: BenchGateway, key: string, path: string, body: string): Promise<void> {
  const response = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body,
  });
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`a request was answered with ${response.status}`);
}

async function bigRequest(
  gateway: BenchGateway,
  key: string,
  { path, model, image }: (typeof WAYS)[number],
): Promise<{ readonly grown: number; readonly bodyMegabytes: number }> {
  const content = [{ type: 'text', text: 'What is this?' }, image];
  const body = JSON.stringify({ model, max_tokens: 16, messages: [{ role: 'user', content }] });
  const before = rssMegabytes(gateway.pid);
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, rssMegabytes(gateway.pid));
  }, EVERY_MS);
  await ask(gateway, key, path, body).finally(() => clearInterval(watch));
  return { grown: most - before, bodyMegabytes: body.length / 1_000_000 };
}
