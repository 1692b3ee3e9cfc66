/** Leases on disk: one row an address, the newest wins. */
import type { Kysely } from 'kysely';
import type { CommitLeases, Lease } from '../boot/lease.ts';
import type { Ipv4 } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';
import type { LeaseRow, Tables } from './tables.ts';

/** Rows a statement: eight columns each stay far below every database's limit of bound values. */
const ROWS_A_STATEMENT = 500;

export interface LeaseStore {
  /** Every lease, in no order, expired ones too. */
  load(): Promise<Lease[]>;
  /** One transaction for the whole batch: all of it is durable, or nothing. */
  readonly commit: CommitLeases;
}

/** @param failed turns what the driver threw into what the caller gets */
export function createLeaseStore(db: Kysely<Tables>, failed: (error: unknown) => Error): LeaseStore {
  return {
    async load() {
      try {
        return (await db.selectFrom('leases').selectAll().execute()).map(toLease);
      } catch (error) {
        throw failed(error);
      }
    },

    async commit(leases) {
      if (leases.length === 0) return;
      // PostgreSQL refuses to update a row twice in one statement, so only the last word on each address is written.
      const newest = new Map(leases.map((lease) => [`${lease.network} ${lease.address}`, lease]));
      const rows = Array.from(newest.values(), toRow);
      try {
        await db.transaction().execute(async (transaction) => {
          for (let start = 0; start < rows.length; start += ROWS_A_STATEMENT) {
            await upsert(transaction, rows.slice(start, start + ROWS_A_STATEMENT));
          }
        });
      } catch (error) {
        throw failed(error);
      }
    },
  };
}

async function upsert(db: Kysely<Tables>, rows: readonly LeaseRow[]): Promise<void> {
  await db
    .insertInto('leases')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['network', 'address']).doUpdateSet((row) => ({
        mac: row.ref('excluded.mac'),
        client_id: row.ref('excluded.client_id'),
        hostname: row.ref('excluded.hostname'),
        state: row.ref('excluded.state'),
        starts_at: row.ref('excluded.starts_at'),
        expires_at: row.ref('excluded.expires_at'),
      })),
    )
    .execute();
}

function toRow(lease: Lease): LeaseRow {
  return {
    network: lease.network,
    address: lease.address,
    mac: lease.mac,
    client_id: lease.clientId ?? null,
    hostname: lease.hostname ?? null,
    state: lease.state,
    starts_at: lease.startsAt,
    expires_at: lease.expiresAt,
  };
}

function toLease(row: LeaseRow): Lease {
  return {
    network: row.network,
    address: row.address as Ipv4,
    mac: row.mac as Mac,
    state: row.state,
    startsAt: row.starts_at,
    expiresAt: row.expires_at,
    ...(row.client_id !== null && { clientId: row.client_id }),
    ...(row.hostname !== null && { hostname: row.hostname }),
  };
}
