import { createNames, type Names } from './names.ts';

/** How the reply to a request is to be read: what was changed on the way in and must be changed back. */
export interface Reading {
  readonly names: Names;
  /** Free-form tools by their names on the wire. */
  readonly custom: ReadonlySet<string>;
  /** JSON was asked for by other means than a grammar: as a tool's arguments, or in words. */
  readonly json: 'tool' | 'words' | null;
  /** The name of the tool whose arguments are the answer. */
  readonly answer: string | null;
  /** A tool had to be called, and the model could only be asked to. */
  readonly mustCall: boolean;
}

/** Nothing was changed. */
export const PLAIN: Reading = {
  names: createNames(),
  custom: new Set(),
  json: null,
  answer: null,
  mustCall: false,
};
