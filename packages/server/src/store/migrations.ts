import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/*
 * Numbered and never edited once released. They take only what SQLite and PostgreSQL both take; a migration sees
 * the database as it was then, so its tables have no types here.
 */
type Database = Kysely<unknown>;

export const accountsMigrations: Readonly<Record<string, Migration>> = {
  '0001_accounts': {
    async up(db: Database) {
      await db.schema
        .createTable('users')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('email', 'text', (column) => column.notNull().unique())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('api_keys')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('user_id', 'text', (column) => column.notNull().references('users.id').onDelete('cascade'))
        .addColumn('hash', 'text', (column) => column.notNull().unique())
        .addColumn('prefix', 'text', (column) => column.notNull())
        .addColumn('last_four', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('last_used_at', 'bigint')
        .addColumn('revoked_at', 'bigint')
        .execute();
      await db.schema.createIndex('api_keys_user').on('api_keys').column('user_id').execute();
      await db.schema
        .createTable('provider_keys')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('user_id', 'text', (column) => column.notNull().references('users.id').onDelete('cascade'))
        .addColumn('provider', 'text', (column) => column.notNull())
        .addColumn('secret', 'text', (column) => column.notNull())
        .addColumn('label', 'text')
        .addColumn('base_url', 'text')
        .addColumn('declared_region', 'text')
        .addColumn('residency', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .execute();
      // a second key for the same commercial provider is a conflict; those with an address of their own are told apart by label
      await db.schema
        .createIndex('provider_keys_one')
        .unique()
        .on('provider_keys')
        .columns(['user_id', 'provider'])
        .where('base_url' as never, 'is', null) // the untyped schema has no columns to name
        .execute();
      await db.schema
        .createIndex('provider_keys_label')
        .unique()
        .on('provider_keys')
        .columns(['user_id', 'provider', 'label'])
        .execute();
    },
  },
  '0002_operators': {
    async up(db: Database) {
      for (const name of ['rpm', 'tpm'])
        await db.schema.alterTable('users').addColumn(name, 'integer').execute();
      for (const name of ['usd_per_day', 'usd_per_month'])
        await db.schema.alterTable('users').addColumn(name, 'bigint').execute();
      await db.schema.alterTable('provider_keys').addColumn('changed_at', 'bigint').execute();
      await db.schema
        .createTable('signup_tokens')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('hash', 'text', (column) => column.notNull().unique())
        .addColumn('note', 'text')
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .addColumn('used_at', 'bigint')
        .execute();
      await db.schema
        .createTable('operator_keys')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('hash', 'text', (column) => column.notNull().unique())
        .addColumn('prefix', 'text', (column) => column.notNull())
        .addColumn('last_four', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('revoked_at', 'bigint')
        .execute();
      await db.schema
        .createTable('purges')
        .addColumn('user_id', 'text', (column) => column.primaryKey())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .execute();
    },
  },
};

export const logsMigrations: Readonly<Record<string, Migration>> = {
  '0001_requests': {
    async up(db: Database) {
      await db.schema
        .createTable('requests')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('user_id', 'text', (column) => column.notNull())
        .addColumn('request_id', 'text', (column) => column.notNull())
        .addColumn('mode', 'text', (column) => column.notNull())
        .addColumn('provider', 'text')
        .addColumn('model', 'text')
        .addColumn('input_tokens', 'bigint')
        .addColumn('output_tokens', 'bigint')
        .addColumn('latency_ms', 'integer', (column) => column.notNull())
        .addColumn('cost_nano_usd', 'bigint')
        .addColumn('cache_hit', 'integer', (column) => column.notNull())
        .addColumn('status', 'text', (column) => column.notNull())
        .addColumn('error', 'text')
        .addColumn('residency_requested', 'text')
        .addColumn('residency_actual', 'text')
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('strategy', 'text')
        .addColumn('stream', 'integer', (column) => column.notNull())
        .addColumn('tools', 'integer', (column) => column.notNull())
        .addColumn('images', 'integer', (column) => column.notNull())
        .addColumn('attempts_cost_nano_usd', 'bigint')
        .addColumn('attempts', 'text', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('requests_of_user').on('requests').columns(['user_id', 'id']).execute();
    },
  },
  '0002_routes': {
    async up(db: Database) {
      for (const column of ['arm', 'tags', 'route'])
        await db.schema.alterTable('requests').addColumn(column, 'text').execute();
      await db.schema
        .createTable('reliability')
        .addColumn('resolution', 'integer', (column) => column.notNull())
        .addColumn('start', 'bigint', (column) => column.notNull())
        .addColumn('user_id', 'text', (column) => column.notNull())
        .addColumn('provider', 'text', (column) => column.notNull())
        .addColumn('model', 'text', (column) => column.notNull())
        .addColumn('writer', 'text', (column) => column.notNull())
        .addColumn('requests', 'integer', (column) => column.notNull())
        .addColumn('succeeded', 'integer', (column) => column.notNull())
        .addColumn('told', 'integer', (column) => column.notNull())
        .addColumn('errors', 'text', (column) => column.notNull())
        .addColumn('first', 'text', (column) => column.notNull())
        .addColumn('total', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('reliability_one', [
          'resolution' as never, // the untyped schema has no columns to name
          'start' as never,
          'user_id' as never,
          'provider' as never,
          'model' as never,
          'writer' as never,
        ])
        .execute();
    },
  },
  '0003_narrow': {
    async up(db: Database) {
      const column = { id: 'integer', number: 'bigint' } as const;
      await db.schema
        .createTable('words')
        .addColumn('id', column.id, (made) => made.primaryKey().autoIncrement())
        .addColumn('word', 'text', (made) => made.notNull().unique())
        .addColumn('day', 'integer', (made) => made.notNull())
        .execute();
      await db.schema
        .createTable('routes')
        .addColumn('id', column.id, (made) => made.primaryKey().autoIncrement())
        .addColumn('hash', 'text', (made) => made.notNull().unique())
        .addColumn('text', 'text', (made) => made.notNull())
        .addColumn('day', 'integer', (made) => made.notNull())
        .execute();
      let calls = db.schema
        .createTable('calls')
        .addColumn('seq', isSqlite(db) ? 'integer' : 'bigint', (made) => made.primaryKey()) // SQLite's own row number
        .addColumn('user', 'integer', (made) => made.notNull())
        .addColumn('request', 'bigint')
        .addColumn('request_id', 'text', (made) => made.notNull())
        .addColumn('way', 'integer', (made) => made.notNull());
      for (const name of ['model', 'input_tokens', 'output_tokens']) calls = calls.addColumn(name, 'integer');
      calls = calls.addColumn('latency_ms', 'integer', (made) => made.notNull());
      for (const name of ['cost', 'attempts_cost']) calls = calls.addColumn(name, column.number);
      calls = calls.addColumn('flags', 'integer', (made) => made.notNull()).addColumn('error', 'text');
      for (const name of ['residency_requested', 'strategy', 'arm']) calls = calls.addColumn(name, 'integer');
      await calls
        .addColumn('tags', 'text')
        .addColumn('attempts', 'text', (made) => made.notNull())
        .addColumn('route', 'integer')
        .addColumn('expected', column.number)
        .execute();
      for (const [name, columns] of [
        ['calls_user', ['user', 'seq']],
        ['calls_way', ['user', 'way', 'seq']],
      ] as const)
        await db.schema
          .createIndex(name)
          .on('calls')
          .columns([...columns])
          .execute();
      await db.schema
        .createIndex('calls_request')
        .on('calls')
        .columns(['user', 'request'])
        .where('request' as never, 'is not', null) // the untyped schema has no columns to name
        .execute();
      let ways = db.schema
        .createTable('ways')
        .addColumn('id', column.id, (made) => made.primaryKey().autoIncrement());
      for (const name of WAY) ways = ways.addColumn(name, 'integer', (made) => made.notNull());
      await ways.addUniqueConstraint('ways_one', WAY as never).execute(); // likewise
      let hours = db.schema.createTable('hours');
      for (const name of HOUR_KEY) hours = hours.addColumn(name, 'integer', (made) => made.notNull());
      for (const name of HOUR_SUMS) hours = hours.addColumn(name, column.number, (made) => made.notNull());
      await hours.addPrimaryKeyConstraint('hours_one', HOUR_KEY as never).execute(); // the untyped schema has no columns to name
    },
  },
};

const WAY = ['mode', 'provider', 'residency', 'status'];
const HOUR_KEY = ['user', 'hour', 'way'];
const HOUR_SUMS = [
  'requests',
  'priced',
  'cost',
  'attempts_cost',
  'input_tokens',
  'output_tokens',
  'cache_hits',
  'latency_ms',
];

const isSqlite = (db: Database): boolean => db.getExecutor().adapter.constructor.name.startsWith('Sqlite');
