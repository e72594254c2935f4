/** Bytes that come in pieces, to be had as one; each is copied about once, however small the pieces are. */
export interface Pieces {
  /** Returns how many bytes there are now. */
  push(piece: Uint8Array): number;
  /** All of them; the only piece itself where there was one. */
  whole(): Uint8Array;
}

/** The least that is made for more than one piece. */
const LEAST_BYTES = 65_536;

/** `expected`: how many bytes there will be, where that is known: they have one place from the start. */
export function createPieces(expected = 0): Pieces {
  let place: Buffer | null = expected > 0 ? Buffer.allocUnsafeSlow(expected) : null;
  let only: Uint8Array | null = null;
  let length = 0;
  /** A list of the pieces would keep an object and a place in memory for each, be it a byte. */
  const roomFor = (bytes: number): Buffer => {
    if (place && length + bytes <= place.length) return place;
    const larger = Buffer.allocUnsafeSlow(Math.max(LEAST_BYTES, length + bytes, length * 2));
    larger.set((place ?? only ?? larger).subarray(0, length));
    place = larger;
    return larger;
  };
  return {
    push(piece) {
      if (!place && length === 0) only = piece;
      else roomFor(piece.length).set(piece, length);
      length += piece.length;
      return length;
    },
    whole: () => (place ? place.subarray(0, length) : (only ?? new Uint8Array(0))),
  };
}
