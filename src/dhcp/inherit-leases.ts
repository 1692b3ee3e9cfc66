/** Which leases a network starts with: its own, and those of a network that is gone and whose addresses it has now. */
import type { Lease } from '../boot/lease.ts';
import { type PackedLeases, packLeases, type StoredLeases } from '../boot/packed-leases.ts';
import { type Cidr, cidrContains, type Ipv4 } from '../net/ipv4.ts';

export interface Heir {
  readonly network: string;
  readonly subnet: Cidr;
  /** Networks that keep their leases to themselves: all that are still configured. */
  readonly isConfigured: (network: string) => boolean;
}

/**
 * A network that is renamed goes on with the machines of the old one: without their leases it would give their addresses
 * away. One row an address: of two the one that holds longer, because giving an address late is better than twice.
 */
export function inheritLeases(
  { network, subnet, isConfigured }: Heir,
  stored: StoredLeases | Iterable<Lease>,
): PackedLeases {
  const own = 'byNetwork' in stored ? stored.byNetwork.get(network) : undefined;
  // Nearly always: its own, as they were read.
  if ('byNetwork' in stored && [...stored.byNetwork.keys()].every((name) => name === network || isConfigured(name))) {
    return own ?? packLeases(network, []);
  }
  const inherited = new Map<Ipv4, Lease>();
  for (const lease of stored) {
    const isOwn = lease.network === network;
    if (!isOwn && (isConfigured(lease.network) || !cidrContains(subnet, lease.address))) continue;
    const other = inherited.get(lease.address);
    if (!other || other.expiresAt <= lease.expiresAt) inherited.set(lease.address, { ...lease, network });
  }
  return packLeases(network, inherited.values());
}
