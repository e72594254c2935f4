import { rssMegabytes } from './cpu.ts';
import type { BenchGateway } from './gateway.ts';

/** How much memory a picture of this many bytes of base64 costs while it is on its way. */
const IMAGE_BYTES = 20_000_000;
const EVERY_MS = 5;

export interface BigRequest {
  /** From which dialect to which. */
  readonly way: string;
  /** Megabytes that the process grew by at its most, request by request. */
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

/** Sends large pictures one by one to a gateway that is at rest and watches its resident memory. */
export async function bigRequests(
  gateway: BenchGateway,
  key: string,
  times: number,
): Promise<readonly BigRequest[]> {
  const all: BigRequest[] = [];
  for (const one of WAYS) all.push(await bigRequest(gateway, key, one, times));
  return all;
}

async function bigRequest(
  gateway: BenchGateway,
  key: string,
  { way, path, model, image }: (typeof WAYS)[number],
  times: number,
): Promise<BigRequest> {
  const content = [{ type: 'text', text: 'What is this?' }, image];
  const body = JSON.stringify({ model, max_tokens: 16, messages: [{ role: 'user', content }] });
  const grown: number[] = [];
  for (let i = 0; i < times; i++) {
    const before = rssMegabytes(gateway.pid);
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, rssMegabytes(gateway.pid));
    }, EVERY_MS);
    const response = await fetch(gateway.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body,
    });
    await response.arrayBuffer();
    clearInterval(watch);
    if (response.status !== 200) throw new Error(`a large picture was answered with ${response.status}`);
    grown.push(most - before);
  }
  return { way, grown, bodyMegabytes: body.length / 1_000_000 };
}
