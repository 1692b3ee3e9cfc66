/** The table of leases read into columns: by the driver alone, because a million rows are worth it. */
import type Database from 'better-sqlite3';
import type { Lease } from '../boot/lease.ts';
import { allocateColumns, LEASE_STATES, type LeaseColumns } from '../boot/packed-leases.ts';
import { ipv4ToNumber } from '../net/ipv4.ts';
import { macToNumber } from '../net/mac.ts';

type Row = [
  address: Lease['address'],
  mac: Lease['mac'],
  state: Lease['state'],
  startsAt: number,
  expiresAt: number,
  clientId: string | null,
  hostname: string | null,
];

/** One set of columns a network. */
export function readLeases(database: Database.Database): readonly LeaseColumns[] {
  const networks = database.prepare('select network, count(*) as size from leases group by network').all();
  const rows = database
    .prepare('select address, mac, state, starts_at, expires_at, client_id, hostname from leases where network = ?')
    .raw();
  return (networks as { network: string; size: number }[]).map(({ network, size }) => {
    const columns = allocateColumns(network, size);
    let at = 0;
    for (const row of rows.iterate(network) as IterableIterator<Row>) {
      const [address, mac, state, startsAt, expiresAt, clientId, hostname] = row;
      columns.addresses[at] = ipv4ToNumber(address);
      columns.macs[at] = macToNumber(mac);
      columns.states[at] = LEASE_STATES.indexOf(state);
      columns.startsAt[at] = startsAt;
      columns.expiresAt[at] = expiresAt;
      if (clientId !== null || hostname !== null) columns.texts.set(at, `${clientId ?? ''} ${hostname ?? ''}`);
      at++;
    }
    return columns;
  });
}
