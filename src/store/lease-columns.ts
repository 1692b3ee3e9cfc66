/** The table of leases read into columns: by the driver alone, because a million rows are worth it. */
import type Database from 'better-sqlite3';
import type { Lease } from '../boot/lease.ts';
import { createColumnWriter, type LeaseColumns } from '../boot/packed-leases.ts';

type Row = [
  network: string,
  address: Lease['address'],
  mac: Lease['mac'],
  state: Lease['state'],
  startsAt: number,
  expiresAt: number,
  clientId: string | null,
  hostname: string | null,
  heardAt: number | null,
  port: string | null,
];

/** One set of columns a network. */
export function readLeases(database: Database.Database): readonly LeaseColumns[] {
  const sizes = database.prepare('select network, count(*) from leases group by network').raw().all();
  const writers = new Map(
    (sizes as [string, number][]).map(([network, size]) => [network, createColumnWriter(network, size)]),
  );
  const rows = database
    .prepare(
      'select network, address, mac, state, starts_at, expires_at, client_id, hostname, heard_at, port from leases',
    )
    .raw()
    .iterate() as IterableIterator<Row>;
  for (const [network, address, mac, state, startsAt, expiresAt, clientId, hostname, heardAt, port] of rows) {
    writers.get(network)?.add({
      address,
      mac,
      state,
      startsAt,
      expiresAt,
      ...(clientId !== null && { clientId }),
      ...(hostname !== null && { hostname }),
      ...(heardAt !== null && { heardAt }),
      ...(port !== null && { port }),
    });
  }
  return [...writers.values()].map((writer) => writer.done());
}
