/** The entries of an address book: what was stored, and over it what has changed since. */
import type { Lease } from '../boot/lease.ts';
import type { PackedLeases } from '../boot/packed-leases.ts';
import { ipv4ToNumber } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';

export interface Entry {
  readonly lease?: Lease | undefined;
  /** `key` tells the client, see `identity` of a network. */
  readonly offer?: { readonly key: string; readonly until: number };
}

export interface LeaseEntries {
  /** Addresses with an entry. */
  readonly size: number;
  has(address: number): boolean;
  get(address: number): Entry | undefined;
  set(address: number, entry: Entry): void;
  /** The address a machine has or had last. */
  addressOf(mac: Mac): number | undefined;
  setAddressOf(mac: Mac, address: number | undefined): void;
  /** Addresses with a lease, whatever its state. */
  readonly leaseCount: number;
  /** Every address with the time until which it is taken. */
  eachEnd(tell: (address: number, until: number) => void): void;
  /** Every address with a lease, in no order, with its end and whether it is bound; makes no objects. */
  eachLease(tell: (address: number, expiresAt: number, isBound: boolean) => void): void;
  /** Every address that was asked for through a port of a relay, as it is on record. */
  eachPort(tell: (address: number, port: string) => void): void;
  leases(): Iterable<Lease>;
}

export function createLeaseEntries(stored: PackedLeases): LeaseEntries {
  const changed = new Map<number, Entry>();
  const holders = new Map<Mac, number | undefined>();
  let size = stored.size;
  let leaseCount = stored.size;

  return {
    get size() {
      return size;
    },
    get leaseCount() {
      return leaseCount;
    },
    has: (address) => changed.has(address) || stored.has(address),
    get(address) {
      const entry = changed.get(address);
      if (entry) return entry;
      const lease = stored.find(address);
      return lease && { lease };
    },
    set(address, entry) {
      const before = changed.get(address);
      const isStored = before === undefined && stored.has(address);
      if (before === undefined && !isStored) size++;
      const hadLease = before ? before.lease !== undefined : isStored;
      if (hadLease !== (entry.lease !== undefined)) leaseCount += hadLease ? -1 : 1;
      changed.set(address, entry);
    },
    addressOf: (mac) => (holders.has(mac) ? holders.get(mac) : stored.addressOf(mac)),
    setAddressOf: (mac, address) => void holders.set(mac, address),
    eachEnd(tell) {
      stored.eachLease((address, until) => {
        if (!changed.has(address)) tell(address, until);
      });
      for (const [address, entry] of changed) tell(address, busyUntil(entry));
    },
    eachLease(tell) {
      stored.eachLease((address, until, isBound) => {
        if (!changed.has(address)) tell(address, until, isBound);
      });
      for (const [address, { lease }] of changed) if (lease) tell(address, lease.expiresAt, lease.state === 'bound');
    },
    eachPort(tell) {
      stored.eachPort((address, port) => {
        if (!changed.has(address)) tell(address, port);
      });
      for (const [address, { lease }] of changed) if (lease?.port !== undefined) tell(address, lease.port);
    },
    *leases() {
      for (const { lease } of changed.values()) if (lease) yield lease;
      for (const lease of stored) if (!changed.has(ipv4ToNumber(lease.address))) yield lease;
    },
  };
}

/** The end of the lease or of the offer, whichever is later. */
export function busyUntil({ lease, offer }: Entry): number {
  return Math.max(lease?.expiresAt ?? 0, offer?.until ?? 0);
}
