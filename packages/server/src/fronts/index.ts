import { EMBEDDINGS_MODE } from '../compat/names.ts';
import { chatFront } from './chat.ts';
import { embeddingsFront } from './embeddings.ts';
import type { Front } from './front.ts';
import { messagesFront } from './messages.ts';
import { responsesFront } from './responses.ts';

/** Every way to ask this gateway. */
export const createFronts = ({ strict }: { strict: boolean }): readonly Front[] => [
  chatFront({ strict }),
  messagesFront(),
  responsesFront(),
  embeddingsFront({ strict, defaultModel: EMBEDDINGS_MODE }),
];
