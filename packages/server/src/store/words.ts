import { hash } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { LogsSchema, WordRow as StoredWord, WayRow } from './schema.ts';

type WordRow = Omit<StoredWord, 'id'>;

/** Texts that stand in many rows, each kept once. */
export interface Words {
  /** Their numbers; new ones are written down, and those that are used keep living. `day`: days since 1970. */
  numbers(words: Iterable<string>, day: number): Promise<ReadonlyMap<string, number>>;
  /** `undefined` for one that stands in no row. */
  number(word: string): Promise<number | undefined>;
  words(numbers: Iterable<number | null>): Promise<ReadonlyMap<number, string>>;
  /** It stands in no row any more. */
  forget(word: string): Promise<void>;
  /** Deletes those that were not used since that day. */
  prune(day: number): Promise<void>;
}

const MOST_KEPT = 20_000;
const AT_ONCE = 500;

export function createWords(db: Kysely<LogsSchema>): Words {
  const byWord = new Map<string, { readonly id: number; readonly day: number }>();
  const byNumber = new Map<number, string>();
  const learn = ({ id, word, day }: WordRow & { readonly id: number }) => {
    const [oldest] = byWord.size >= MOST_KEPT && !byWord.has(word) ? byWord : [];
    if (oldest) {
      byWord.delete(oldest[0]);
      byNumber.delete(oldest[1].id);
    }
    byWord.set(word, { id, day });
    byNumber.set(id, word);
  };
  const read = async (some: readonly string[]) => {
    const rows = [];
    for (let at = 0; at < some.length; at += AT_ONCE)
      rows.push(
        ...(await db
          .selectFrom('words')
          .selectAll()
          .where('word', 'in', some.slice(at, at + AT_ONCE))
          .execute()),
      );
    for (const row of rows) learn(row);
    return rows;
  };
  return {
    async numbers(words, day) {
      const found = new Map<string, number>();
      const unknown: string[] = [];
      for (const word of new Set(words)) {
        const known = byWord.get(word);
        if (known && known.day >= day) found.set(word, known.id);
        else unknown.push(word);
      }
      for (let at = 0; at < unknown.length; at += AT_ONCE)
        await db
          .insertInto('words')
          .values(unknown.slice(at, at + AT_ONCE).map((word) => ({ word, day })))
          .onConflict((conflict) => conflict.column('word').doUpdateSet({ day }))
          .execute();
      for (const { id, word } of await read(unknown)) found.set(word, id);
      for (const word of unknown)
        if (!found.has(word)) throw new TypeError('a word that was just written is not there');
      return found;
    },
    async number(word) {
      const known = byWord.get(word);
      if (known) return known.id;
      const [row] = await read([word]);
      return row?.id;
    },
    async words(numbers) {
      const found = new Map<number, string>();
      const unknown: number[] = [];
      for (const number of new Set(numbers)) {
        if (!number) continue;
        const word = byNumber.get(number);
        if (word === undefined) unknown.push(number);
        else found.set(number, word);
      }
      for (let at = 0; at < unknown.length; at += AT_ONCE)
        for (const row of await db
          .selectFrom('words')
          .selectAll()
          .where('id', 'in', unknown.slice(at, at + AT_ONCE))
          .execute()) {
          learn(row);
          found.set(row.id, row.word);
        }
      return found;
    },
    async forget(word) {
      const known = byWord.get(word);
      byWord.delete(word);
      if (known) byNumber.delete(known.id);
      await db.deleteFrom('words').where('word', '=', word).execute();
    },
    async prune(day) {
      await db.deleteFrom('words').where('day', '<', day).execute();
      byWord.clear();
      byNumber.clear();
    },
  };
}

/** Decision records by what they say. */
export interface Routes {
  /** Their numbers; new ones are written down, and those that are used keep living. */
  numbers(texts: Iterable<string>, day: number): Promise<ReadonlyMap<string, number>>;
}

export function createRoutes(db: Kysely<LogsSchema>): Routes {
  const known = new Map<string, { id: number; day: number }>();
  return {
    async numbers(texts, day) {
      const found = new Map<string, number>();
      for (const text of new Set(texts)) {
        const digest = hash('sha256', text, 'hex').slice(0, 32);
        const kept = known.get(digest);
        if (kept && kept.day >= day) {
          found.set(text, kept.id);
          continue;
        }
        await db
          .insertInto('routes')
          .values({ hash: digest, text, day })
          .onConflict((conflict) => conflict.column('hash').doUpdateSet({ day }))
          .execute();
        const { id } = await db
          .selectFrom('routes')
          .select('id')
          .where('hash', '=', digest)
          .executeTakeFirstOrThrow();
        if (known.size >= MOST_KEPT) known.clear();
        known.set(digest, { id, day });
        found.set(text, id);
      }
      return found;
    },
  };
}

export type Way = Omit<WayRow, 'id'>;

/** The ways that calls went; there are few of them. */
export interface Ways {
  /** Its number where it was asked for before. */
  known(way: Way): number | undefined;
  number(way: Way): Promise<number>;
  /** All of them that have these words in these places. */
  matching(some: Partial<Way>): Promise<readonly number[]>;
  of(number: number): Promise<Way | undefined>;
}

export function createWays(db: Kysely<LogsSchema>): Ways {
  const known = new Map<string, number>();
  const byNumber = new Map<number, Way>();
  const keyOf = ({ mode, provider, residency, status }: Way) => `${mode} ${provider} ${residency} ${status}`;
  /** Most calls go the way of the one before. */
  let latest: { readonly way: Way; readonly id: number } | null = null;
  const learn = (rows: readonly (Way & { readonly id: number })[]) => {
    for (const { id, ...way } of rows) {
      known.set(keyOf(way), id);
      byNumber.set(id, way);
    }
  };
  return {
    known(way) {
      if (latest && same(latest.way, way)) return latest.id;
      const id = known.get(keyOf(way));
      if (id !== undefined) latest = { way, id };
      return id;
    },
    async number(way) {
      const number = known.get(keyOf(way));
      if (number !== undefined) return number;
      await db
        .insertInto('ways')
        .values(way)
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const row = await db
        .selectFrom('ways')
        .selectAll()
        .where((eb) => eb.and({ ...way }))
        .executeTakeFirstOrThrow();
      learn([row]);
      return row.id;
    },
    async matching(some) {
      const rows = await db
        .selectFrom('ways')
        .selectAll()
        .where((eb) => eb.and({ ...some }))
        .execute();
      learn(rows);
      return rows.map(({ id }) => id);
    },
    async of(number) {
      if (!byNumber.has(number))
        learn(await db.selectFrom('ways').selectAll().where('id', '=', number).execute());
      return byNumber.get(number);
    },
  };
}

const same = (one: Way, other: Way): boolean =>
  one.mode === other.mode &&
  one.provider === other.provider &&
  one.residency === other.residency &&
  one.status === other.status;
