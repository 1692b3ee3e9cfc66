/** Which address a client identifier has or had last: made when it is first asked for, kept up from then on. */
import type { Lease } from '../boot/lease.ts';
import { type Ipv4, ipv4ToNumber } from '../net/ipv4.ts';

/** Identifiers noted beyond twice what was on record: then it is made anew, and those on record no more are gone. */
const SPARE = 10_000;

export interface ClientIdIndex {
  /** The address under which the identifier was noted last; look whether it is still on record there. */
  find(clientId: string): number | undefined;
  note(lease: { readonly clientId?: string; readonly address: Ipv4 }): void;
}

/** @param leases everything on record: read once, as long as a second for a million */
export function createClientIdIndex(leases: () => Iterable<Lease>): ClientIdIndex {
  let addresses: Map<string, number> | undefined;
  let most = 0;

  function build(): Map<string, number> {
    const latest = new Map<string, Lease>();
    for (const lease of leases()) {
      if (lease.clientId === undefined) continue;
      const known = latest.get(lease.clientId);
      if (!known || known.expiresAt < lease.expiresAt) latest.set(lease.clientId, lease);
    }
    return new Map([...latest].map(([clientId, { address }]) => [clientId, ipv4ToNumber(address)]));
  }

  return {
    find(clientId) {
      if (!addresses) {
        addresses = build();
        most = 2 * addresses.size + SPARE;
      }
      return addresses.get(clientId);
    },
    note: ({ clientId, address }) => {
      if (clientId === undefined || !addresses) return;
      addresses.set(clientId, ipv4ToNumber(address));
      if (addresses.size > most) addresses = undefined;
    },
  };
}
