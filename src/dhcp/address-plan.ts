/** Which addresses of a network may be given, and to whom: worked out once for each configuration. */
import type { Catalog } from '../boot/catalog.ts';
import type { Network } from '../boot/network.ts';
import type { ServedNetwork } from '../boot/served.ts';
import {
  broadcastOf,
  type Cidr,
  cidrContains,
  formatCidr,
  type Ipv4,
  type Ipv4Range,
  ipv4ToNumber,
} from '../net/ipv4.ts';
import { subnetOf } from './network-choice.ts';

export interface AddressPlan {
  /** What tells one client from another; default: the MAC. */
  readonly identity?: Network['identity'];
  readonly subnet: Cidr;
  /** Most addresses through one port of a relay; 0, the default: any number. */
  readonly leasesPerPort?: number;
  readonly pools: readonly Ipv4Range[];
  /** Addresses of hosts: given to nobody else. */
  readonly reserved: ReadonlySet<Ipv4>;
  /** Given to nobody: the router, ourselves, the network's own two addresses. */
  readonly excluded: ReadonlySet<Ipv4>;
}

/** Reads the plan of a network out of its configuration and the hosts' reservations. */
export function planAddresses(served: ServedNetwork, catalog: Catalog): AddressPlan {
  const { network } = served;
  const subnet = subnetOf(served);
  const excluded = new Set<Ipv4>([served.address]);
  if (network.router) excluded.add(network.router);
  if (network.serverAddress) excluded.add(network.serverAddress);
  // RFC 3021: a /31 has no network and no broadcast address, and a /32 only itself.
  if (subnet.prefix < 31) excluded.add(subnet.network).add(broadcastOf(subnet));
  const reserved = new Set<Ipv4>();
  for (const host of catalog.hosts.values()) {
    if (host.address && cidrContains(subnet, host.address)) reserved.add(host.address);
  }
  return {
    identity: network.identity,
    subnet,
    leasesPerPort: network.leasesPerPort,
    pools: network.mode === 'server' ? network.pools : [],
    reserved,
    excluded,
  };
}

/** Whether the same addresses may be given to the same machines. */
export function isSamePlan(one: AddressPlan, other: AddressPlan): boolean {
  const isSameSet = (a: ReadonlySet<Ipv4>, b: ReadonlySet<Ipv4>) =>
    a.size === b.size && [...a].every((address) => b.has(address));
  return (
    formatCidr(one.subnet) === formatCidr(other.subnet) &&
    one.pools.length === other.pools.length &&
    one.pools.every(({ first, last }, at) => first === other.pools[at]?.first && last === other.pools[at]?.last) &&
    isSameSet(one.reserved, other.reserved) &&
    isSameSet(one.excluded, other.excluded)
  );
}

/** Walks the pools in order, each address once. `skip` says which are in use or not to be given. */
export interface PoolCursor {
  /** The next address nobody had yet, without taking it. */
  peek(skip: (address: number) => boolean): number | undefined;
}

export function createPoolCursor(pools: readonly Ipv4Range[]): PoolCursor {
  const ranges = pools.map(({ first, last }) => ({ next: ipv4ToNumber(first), last: ipv4ToNumber(last) }));
  let index = 0;
  return {
    peek(skip) {
      for (let range = ranges[index]; range; range = ranges[++index]) {
        // What was skipped once is known from then on and comes back by its expiry, so nothing is walked over twice.
        while (range.next <= range.last && skip(range.next)) range.next += 1;
        if (range.next <= range.last) return range.next;
      }
      return undefined;
    },
  };
}
