import { EMBEDDINGS_MODE } from '../compat/names.ts';
import { chatFront } from './chat.ts';
import { embeddingsFront } from './embeddings.ts';
import type { Front } from './front.ts';

/** Every way to ask this gateway. */
export const createFronts = ({ strict }: { strict: boolean }): readonly Front[] => [
  chatFront({ strict }),
  embeddingsFront({ strict, defaultModel: EMBEDDINGS_MODE }),
];
