import type { Config } from './schema.ts';

/** What the configuration asks for that this version does not do yet, said at the start so that nobody relies on it. */
export const notYet = ({ workers }: Config): readonly string[] =>
  workers > 1 ? ['workers: one process serves in this version'] : [];
