import { rssMegabytes } from './cpu.ts';
import type { BenchGateway } from './gateway.ts';

/** How much memory a picture of this many bytes of base64 costs while it is on its way. */
const IMAGE_BYTES = 20_000_000;
const EVERY_MS = 5;

export interface BigRequest {
  /** Megabytes that the process grew by at its most, request by request. */
  readonly grown: readonly number[];
  readonly bodyMegabytes: number;
}

/** Sends large pictures one by one to a gateway that is at rest and watches its resident memory. */
export async function bigRequests(gateway: BenchGateway, key: string, times: number): Promise<BigRequest> {
  const picture = `data:image/png;base64,${'A'.repeat(IMAGE_BYTES)}`;
  const body = JSON.stringify({
    model: 'ib/premium',
    max_tokens: 16,
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: picture } },
        ],
      },
    ],
  });
  const grown: number[] = [];
  for (let i = 0; i < times; i++) {
    const before = rssMegabytes(gateway.pid);
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, rssMegabytes(gateway.pid));
    }, EVERY_MS);
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body,
    });
    await response.arrayBuffer();
    clearInterval(watch);
    if (response.status !== 200) throw new Error(`a large picture was answered with ${response.status}`);
    grown.push(most - before);
  }
  return { grown, bodyMegabytes: body.length / 1_000_000 };
}
