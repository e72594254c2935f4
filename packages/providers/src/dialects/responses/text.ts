import type { ChunkDelta } from '@inferbridge/core';

type Deltas = readonly ChunkDelta[];
type Field = 'content' | 'refusal';

/**
 * Texts that come in deltas and once more whole: tells what is new. Thoughts in several parts are set apart by a blank line.
 */
export function createText() {
  /** How much of each text has been said. */
  const said = new Map<string, number>();
  /** Where in the whole content each part begins. */
  const starts = new Map<string, number>();
  let total = 0;
  /** Which part is being thought, and which of its two tellings each item began with. */
  let thought: string | null = null;
  const tellings = new Map<number | string, string>();

  const more = (key: string, delta: unknown): string => {
    const piece = typeof delta === 'string' ? delta : '';
    said.set(key, (said.get(key) ?? 0) + piece.length);
    return piece;
  };
  const rest = (key: string, whole: unknown): string =>
    more(key, typeof whole === 'string' ? whole.slice(said.get(key) ?? 0) : '');

  const spoken = (field: Field, place: string, piece: string): Deltas => {
    if (field === 'content' && !starts.has(place)) starts.set(place, total);
    if (field === 'content') total += piece.length;
    return piece === '' ? [] : [{ [field]: piece }];
  };

  const think = (
    item: number | string,
    kind: string,
    part: number,
    take: (key: string) => string,
  ): Deltas => {
    if ((tellings.get(item) ?? kind) !== kind) return [];
    const key = `${item}:${kind}:${part}`;
    const piece = take(key);
    if (piece === '') return [];
    tellings.set(item, kind);
    const apart = thought !== null && thought !== key ? '\n\n' : '';
    thought = key;
    return [{ reasoning_content: apart + piece }];
  };

  return {
    more,
    rest,
    grow: (field: Field, place: string, delta: unknown): Deltas =>
      spoken(field, place, more(`${field} ${place}`, delta)),
    settle: (field: Field, place: string, whole: unknown): Deltas =>
      spoken(field, place, rest(`${field} ${place}`, whole)),
    growThought: (item: number | string, kind: string, part: number, delta: unknown): Deltas =>
      think(item, kind, part, (key) => more(key, delta)),
    settleThought: (item: number | string, kind: string, part: number, whole: unknown): Deltas =>
      think(item, kind, part, (key) => rest(key, whole)),
    /** How much was said before this part. */
    before: (place: string): number => starts.get(place) ?? total,
  };
}
