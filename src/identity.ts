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

/** A machine that boots asks for many files in a second; the kernel's table costs more than a small one of them. */
const KNOWN_MS = 1000;
/** A machine that the kernel has not spoken with yet is known with its next packet. */
const UNKNOWN_MS = 50;
const MAX_NEIGHBOURS = 4096;

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
  return {
    learn(leases) {
      stored = [...leases.byNetwork.values()];
    },
    findMac(ip) {
      const address = parseIpv4(ip);
      const lease = byAddress.get(ip) ?? (address && findStored(address));
      if (lease && lease.state === 'bound' && lease.expiresAt > now()) return lease.mac;
      return lookUp(ip);
    },
    async commitLeases(leases) {
      await commit(leases);
      for (const lease of leases) byAddress.set(lease.address, lease);
    },
  };
}
