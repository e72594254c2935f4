import type { Clock } from '@inferbridge/core';
import type { Asking, Reservation } from '@inferbridge/plugins';

type Pending = Promise<Reservation | null>;

/** What one worker has reserved and not settled yet, by the number of its question. */
export interface Reservations {
  put(id: number, asking: Asking, reservation: Pending): void;
  /** Takes it out; `undefined` where there is none, or no more. */
  take(id: number): Pending | undefined;
  size(): number;
}

const WINDOW_MS = 60_000;

/**
 * Tokens and money are settled when a call is over, however long that takes. A request alone is given back at once or
 * never: nobody says so, and after its minute it makes no difference.
 */
export function createReservations(clock: Clock): Reservations {
  const lasting = new Map<number, Pending>();
  let brief = new Map<number, Pending>();
  let older = new Map<number, Pending>();
  let since = clock.now();
  return {
    put(id, { tpm, budgets }, reservation) {
      if (clock.now() - since > WINDOW_MS) {
        older = brief;
        brief = new Map();
        since = clock.now();
      }
      (tpm === undefined && budgets.length === 0 ? brief : lasting).set(id, reservation);
    },
    take(id) {
      for (const map of [lasting, brief, older]) {
        const found = map.get(id);
        if (found && map.delete(id)) return found;
      }
      return undefined;
    },
    size: () => lasting.size + brief.size + older.size,
  };
}
