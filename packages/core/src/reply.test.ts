import { describe, expect, it } from 'vitest';
import { createCall } from './pipeline.ts';
import { abandon, createEnding, type End, onFinish, type Reply } from './reply.ts';
import { type Act, scripted, virtualClock } from './testing/index.ts';

async function ask(act: Act, stream: boolean) {
  const clock = virtualClock();
  const target = scripted('p:m', [act], { clock });
  const call = createCall({ model: 'm', messages: [{ role: 'user', content: 'hi' }], stream }, { clock });
  const permit = target.acquire(call);
  if ('blocked' in permit) throw new Error('blocked');
  return { reply: await target.handle(call, permit), target, call };
}
const ends = (reply: Reply) => {
  const heard: End[] = [];
  onFinish(reply, (end) => heard.push(end));
  return heard;
};
async function read(reply: Reply) {
  if (reply.kind === 'stream') for await (const frame of reply.frames) frame.chunks();
}

describe('createEnding', () => {
  it('tells each listener once, however often it is finished', () => {
    const ending = createEnding();
    const heard: End[] = [];
    ending.on((end) => heard.push(end));
    ending.finish({ abandoned: false });
    ending.finish({ abandoned: true });
    expect(heard).toEqual([{ abandoned: false }]);
  });

  it('tells at once whoever comes after the end', () => {
    const ending = createEnding();
    ending.finish({ abandoned: true });
    const heard: End[] = [];
    ending.on((end) => heard.push(end));
    expect(heard).toEqual([{ abandoned: true }]);
  });

  it('tells the others although one of them throws', () => {
    const ending = createEnding();
    const heard: End[] = [];
    ending.on(() => {
      throw new Error('a cache that is down');
    });
    ending.on((end) => heard.push(end));
    try {
      ending.finish({ abandoned: false });
    } catch {
      // whether the first one's trouble comes through is the next test's affair
    }
    expect(heard).toEqual([{ abandoned: false }]);
  });
});

describe('onFinish', () => {
  it('runs at once for a completion', async () => {
    const { reply } = await ask({ say: 'hi' }, false);
    expect(ends(reply)).toEqual([{ abandoned: false }]);
  });

  it('runs at the end of a stream, once, and not before', async () => {
    const { reply } = await ask({ say: 'one two' }, true);
    const heard = ends(reply);
    expect(heard).toEqual([]);
    await read(reply);
    await read(reply);
    expect(heard).toEqual([{ abandoned: false }]);
  });

  it('runs once with the error for a stream that fails', async () => {
    const { reply } = await ask({ say: 'one two', thenFail: 'server_error' }, true);
    const heard = ends(reply);
    await expect(read(reply)).rejects.toMatchObject({ class: 'server_error' });
    await abandon(reply);
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatchObject({ abandoned: false, error: { class: 'server_error' } });
  });

  it('runs once for a stream that its reader leaves', async () => {
    const { reply } = await ask({ say: 'one two three' }, true);
    const heard = ends(reply);
    if (reply.kind === 'stream') for await (const _ of reply.frames) break;
    await abandon(reply);
    expect(heard).toEqual([{ abandoned: true }]);
  });

  it('keeps a listener that throws away from the reader of a whole answer', async () => {
    const { reply } = await ask({ say: 'one two' }, true);
    onFinish(reply, () => {
      throw new Error('a cache that is down');
    });
    await expect(read(reply)).resolves.toBeUndefined();
  });
});

describe('abandon', () => {
  it('ends the upstream of a stream that nobody has read', async () => {
    const { reply, target } = await ask({ say: 'one two three' }, true);
    expect(target.inFlight()).toBe(1);
    await abandon(reply);
    expect(target.inFlight()).toBe(0);
  });

  it('leaves nothing to read behind', async () => {
    const { reply } = await ask({ say: 'one two three' }, true);
    await abandon(reply);
    const frames = [];
    if (reply.kind === 'stream') for await (const frame of reply.frames) frames.push(frame);
    expect(frames).toEqual([]);
  });
});
