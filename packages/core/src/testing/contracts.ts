import { strict as assert } from 'node:assert';
import type { ChatRequest } from '../chat.ts';
import { systemClock } from '../clock.ts';
import { isGatewayError } from '../errors.ts';
import { createHost, type Transport } from '../host.ts';
import { createCall } from '../pipeline.ts';
import { leaves } from '../plan.ts';
import { bind, type ProviderPlugin, type Store, type StrategyPlugin } from '../plugin.ts';
import { seededRandom } from '../random.ts';
import type { Reply } from '../reply.ts';
import { choicesOf, contextOf } from './planning.ts';

/** One promise that an implementation must keep: run it under any test runner, `for (const { name, run } of …) it(name, run)`. */
export interface Check {
  readonly name: string;
  run(): Promise<void>;
}

export interface ProviderContract {
  readonly plugin: ProviderPlugin;
  readonly options?: Record<string, unknown>;
  /** A model that answers. */
  readonly model: string;
  /** Reaches an upstream that answers any chat; providers that need no HTTP leave it out. */
  readonly transport?: Transport;
}

const HELLO: ChatRequest = { model: '', messages: [{ role: 'user', content: 'Say hello.' }] };

/** What every provider promises to the engine. */
export function providerContract({
  plugin,
  options = {},
  model,
  transport,
}: ProviderContract): readonly Check[] {
  const host = createHost({
    transport: transport ?? (() => Promise.reject(new TypeError('this provider was said to need no HTTP'))),
  });
  const target = () => bind(plugin, { apiKey: 'contract-key', ...options }, host).model(model);
  const ask = (stream: boolean, signal?: AbortSignal): Promise<Reply> => {
    const one = target();
    const call = createCall(
      { ...HELLO, ...(stream && { stream }) },
      { clock: systemClock, ...(signal && { signal }) },
    );
    const permit = one.acquire(call);
    assert.ok(!('blocked' in permit), 'a bare target is never blocked');
    return one.handle(call, permit);
  };
  return [
    {
      name: 'answers whole with choices, a message and a finish reason',
      async run() {
        const reply = await ask(false);
        assert.equal(reply.kind, 'completion');
        if (reply.kind !== 'completion') return;
        const [choice] = reply.json().choices;
        assert.equal(typeof choice?.message.content, 'string');
        assert.equal(typeof choice?.finish_reason, 'string');
        assert.deepEqual(
          JSON.parse(new TextDecoder().decode(reply.bytes)),
          JSON.parse(JSON.stringify(reply.json())),
          'bytes and json tell the same',
        );
      },
    },
    {
      name: 'streams the same text as it answers whole, in chunks of one id, and finishes once',
      async run() {
        const whole = await ask(false);
        const reply = await ask(true);
        assert.equal(reply.kind, 'stream');
        if (reply.kind !== 'stream' || whole.kind !== 'completion') return;
        const chunks = [];
        for await (const frame of reply.frames) chunks.push(...frame.chunks());
        const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
        assert.equal(text, whole.json().choices[0]?.message.content);
        assert.equal(new Set(chunks.map(({ id }) => id)).size, 1, 'one id');
        assert.equal(
          chunks.filter((chunk) => chunk.choices[0]?.finish_reason).length,
          1,
          'one finish reason',
        );
      },
    },
    {
      name: 'lets go at once when nobody waits any more',
      async run() {
        const gone = new AbortController();
        gone.abort(new Error('gone'));
        await assert.rejects(ask(true, gone.signal));
      },
    },
    {
      name: 'fails with a classified error, and none that holds the key',
      async run() {
        const failing = createHost({
          transport: async () => ({
            status: 503,
            headers: {},
            bytes: async () => new TextEncoder().encode('{"error":{"message":"contract-key"}}'),
            body: none(),
          }),
        });
        const broken = bind(plugin, { apiKey: 'contract-key', ...options }, failing).model(model);
        const call = createCall(HELLO);
        const permit = broken.acquire(call);
        if (!transport || 'blocked' in permit) return;
        await assert.rejects(broken.handle(call, permit), (error) => {
          assert.ok(isGatewayError(error), 'a GatewayError');
          assert.notEqual(error.class, 'internal');
          assert.ok(
            !JSON.stringify({ message: error.message, details: error.details }).includes('contract-key'),
            'no key',
          );
          return true;
        });
      },
    },
  ];
}

async function* none(): AsyncGenerator<Uint8Array> {}

/** What every strategy promises: a plan over the choices that it was given, the same for the same input, at once. */
export function strategyContract(plugin: StrategyPlugin, options?: unknown): readonly Check[] {
  const { strategy } = plugin([], options);
  const seeded = (seed: number) => contextOf({ random: seededRandom(seed) });
  const some = (n: number) =>
    choicesOf(Object.fromEntries(Array.from({ length: n }, (_, i) => [`p${i}:m`, {}])));
  return [
    {
      name: 'plans only with candidates that it was given, and with at least one',
      async run() {
        for (const n of [1, 2, 5]) {
          const choices = some(n);
          const given = new Set(choices.flatMap(({ candidates }) => candidates));
          const planned = leaves(strategy(choices, seeded(n)));
          assert.ok(planned.length > 0, 'somebody is tried');
          assert.ok(
            planned.every((candidate) => given.has(candidate)),
            'nobody is invented',
          );
        }
      },
    },
    {
      name: 'is pure: the same choices and chance give the same plan, and the choices stay as they were',
      async run() {
        const choices = some(4);
        const before = choices.slice();
        assert.deepEqual(leaves(strategy(choices, seeded(7))), leaves(strategy(choices, seeded(7))));
        assert.deepEqual(choices, before);
      },
    },
  ];
}

/** What every store promises. `create` gives an empty one each time. */
export function storeContract(create: () => Store | Promise<Store>): readonly Check[] {
  return [
    {
      name: 'gives back what was set, undefined for what was not, and nothing once deleted',
      async run() {
        const store = await create();
        assert.equal(await store.get('a'), undefined);
        await store.set('a', { text: 'ü', n: 1 });
        assert.deepEqual(await store.get('a'), { text: 'ü', n: 1 });
        await store.delete('a');
        assert.equal(await store.get('a'), undefined);
      },
    },
    {
      name: 'replaces, and keeps keys apart',
      async run() {
        const store = await create();
        await store.set('a', 1);
        await store.set('a:b', 2);
        await store.set('a', 3);
        assert.equal(await store.get('a'), 3);
        assert.equal(await store.get('a:b'), 2);
      },
    },
  ];
}
