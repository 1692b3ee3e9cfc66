/** Which machine is behind an address: its lease, else the kernel's neighbour table. Neither proves anything. */
import type { CommitLeases, Lease } from './boot/lease.ts';
import type { Mac } from './net/mac.ts';
import { findNeighbour } from './os/neighbours.ts';

export interface Identity {
  /** Undefined for addresses nobody we know of has. */
  findMac(ip: string): Mac | undefined;
  /** Leases as loaded at start. */
  learn(leases: Iterable<Lease>): void;
  /** The same commit, remembering what it made durable. */
  readonly commitLeases: CommitLeases;
}

export function createIdentity(commit: CommitLeases, now: () => number): Identity {
  const byAddress = new Map<string, Lease>();
  const learn = (leases: Iterable<Lease>) => {
    for (const lease of leases) byAddress.set(lease.address, lease);
  };
  return {
    learn,
    findMac(ip) {
      const lease = byAddress.get(ip);
      if (lease && lease.state === 'bound' && lease.expiresAt > now()) return lease.mac;
      return findNeighbour(ip);
    },
    async commitLeases(leases) {
      await commit(leases);
      learn(leases);
    },
  };
}
