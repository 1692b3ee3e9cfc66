/** Values the store's tests write. */
import type { Lease } from '../../src/boot/lease.ts';
import type { Ipv4 } from '../../src/net/ipv4.ts';
import type { Mac } from '../../src/net/mac.ts';

/** The clock of the contract suite. */
export const NOW = 1_800_000_000_000;
export const MAC = '52:54:00:aa:00:01' as Mac;

export function leaseAt(address: string, rest: Partial<Lease> = {}): Lease {
  return {
    network: 'lan',
    address: address as Ipv4,
    mac: MAC,
    state: 'bound',
    startsAt: NOW,
    expiresAt: NOW + 3_600_000,
    ...rest,
  };
}
