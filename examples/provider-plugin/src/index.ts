import { chunksOf, defineProvider, GatewayError, textOf } from '@inferbridge/core';
import { z } from 'zod';

/** A vendor that is like no other: it says what it heard. One async generator; core frames it, or folds it when nobody streams. */
export const echo = defineProvider({
  name: 'echo',
  options: z.strictObject({
    /** Said before what was heard; default nothing. */
    prefix: z.string().default(''),
    /** Fails instead, as if it were overloaded; default false. */
    overloaded: z.boolean().default(false),
  }),
  create: ({ prefix, overloaded }) => ({
    residency: 'eu',
    async *chat({ messages, model }) {
      if (overloaded) throw new GatewayError('overloaded', 'echo is overloaded');
      yield* chunksOf(prefix + textOf(messages.at(-1)), { id: 'echo-1', model });
    },
    models: async () => ['echo-1'],
  }),
});

export default echo;
