/** Leases on disk: one row an address, the newest wins. */
import type { CommitLeases, Lease } from '../boot/lease.ts';
import { indexLeases, type StoredLeases } from '../boot/packed-leases.ts';
import type { Ipv4 } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';
import type { Sqlite } from './sqlite.ts';
import type { LeaseRow } from './tables.ts';

export interface LeaseStore {
  /** Every lease, in no order, expired ones too. Read anew only when something was committed since the last time. */
  load(): Promise<StoredLeases>;
  /** One transaction for the whole batch: all of it is durable, or nothing. */
  readonly commit: CommitLeases;
}

/** @param failed turns what the driver threw into what the caller gets */
export function createLeaseStore({ db, commit, readLeases }: Sqlite, failed: (error: unknown) => Error): LeaseStore {
  const upsert = compileUpsert(db);
  let known: Promise<StoredLeases> | undefined;

  async function read(): Promise<StoredLeases> {
    const networks = (await readLeases()).map(indexLeases);
    return {
      byNetwork: new Map(networks.map((packed) => [packed.network, packed])),
      *[Symbol.iterator]() {
        for (const packed of networks) yield* packed;
      },
    };
  }
  return {
    async load() {
      const reading = known ?? read();
      known = reading;
      try {
        return await reading;
      } catch (error) {
        known = undefined;
        throw failed(error);
      }
    },

    async commit(leases) {
      if (leases.length === 0) return;
      known = undefined;
      try {
        await commit([{ sql: upsert, rows: leases.map((lease) => Object.values(toRow(lease))) }]);
      } catch (error) {
        throw failed(error);
      }
    },
  };
}

/** The statement for one row; its parameters are the row's values in their order. */
function compileUpsert(db: Sqlite['db']): string {
  return db
    .insertInto('leases')
    .values(toRow(SPECIMEN))
    .onConflict((conflict) =>
      conflict.columns(['network', 'address']).doUpdateSet((row) => ({
        mac: row.ref('excluded.mac'),
        client_id: row.ref('excluded.client_id'),
        hostname: row.ref('excluded.hostname'),
        state: row.ref('excluded.state'),
        starts_at: row.ref('excluded.starts_at'),
        expires_at: row.ref('excluded.expires_at'),
        heard_at: row.ref('excluded.heard_at'),
        port: row.ref('excluded.port'),
      })),
    )
    .compile().sql;
}

/** Any lease: only its fields count. */
const SPECIMEN: Lease = {
  network: '',
  address: '0.0.0.0' as Ipv4,
  mac: '' as Mac,
  state: 'bound',
  startsAt: 0,
  expiresAt: 0,
};

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
    heard_at: lease.heardAt ?? null,
    port: lease.port ?? null,
  };
}
