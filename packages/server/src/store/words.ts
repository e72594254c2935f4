import { hash } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { LogsSchema, WayRow } from './schema.ts';

/** Texts that stand in many rows, each kept once. */
export interface Words {
  /** Their numbers; new ones are written down. */
  numbers(words: Iterable<string>): Promise<ReadonlyMap<string, number>>;
  /** `undefined` for one that stands in no row. */
  number(word: string): Promise<number | undefined>;
  words(numbers: Iterable<number | null>): Promise<ReadonlyMap<number, string>>;
  /** It stands in no row any more. */
  forget(word: string): Promise<void>;
}

const MOST_KEPT = 50_000;
const AT_ONCE = 500;

export function createWords(db: Kysely<LogsSchema>): Words {
  const byWord = new Map<string, number>();
  const byNumber = new Map<number, string>();
  const learn = ({ id, word }: { id: number; word: string }) => {
    if (byWord.size >= MOST_KEPT) {
      byWord.clear();
      byNumber.clear();
    }
    byWord.set(word, id);
    byNumber.set(id, word);
  };
  const find = async (unknown: readonly string[]) => {
    for (let at = 0; at < unknown.length; at += AT_ONCE)
      for (const row of await db
        .selectFrom('words')
        .selectAll()
        .where('word', 'in', unknown.slice(at, at + AT_ONCE))
        .execute())
        learn(row);
  };
  return {
    async numbers(words) {
      const wanted = new Set(words);
      const unknown = [...wanted].filter((word) => !byWord.has(word));
      if (unknown.length > 0) {
        await find(unknown);
        const fresh = unknown.filter((word) => !byWord.has(word));
        for (let at = 0; at < fresh.length; at += AT_ONCE)
          await db
            .insertInto('words')
            .values(fresh.slice(at, at + AT_ONCE).map((word) => ({ word })))
            .onConflict((conflict) => conflict.column('word').doNothing())
            .execute();
        await find(fresh);
      }
      return new Map([...wanted].map((word) => [word, byWord.get(word) ?? 0]));
    },
    async number(word) {
      if (!byWord.has(word)) await find([word]);
      return byWord.get(word);
    },
    async words(numbers) {
      const wanted = [...new Set(numbers)].filter(
        (number): number is number => number !== null && number !== 0,
      );
      const unknown = wanted.filter((number) => !byNumber.has(number));
      for (let at = 0; at < unknown.length; at += AT_ONCE)
        for (const row of await db
          .selectFrom('words')
          .selectAll()
          .where('id', 'in', unknown.slice(at, at + AT_ONCE))
          .execute())
          learn(row);
      return new Map(
        wanted.flatMap((number) => {
          const word = byNumber.get(number);
          return word === undefined ? [] : [[number, word] as const];
        }),
      );
    },
    async forget(word) {
      const number = byWord.get(word);
      byWord.delete(word);
      if (number !== undefined) byNumber.delete(number);
      await db.deleteFrom('words').where('word', '=', word).execute();
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
  number(way: Way): Promise<number>;
  /** All of them that have these words in these places. */
  matching(some: Partial<Way>): Promise<readonly number[]>;
  of(number: number): Promise<Way | undefined>;
}

export function createWays(db: Kysely<LogsSchema>): Ways {
  const known = new Map<string, number>();
  const byNumber = new Map<number, Way>();
  const keyOf = ({ mode, provider, residency, status }: Way) => `${mode} ${provider} ${residency} ${status}`;
  const learn = (rows: readonly (Way & { readonly id: number })[]) => {
    for (const { id, ...way } of rows) {
      known.set(keyOf(way), id);
      byNumber.set(id, way);
    }
  };
  return {
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
