import { z } from 'zod';

/*
 * What OpenAI's published schema requires of answers, field by field; what it does not know passes.
 * Source: https://github.com/openai/openai-openapi, CreateChatCompletionResponse, CreateChatCompletionStreamResponse,
 * CreateEmbeddingResponse, ErrorResponse (read 2026-11-20).
 */

const count = z.int().min(0);
const finish = z.enum(['stop', 'length', 'tool_calls', 'content_filter', 'function_call']);
const serviceTier = z.enum(['auto', 'default', 'flex', 'scale', 'priority', 'fast']).nullish();

const usage = z
  .looseObject({
    prompt_tokens: count,
    completion_tokens: count,
    total_tokens: count,
    prompt_tokens_details: z.looseObject({ cached_tokens: count.nullish() }).nullish(),
    completion_tokens_details: z.looseObject({ reasoning_tokens: count.nullish() }).nullish(),
  })
  .refine((of) => of.prompt_tokens + of.completion_tokens === of.total_tokens, 'the total is the sum');

const call = z.union([
  z.looseObject({
    id: z.string().min(1),
    type: z.literal('function'),
    function: z.looseObject({ name: z.string().min(1), arguments: z.string() }),
  }),
  z.looseObject({
    id: z.string().min(1),
    type: z.literal('custom'),
    custom: z.looseObject({ name: z.string().min(1), input: z.string() }),
  }),
]);

const head = { id: z.string().min(1), created: z.int().min(1), model: z.string(), service_tier: serviceTier };

export const completionShape = z.looseObject({
  ...head,
  object: z.literal('chat.completion'),
  choices: z
    .array(
      z.looseObject({
        index: count,
        message: z.looseObject({
          role: z.literal('assistant'),
          content: z.string().nullable(),
          refusal: z.string().nullable(),
          tool_calls: z.array(call).min(1).optional(),
          annotations: z.array(z.looseObject({})).optional(),
        }),
        finish_reason: finish,
        // required by the schema, and missing from recorded answers of its own author
        logprobs: z.looseObject({}).nullish(),
      }),
    )
    .min(1),
  usage: usage.optional(),
});

/** Tool calls of a chunk: the first of an index names everything, later ones only go on. */
const callDelta = z.union([
  z.looseObject({
    index: count,
    id: z.string().min(1),
    type: z.literal('function'),
    function: z.looseObject({ name: z.string().min(1), arguments: z.string() }),
  }),
  z.looseObject({
    index: count,
    id: z.string().min(1),
    type: z.literal('custom'),
    custom: z.looseObject({}),
  }),
  z.strictObject({ index: count, function: z.strictObject({ arguments: z.string() }) }),
]);

const chunk = z.looseObject({
  ...head,
  object: z.literal('chat.completion.chunk'),
  choices: z.array(
    z.looseObject({
      index: count,
      delta: z.looseObject({
        role: z.literal('assistant').optional(),
        content: z.string().nullable().optional(),
        refusal: z.string().nullable().optional(),
        tool_calls: z.array(callDelta).min(1).optional(),
      }),
      finish_reason: finish.nullable(),
    }),
  ),
  usage: usage.nullish(),
});

/** A whole stream of chunks: each by itself, and all together. Throws where they are not as clients rely on. */
export function checkStream(given: readonly unknown[]): void {
  const chunks = given.map((one) => chunk.parse(one));
  const fault = (why: string) => {
    throw new Error(why);
  };
  if (new Set(chunks.map(({ id }) => id)).size !== 1) fault('one id on all chunks');
  if (new Set(chunks.map(({ created }) => created)).size !== 1) fault('one time on all chunks');
  const [first] = chunks;
  if (first?.choices[0]?.delta.role !== 'assistant') fault('the first delta names the role');
  const bare = chunks.filter(({ choices }) => choices.length === 0);
  if (bare.length > 1 || (bare.length === 1 && chunks.at(-1) !== bare[0]))
    fault('one usage chunk, and the last');
  const choices = chunks.flatMap((one) => one.choices);
  for (const index of new Set(choices.map((choice) => choice.index))) {
    const own = choices.filter((choice) => choice.index === index);
    if (own.filter(({ finish_reason }) => finish_reason !== null).length !== 1) fault('one finish reason');
    if (own.at(-1)?.finish_reason === null) fault('the finish reason last');
    if (own.filter(({ delta }) => delta.role !== undefined).length !== 1) fault('the role once');
    let known = 0;
    for (const { index: at } of own.flatMap(({ delta }) => delta.tool_calls ?? [])) {
      if (at > known) fault('tool indices are contiguous from 0');
      if (at === known) known += 1;
    }
    const reason = own.at(-1)?.finish_reason;
    if (known > 0 && reason === 'stop') fault('calls finish with tool_calls');
  }
}

export const errorShape = z.strictObject({
  error: z.looseObject({
    message: z.string().min(1),
    type: z.string().min(1),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});
