/*
 * A gateway in one file. With OPENAI_API_KEY or GROQ_API_KEY set, `node pipeline.ts` asks for real; without, the
 * fallback goes through to the echo at the end of the chain.
 */
import {
  bind,
  chunksOf,
  createHost,
  defineProvider,
  type Middleware,
  pipeline,
  textOf,
} from '@inferbridge/core';
import { logger, priority, router } from '@inferbridge/plugins';
import { createTransport, groq, openai } from '@inferbridge/providers';

/** Keys come from whoever composes; nothing here looks for them. */
export interface Keys {
  readonly openai?: string;
  readonly groq?: string;
}

const transport = createTransport();
const host = createHost({ transport: transport.send });

/** A provider of our own, in four lines. */
const echo = defineProvider({
  name: 'echo',
  create: () => ({
    chat: async function* ({ messages }) {
      yield* chunksOf(`You said: ${textOf(messages.at(-1))}`);
    },
  }),
});

/** A stage of our own: the reply is returned, and `next` may be called as often as it takes. */
const noShouting: Middleware = (call, next) => {
  const { request } = call;
  if (request.operation !== 'chat') return next(call);
  return next({ ...call, request: { ...request, value: { ...request.value, temperature: 0 } } });
};

export const gateway = (keys: Keys, sink = console.log) =>
  pipeline()
    .use(
      'logger',
      logger({
        sink: ({ status, provider, attempts }) =>
          sink({
            status,
            provider,
            tried: attempts.map(({ provider, outcome }) => `${provider}: ${outcome}`),
          }),
      }),
    )
    .use('no-shouting', noShouting)
    .to(
      router({
        'my/chain': priority([
          openai({ apiKey: keys.openai ?? '', host }).model('gpt-6-luna'),
          groq({ apiKey: keys.groq ?? '', host }).model('openai/gpt-oss-20b'),
          bind(echo, {}, host).model('echo-1'),
        ]),
      }),
    );

export const close = () => transport.close();

if (import.meta.main) {
  const { OPENAI_API_KEY: openaiKey, GROQ_API_KEY: groqKey } = process.env;
  const reply = await gateway({
    ...(openaiKey && { openai: openaiKey }),
    ...(groqKey && { groq: groqKey }),
  }).chat({
    model: 'my/chain',
    messages: [{ role: 'user', content: 'Hello' }],
    stream: true,
  });
  if (reply.kind === 'stream')
    for await (const frame of reply.frames)
      for (const chunk of frame.chunks()) process.stdout.write(String(chunk.choices[0]?.delta.content ?? ''));
  process.stdout.write('\n');
  await close();
}
