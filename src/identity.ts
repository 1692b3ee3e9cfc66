/** Which machine is behind an address: its lease, else the kernel's neighbour table. Neither proves anything. */
import type { CommitLeases, Lease } from './boot/lease.ts';
import type { PackedLeases, StoredLeases } from './boot/packed-leases.ts';
import { type Ipv4, ipv4ToNumber, parseIpv4 } from './net/ipv4.ts';
import type { Mac } from './net/mac.ts';
import { findNeighbour } from './os/neighbours.ts';

export interface Identity {
  /** Undefined for addresses nobody we know of has. */
  findMac(ip: string): Mac | undefined;
  /** Leases as loaded at start. */
  learn(leases: StoredLeases): void;
  /** The same commit, remembering what it made durable. */
  readonly commitLeases: CommitLeases;
}

export function createIdentity(commit: CommitLeases, now: () => number): Identity {
  const byAddress = new Map<string, Lease>();
  let stored: readonly PackedLeases[] = [];
  const findStored = (address: Ipv4): Lease | undefined => {
    const number = ipv4ToNumber(address);
    for (const packed of stored) {
      const lease = packed.find(number);
      if (lease) return lease;
    }
    return undefined;
  };
  return {
    learn(leases) {
      stored = [...leases.byNetwork.values()];
    },
    findMac(ip) {
      const address = parseIpv4(ip);
      const lease = byAddress.get(ip) ?? (address && findStored(address));
      if (lease && lease.state === 'bound' && lease.expiresAt > now()) return lease.mac;
      return findNeighbour(ip);
    },
    async commitLeases(leases) {
      await commit(leases);
      for (const lease of leases) byAddress.set(lease.address, lease);
    },
  };
}
