import type { createReferee, Section } from './rounds.ts';

/** Requests of every size, with replies of every kind: what is in the way of each, against the bare pass-through. */
export interface Cell {
  /** Of the request's body. */
  readonly bytes: number;
  /** Content events of the stream; `null` for a whole reply. */
  readonly events: number | null;
  readonly section: Section;
}

const SIZES = [200, 2_048, 65_536, 1_048_576];
const KINDS = [null, 100, 2_000];
const CONNECTIONS = 16;

export async function matrix(
  { section }: Pick<ReturnType<typeof createReferee>, 'section'>,
  { rounds, seconds, quick }: { readonly rounds: number; readonly seconds: number; readonly quick: boolean },
): Promise<readonly Cell[]> {
  const cells: Cell[] = [];
  for (const bytes of quick ? [65_536] : SIZES)
    for (const events of quick ? [null] : KINDS) {
      const job = {
        stream: events !== null,
        connections: CONNECTIONS,
        bytes,
        ...(events !== null && { events }),
      };
      if (!quick) await section(['bare', 'gateway'], 1, { ...job, seconds: 0.5 });
      cells.push({
        bytes,
        events,
        section: await section(['bare', 'gateway'], rounds, { ...job, seconds }),
      });
    }
  return cells;
}
