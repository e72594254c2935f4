import { withBlock } from '../compat/block.ts';
import { envelope } from '../compat/error-shape.ts';
import { chatFailure } from './chat.ts';
import { checkEmbeddings } from './embeddings-body.ts';
import type { Front } from './front.ts';

export interface EmbeddingsFrontOptions {
  readonly strict: boolean;
  /** The tier that a request without a model goes to. */
  readonly defaultModel: string;
}

/** `POST /v1/embeddings`. */
export const embeddingsFront = ({ strict, defaultModel }: EmbeddingsFrontOptions): Front => ({
  path: '/v1/embeddings',
  request: (body) => ({ operation: 'embeddings', value: checkEmbeddings(body, { strict, defaultModel }) }),
  writer: ({ block }) => ({
    whole: (reply) => withBlock(reply.bytes, block(reply)),
    stream() {
      throw new TypeError('embeddings are not streamed');
    },
    broken: (wire) => JSON.stringify(envelope(wire)),
  }),
  failure: chatFailure,
});
