import { describe, expect, it } from 'vitest';
import { run } from './engine/run.ts';
import { createCall } from './pipeline.ts';
import { type Act, scripted, virtualClock } from './testing/index.ts';

/** A dollar for each token of the prompt, ten for each of the answer. */
const price = ({ inputTokens, outputTokens }: { inputTokens: number; outputTokens: number }) =>
  inputTokens + 10 * outputTokens;
const PROMPT = 'x'.repeat(40); // 10 tokens

async function readSome(frames: AsyncIterable<unknown>, most: number) {
  let read = 0;
  for await (const _ of frames) if (++read === most) break;
}

async function race(scripts: readonly (readonly [Act, ...Act[]])[], { stream = false, maxFrames = 99 } = {}) {
  const clock = virtualClock();
  const targets = scripts.map((acts, i) => scripted(`${'abc'[i]}:m`, acts, { clock, price }));
  const call = createCall({ model: 'm', messages: [{ role: 'user', content: PROMPT }], stream }, { clock });
  const together = targets.map((target) => ({ attempt: { target, facts: target.facts(call) }, why: '' }));
  const going = run({ together }, call, { clock, random: () => 0 }).catch(() => null);
  await clock.advance(50_000);
  const reply = await going;
  if (reply?.kind === 'stream') await readSome(reply.frames, maxFrames).catch(() => {});
  return call.trail.map(({ provider, outcome, cost, estimated = false }) => ({
    provider,
    outcome,
    cost,
    estimated,
  }));
}

describe('what an attempt that was not let finish has cost', () => {
  it('is estimated for the loser of a race: its prompt', async () => {
    expect(await race([[{ say: 'hi', afterMs: 10 }], [{ hang: true }]])).toEqual([
      { provider: 'a', outcome: 'ok', cost: null, estimated: false },
      { provider: 'b', outcome: 'aborted', cost: 10, estimated: true },
    ]);
  });

  it('is estimated for a stream whose reader left: its prompt, and about what had been said', async () => {
    const [only] = await race([[{ say: 'four score and seven years ago our fathers' }]], {
      stream: true,
      maxFrames: 4,
    });
    expect(only).toMatchObject({ outcome: 'aborted', estimated: true });
    expect(only?.cost).toBeGreaterThan(10);
    expect(only?.cost).toBeLessThan(10 + 10 * 11);
  });

  it('is estimated for a stream that broke', async () => {
    const [only] = await race([[{ say: 'one two three', thenFail: 'unreachable' }]], { stream: true });
    expect(only).toMatchObject({ outcome: 'unreachable', estimated: true });
  });

  it('is unknown, not zero, for one that the upstream refused', async () => {
    expect(await race([[{ fail: 'server_error' }]])).toMatchObject([
      { cost: null, estimated: false },
      {},
      {},
    ]);
  });
});
