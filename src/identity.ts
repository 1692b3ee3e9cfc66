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

/** A machine that boots asks for many files in a second; the kernel's table costs more than a small one of them. */
const KNOWN_MS = 1000;
/** A machine that the kernel has not spoken with yet is known with its next packet. */
const UNKNOWN_MS = 50;
const MAX_NEIGHBOURS = 4096;

export function createIdentity(commit: CommitLeases, now: () => number): Identity {
  const byAddress = new Map<string, Lease>();
  const neighbours = new Map<string, { readonly mac: Mac | undefined; readonly until: number }>();
  const lookUp = (ip: string): Mac | undefined => {
    // Nobody is behind loopback.
    if (ip.startsWith('127.') || ip === '::1') return undefined;
    const at = now();
    const known = neighbours.get(ip);
    if (known && known.until > at) return known.mac;
    if (neighbours.size >= MAX_NEIGHBOURS) neighbours.clear();
    const mac = findNeighbour(ip);
    neighbours.set(ip, { mac, until: at + (mac ? KNOWN_MS : UNKNOWN_MS) });
    return mac;
  };
  const learn = (leases: Iterable<Lease>) => {
    for (const lease of leases) byAddress.set(lease.address, lease);
  };
  return {
    learn,
    findMac(ip) {
      const lease = byAddress.get(ip);
      if (lease && lease.state === 'bound' && lease.expiresAt > now()) return lease.mac;
      return lookUp(ip);
    },
    async commitLeases(leases) {
      await commit(leases);
      learn(leases);
    },
  };
}
