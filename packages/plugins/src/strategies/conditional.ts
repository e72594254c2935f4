import { defineStrategy, type RequestFacts, type StrategyPlugin } from '@inferbridge/core';
import { z } from 'zod';
import { inOrder } from './order.ts';
import { unknownTag } from './tags.ts';

/** All that is said must hold; `{}` always holds. */
const condition = z
  .strictObject({
    tools: z.boolean().optional(),
    images: z.boolean().optional(),
    stream: z.boolean().optional(),
    /** Estimated tokens of the prompt: at least, at most. */
    minInputTokens: z.int().min(0).optional(),
    maxInputTokens: z.int().min(0).optional(),
    /** Each tag has this value, or one of these. */
    tags: z.record(z.string(), z.union([z.string(), z.array(z.string()).min(1)])).optional(),
  })
  .refine(
    ({ minInputTokens = 0, maxInputTokens = Number.POSITIVE_INFINITY }) => minInputTokens <= maxInputTokens,
    'minInputTokens is above maxInputTokens: it can never hold',
  );

type Condition = z.infer<typeof condition>;

const options = z.strictObject({
  /** One condition for each target, in their order. */
  when: z.array(condition).min(1),
});

/** Only those targets whose condition holds, in the tier's order: the first of them, then the others as its fallback. */
export const conditional: StrategyPlugin = defineStrategy({
  name: 'conditional',
  options,
  fits: ({ when }, targets, tags) =>
    when.length === targets
      ? unknownTag(
          'when',
          when.flatMap((one) => Object.keys(one.tags ?? {})),
          tags,
        )
      : `when: one condition for each target is wanted: ${targets}, got ${when.length}; {} always holds`,
  create:
    ({ when }) =>
    (choices, { request }) =>
      inOrder(choices.filter(({ index }) => holds(when[index] ?? {}, request))),
});

function holds(condition: Condition, request: RequestFacts): boolean {
  const { tools, images, stream, minInputTokens = 0, maxInputTokens, tags = {} } = condition;
  if (tools !== undefined && tools !== request.tools) return false;
  if (images !== undefined && images !== request.images) return false;
  if (stream !== undefined && stream !== request.stream) return false;
  if (request.inputTokens < minInputTokens) return false;
  if (maxInputTokens !== undefined && request.inputTokens > maxInputTokens) return false;
  return Object.entries(tags).every(([name, wanted]) => {
    const value = request.tags[name];
    return value !== undefined && (typeof wanted === 'string' ? wanted === value : wanted.includes(value));
  });
}

export default conditional;
