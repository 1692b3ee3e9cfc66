/** The way from an empty database to `tables.ts`. A released migration is never edited: add the next one. */
import { type Kysely, sql } from 'kysely';
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
import type { Tables } from './tables.ts';

const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-leases-events-tokens': {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable('leases')
        .addColumn('network', 'text', (column) => column.notNull())
        .addColumn('address', 'text', (column) => column.notNull())
        .addColumn('mac', 'text', (column) => column.notNull())
        .addColumn('client_id', 'text')
        .addColumn('hostname', 'text')
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('starts_at', 'bigint', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('leases_pk', ['network', 'address'])
        .execute();
      await db.schema
        .createTable('events')
        .addColumn('id', 'bigint', (column) => column.primaryKey())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('mac', 'text')
        .addColumn('host', 'text')
        .addColumn('body', 'text', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('events_mac').on('events').columns(['mac', 'id']).execute();
      await db.schema.createIndex('events_host').on('events').columns(['host', 'id']).execute();
      await db.schema
        .createTable('tokens')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull().unique())
        .addColumn('role', 'text', (column) => column.notNull())
        .addColumn('hash', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .execute();
    },
  },
  '0002-uploads': {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable('uploads')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('file', 'text', (column) => column.notNull().unique())
        .addColumn('path', 'text', (column) => column.notNull())
        .addColumn('size', 'bigint', (column) => column.notNull())
        .addColumn('sha256', 'text', (column) => column.notNull())
        .addColumn('ip', 'text', (column) => column.notNull())
        .addColumn('mac', 'text')
        .addColumn('host', 'text')
        .addColumn('transport', 'text', (column) => column.notNull())
        .addColumn('stored_at', 'bigint', (column) => column.notNull())
        .addColumn('seen_at', 'bigint', (column) => column.notNull())
        .addColumn('times', 'integer', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('uploads_ip').on('uploads').column('ip').execute();
      await db.schema.createIndex('uploads_host').on('uploads').columns(['host', 'file']).execute();
    },
  },
  '0003-deployments-machines-keys': {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable('deployments')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('host', 'text', (column) => column.notNull())
        .addColumn('active_host', 'text', (column) => column.unique())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('deployments_host').on('deployments').columns(['host', 'id']).execute();
      await db.schema
        .createTable('machines')
        .addColumn('mac', 'text', (column) => column.primaryKey())
        .addColumn('standing', 'text', (column) => column.notNull())
        .addColumn('last_seen_at', 'bigint', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('machines_seen').on('machines').column('last_seen_at').execute();
      await db.schema
        .createTable('keys')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('value', 'text', (column) => column.notNull())
        .execute();
    },
  },
  '0004-audit': {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable('audit')
        .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addColumn('who', 'text', (column) => column.notNull())
        .addColumn('role', 'text', (column) => column.notNull())
        .addColumn('action', 'text', (column) => column.notNull())
        .addColumn('target', 'text', (column) => column.notNull())
        .addColumn('before', 'text')
        .addColumn('after', 'text')
        .addColumn('status', 'integer', (column) => column.notNull())
        .addColumn('ip', 'text')
        .addColumn('request', 'text')
        .execute();
      await db.schema.createIndex('audit_target').on('audit').columns(['target', 'id']).execute();
    },
  },
  '0005-strategies': {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable('strategies')
        .addColumn('key', 'text', (column) => column.primaryKey())
        .addColumn('strategy', 'text', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .execute();
    },
  },
  '0006-template-sets': {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable('template_sets')
        .addColumn('hash', 'text', (column) => column.primaryKey())
        .addColumn('texts', 'text', (column) => column.notNull())
        .execute();
    },
  },
  '0007-lease-ports': {
    async up(db: Kysely<never>) {
      await db.schema.alterTable('leases').addColumn('heard_at', 'bigint').execute();
      await db.schema.alterTable('leases').addColumn('port', 'text').execute();
    },
  },
  // Events are what is written most: their id is SQLite's own number of a row, which needs no index beside the table, and
  // who has no MAC or host is in no index.
  '0008-events-by-row': {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable('events_by_row')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('mac', 'text')
        .addColumn('host', 'text')
        .addColumn('body', 'text', (column) => column.notNull())
        .execute();
      await sql`insert into events_by_row select id, kind, mac, host, body from events order by id`.execute(db);
      await db.schema.dropTable('events').execute();
      await db.schema.alterTable('events_by_row').renameTo('events').execute();
      await sql`create index events_mac on events (mac) where mac is not null`.execute(db);
      await sql`create index events_host on events (host) where host is not null`.execute(db);
    },
  },
};

const PROVIDER: MigrationProvider = { getMigrations: async () => ({ ...MIGRATIONS }) };

/**
 * Brings the database to the newest layout. Throws what the failed migration threw.
 * @param last name of the migration to end with; default: the newest
 */
export async function migrate(db: Kysely<Tables>, last?: string): Promise<void> {
  const migrator = new Migrator({ db, provider: PROVIDER });
  const { error } = await (last === undefined ? migrator.migrateToLatest() : migrator.migrateTo(last));
  if (error !== undefined) throw error;
}
