import type { Item } from '../item.ts';
import type { Draft, Piece, Writer } from './writer.ts';

interface Entry {
  readonly writer: Writer;
  /** What came while an earlier item was not over. */
  readonly waiting: Piece[];
  state: 'waiting' | 'open' | 'closed' | 'done';
}

/**
 * Items one strictly after the other, in the order in which they began: what belongs to a later one waits until the
 * earlier ones are over. Only the last word on reasoning comes at the end, since what it must carry does.
 */
export function createQueue() {
  const entries: Entry[] = [];
  const places = new Map<Writer, number>();
  let head = 0;

  const open = (entry: Entry): readonly Draft[] => {
    if (entry.state !== 'waiting') return [];
    entry.state = 'open';
    return entry.writer.open();
  };
  const flush = (entry: Entry): readonly Draft[] => [
    ...open(entry),
    ...entry.waiting.splice(0).flatMap((piece) => entry.writer.grow(piece)),
  ];
  const done = (entry: Entry): readonly Draft[] => {
    if (entry.state === 'done') return [];
    entry.state = 'done';
    const output_index = places.get(entry.writer) ?? 0;
    return [{ type: 'response.output_item.done', output_index, item: entry.writer.item() }];
  };
  const close = (entry: Entry, completed: boolean): readonly Draft[] => {
    const inside = [...flush(entry), ...entry.writer.close(completed)];
    entry.state = 'closed';
    return entry.writer.kind === 'reasoning' ? inside : [...inside, ...done(entry)];
  };
  /** Goes on to the next item where the one at the head is over. */
  const advance = (): readonly Draft[] => {
    const drafts: Draft[] = [];
    for (let entry = entries[head]; entry; entry = entries[head]) {
      drafts.push(...flush(entry));
      if (head === entries.length - 1 || !entry.writer.finished()) break;
      drafts.push(...close(entry, true));
      head++;
    }
    return drafts;
  };

  return {
    length: () => entries.length,
    last: (): Writer | undefined => entries.at(-1)?.writer,
    add(writer: Writer): readonly Draft[] {
      places.set(writer, entries.length);
      entries.push({ writer, waiting: [], state: 'waiting' });
      return advance();
    },
    grow(writer: Writer, piece: Piece): readonly Draft[] {
      const at = places.get(writer) ?? -1;
      const entry = entries[at];
      if (!entry || at < head) return [];
      if (at === head) return [...writer.grow(piece), ...(at < entries.length - 1 ? advance() : [])];
      entry.waiting.push(piece);
      return [];
    },
    /** Ends all that is open; the last of them was cut short where not `completed`. */
    end(completed: boolean): readonly Draft[] {
      const drafts = entries
        .slice(head)
        .flatMap((entry) => close(entry, completed || entry !== entries.at(-1)));
      head = entries.length;
      return drafts;
    },
    /** The last word on what was kept open. */
    settle: (): readonly Draft[] => entries.flatMap(done),
    items: (): readonly Item[] =>
      entries.filter(({ state }) => state !== 'waiting').map(({ writer }) => writer.item()),
  };
}
