import type { Kysely } from 'kysely';
import type { Histogram } from './histogram.ts';
import { type Bucket, plus } from './reliability-buckets.ts';
import type { LogsSchema } from './schema.ts';

/** Adds what was counted to the rows that this writer has, all of it or nothing. */
export async function addBuckets(
  db: Kysely<LogsSchema>,
  writer: string,
  buckets: readonly Bucket[],
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    for (const bucket of buckets) {
      const { resolution, start, user_id, provider, model } = bucket;
      const key = { resolution, start, user_id, provider, model, writer };
      const before = await trx
        .selectFrom('reliability')
        .select(['requests', 'succeeded', 'told', 'errors', 'first', 'total'])
        .where((eb) => eb.and(key))
        .executeTakeFirst();
      const { errors, first, total, ...counts } = plus(
        bucket,
        before && {
          ...bucket,
          ...before,
          errors: JSON.parse(before.errors) as Histogram, // as they are written below
          first: JSON.parse(before.first) as Histogram,
          total: JSON.parse(before.total) as Histogram,
        },
      );
      const { requests, succeeded, told } = counts;
      const values = {
        requests,
        succeeded,
        told,
        errors: JSON.stringify(errors),
        first: JSON.stringify(first),
        total: JSON.stringify(total),
      };
      if (before)
        await trx
          .updateTable('reliability')
          .set(values)
          .where((eb) => eb.and(key))
          .execute();
      else
        await trx
          .insertInto('reliability')
          .values({ ...key, ...values })
          .execute();
    }
  });
}
