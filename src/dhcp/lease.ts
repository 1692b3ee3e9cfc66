/**
 * The address book of one network: who holds which address, who was offered which, and which is given next. It has no
 * clock: every call is told `now` (milliseconds since 1970, never going back). Costs do not grow with the pool.
 */
import type { Lease } from '../boot/lease.ts';
import { type PackedLeases, packLeases } from '../boot/packed-leases.ts';
import { cidrContains, type Ipv4, ipv4FromNumber, ipv4ToNumber, rangeContains } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';
import { type AddressPlan, createPoolCursor, isSamePlan } from './address-plan.ts';
import { createClientIdIndex } from './client-id-index.ts';
import { createExpiryQueue } from './expiry-queue.ts';
import { busyUntil, createLeaseEntries, type Entry } from './lease-entries.ts';
import { type LeasePages, pageOfEntries } from './lease-list.ts';
import { createPortTally } from './port-tally.ts';

/** An offer is kept for its client this long: firmware collects offers for up to 4 s, and retries at 13 s. */
export const OFFER_HOLD_MS = 30_000;
/** A declined address is in use by somebody: left alone for a day, a reserved one for ten minutes. */
export const QUARANTINE_MS = 24 * 3_600_000;
const RESERVED_QUARANTINE_MS = 600_000;
/** An address that answered on the wire: asked about again after an hour. */
export const CONFLICT_MS = 3_600_000;
/** More declines of one client within a quarantine look like an attempt to drain the pool, and block nothing more. */
export const MAX_DECLINES = 4;

/**
 * Who holds or wants an address. On boot networks identity is the MAC: ROM, iPXE, installer and system of one machine present
 * different client identifiers and must keep one address. By client identifier (RFC 2131 §2) each of them is somebody else.
 */
export interface Holder {
  readonly mac: Mac;
  /** Option 61, hex. */
  readonly clientId?: string | undefined;
}

export interface Claimant extends Holder {
  readonly hostname?: string | undefined;
  /** The address of its host, when there is one. */
  readonly reserved?: Ipv4 | undefined;
  /** The relay and its port (option 82) it asks through. */
  readonly port?: string | undefined;
}

/** Why this address: in the order in which they are tried. */
type ChoiceReason =
  | 'reservation'
  | 'current lease'
  | 'last lease'
  | 'offered before'
  | 'asked for'
  | 'free'
  | 'oldest expired';

export interface Choice {
  readonly address: Ipv4;
  readonly because: ChoiceReason;
  /** The reservation could not be given: another client has it. */
  readonly reservationTaken?: true;
  /** The address was last held by the same machine under another client identifier. */
  readonly identityChanged?: true;
}

/** May the client have the address now? `move`: it may not keep it, since its reserved address is free. */
type Standing = 'free' | 'outside' | 'taken' | 'move';

export interface AddressBook {
  /** Takes a changed configuration; what is leased stays leased. */
  setPlan(plan: AddressPlan): void;
  /** The address the client would get; holds nothing. Undefined when none is left. */
  choose(claimant: Claimant, requested: Ipv4 | undefined, now: number): Choice | undefined;
  /** Chooses and holds the address for the client. */
  offer(claimant: Claimant, requested: Ipv4 | undefined, now: number): Choice | undefined;
  /** The client took another server's offer. */
  withdraw(who: Holder): void;
  standing(claimant: Claimant, address: Ipv4, now: number): Standing;
  /** Its port has as many addresses as it may, and it has none yet. Never of a machine with a reserved address. */
  isPortFull(claimant: Claimant, now: number): boolean;
  /** What it was offered or has or had last. */
  offered(who: Holder, now: number): Ipv4 | undefined;
  recorded(who: Holder): Lease | undefined;
  /** What is on record of an address, of whoever it is. */
  leaseOf(address: Ipv4): Lease | undefined;
  /** The latest lease of a card, whatever tells clients apart here. */
  leaseOfMac(mac: Mac): Lease | undefined;
  /** The latest lease of a client identifier, hex. The first call reads all leases. */
  leaseOfClientId(clientId: string): Lease | undefined;
  /**
   * Binds an address whose standing is `free`, anything else is a `RangeError`. Returns every changed lease, to be
   * committed together: the new one first, then the client's older one, given up.
   */
  bind(claimant: Claimant, address: Ipv4, seconds: number, now: number): readonly [Lease, ...Lease[]];
  /** Ends the client's lease; its address is remembered for it. Undefined when it has no such lease. */
  release(who: Holder, address: Ipv4, now: number): Lease | undefined;
  /** Puts an address the client holds or was offered aside. Undefined when it is not its to decline. */
  decline(claimant: Claimant, address: Ipv4, now: number): Lease | undefined;
  /** Puts an address aside that somebody, `by`, was found to use without a lease of ours. */
  setAside(address: Ipv4, by: Mac, now: number): Lease;
  /** An operator's word: ends a lease or a quarantine. Undefined when the address has neither. */
  free(address: Ipv4, now: number): Lease | undefined;
  /** Every lease on record, also expired, released and declined ones. */
  leases(): Iterable<Lease>;
  readonly leaseCount: number;
  readonly page: LeasePages;
}

/** @param leases what the store holds for this network: one row an address */
export function createAddressBook(
  network: string,
  firstPlan: AddressPlan,
  leases: PackedLeases | Iterable<Lease> = [],
): AddressBook {
  const entries = createLeaseEntries('addressOf' in leases ? leases : packLeases(network, leases));
  /** By client, where that is not its MAC: the address it has or had last. */
  let heldBy = new Map<string, number>();
  const offeredTo = new Map<string, number>();
  const declines = new Map<string, { count: number; until: number }>();
  /** Addresses that were free but of no use when they were met: a changed plan may want them. */
  let outside: number[] = [];
  const ports = createPortTally((address, now) => isHeld(entries.get(address), now));
  const clientIds = createClientIdIndex(entries.leases);
  let plan = firstPlan;
  let cursor = createPoolCursor(plan.pools);
  let queue = createExpiryQueue(entries.eachEnd);
  indexHolders();
  if (plan.leasesPerPort) entries.eachPort((address, port) => ports.note(port, address));

  function setPlan(next: AddressPlan): void {
    const same = isSamePlan(plan, next);
    const sameIdentity = plan.identity === next.identity;
    const before = plan.leasesPerPort;
    plan = next;
    if (!sameIdentity) indexHolders();
    if (next.leasesPerPort && !before) entries.eachPort((address, port) => ports.note(port, address));
    if (same) return;
    cursor = createPoolCursor(plan.pools);
    for (const address of outside) queue.push(address, busyUntil(entries.get(address) ?? {}));
    outside = [];
  }

  function keyOf({ mac, clientId }: Holder): string {
    return plan.identity === 'client-id' && clientId !== undefined ? `id ${clientId}` : mac;
  }

  /** Entries are found by MAC; what else tells clients apart has an index of its own. */
  function indexHolders(): void {
    heldBy = new Map();
    if (plan.identity !== 'client-id') return;
    for (const lease of entries.leases()) {
      if (lease.state === 'declined') continue;
      const other = recorded(lease);
      if (!other || other.expiresAt <= lease.expiresAt) heldBy.set(keyOf(lease), ipv4ToNumber(lease.address));
    }
  }

  function addressOf(who: Holder): number | undefined {
    return plan.identity === 'client-id' ? heldBy.get(keyOf(who)) : entries.addressOf(who.mac);
  }

  /** Call after every change of an entry: the queue keeps the old time until it meets it. */
  function changed(address: number, entry: Entry): void {
    entries.set(address, entry);
    queue.push(address, busyUntil(entry));
    if (queue.size > 2 * entries.size + 1024) queue = createExpiryQueue(entries.eachEnd);
  }

  function inPools(address: Ipv4): boolean {
    return (
      !plan.reserved.has(address) && !plan.excluded.has(address) && plan.pools.some((p) => rangeContains(p, address))
    );
  }

  function mayEverHave(claimant: Claimant, address: Ipv4): boolean {
    if (!cidrContains(plan.subnet, address) || plan.excluded.has(address)) return false;
    return address === claimant.reserved || inPools(address);
  }

  function takenByOther(key: string, address: Ipv4, now: number): boolean {
    const entry = entries.get(ipv4ToNumber(address));
    if (entry?.offer && entry.offer.until > now && entry.offer.key !== key) return true;
    const lease = entry?.lease;
    if (!lease || lease.expiresAt <= now || lease.state === 'released') return false;
    return lease.state === 'declined' || keyOf(lease) !== key;
  }

  function oldestExpired(now: number): Ipv4 | undefined {
    for (let top = queue.peek(); top; top = queue.peek()) {
      const entry = entries.get(top.address);
      const address = ipv4FromNumber(top.address);
      const stale = !entry || busyUntil(entry) !== top.until;
      if (!stale && top.until > now) return undefined;
      if (!stale && inPools(address)) return address;
      queue.pop();
      if (!stale) outside.push(top.address);
    }
    return undefined;
  }

  function choose(claimant: Claimant, requested: Ipv4 | undefined, now: number): Choice | undefined {
    const { mac, reserved } = claimant;
    const key = keyOf(claimant);
    const usable = (address: Ipv4 | undefined): address is Ipv4 =>
      address !== undefined && mayEverHave(claimant, address) && !takenByOther(key, address, now);
    if (usable(reserved)) return { address: reserved, because: 'reservation' };
    const unlucky = reserved !== undefined &&
      cidrContains(plan.subnet, reserved) && { reservationTaken: true as const };
    const choice = (address: Ipv4, because: ChoiceReason): Choice => ({ address, because, ...unlucky });

    const last = recorded(claimant);
    if (usable(last?.address)) {
      return choice(last.address, last.state === 'bound' && last.expiresAt > now ? 'current lease' : 'last lease');
    }
    const before = offered(claimant, now);
    if (usable(before)) return choice(before, 'offered before');
    const earlier = last ? undefined : entries.addressOf(mac);
    if (earlier !== undefined && usable(ipv4FromNumber(earlier))) {
      return { ...choice(ipv4FromNumber(earlier), 'last lease'), identityChanged: true };
    }
    if (usable(requested)) return choice(requested, 'asked for');
    const free = cursor.peek((address) => entries.has(address) || !inPools(ipv4FromNumber(address)));
    if (free !== undefined) return choice(ipv4FromNumber(free), 'free');
    const oldest = oldestExpired(now);
    return oldest && choice(oldest, 'oldest expired');
  }

  function offered(who: Holder, now: number): Ipv4 | undefined {
    const key = keyOf(who);
    const address = offeredTo.get(key);
    const offer = address === undefined ? undefined : entries.get(address)?.offer;
    return address !== undefined && offer?.key === key && offer.until > now ? ipv4FromNumber(address) : undefined;
  }

  function recorded(who: Holder): Lease | undefined {
    return leaseAt(addressOf(who));
  }

  function leaseAt(address: number | undefined): Lease | undefined {
    return address === undefined ? undefined : entries.get(address)?.lease;
  }

  function withdraw(who: Holder): void {
    const key = keyOf(who);
    const address = offeredTo.get(key);
    offeredTo.delete(key);
    const entry = address === undefined ? undefined : entries.get(address);
    if (address !== undefined && entry?.offer?.key === key) changed(address, { lease: entry.lease });
  }

  /** Takes the address out of the hands of whoever had it on record. */
  function forgetHolder(address: number): void {
    const entry = entries.get(address);
    if (entry?.lease) {
      if (entries.addressOf(entry.lease.mac) === address) entries.setAddressOf(entry.lease.mac, undefined);
      if (heldBy.get(keyOf(entry.lease)) === address) heldBy.delete(keyOf(entry.lease));
    }
    if (entry?.offer && offeredTo.get(entry.offer.key) === address) offeredTo.delete(entry.offer.key);
  }

  function standing(claimant: Claimant, address: Ipv4, now: number): Standing {
    if (!mayEverHave(claimant, address)) return 'outside';
    const key = keyOf(claimant);
    if (takenByOther(key, address, now)) return 'taken';
    const { reserved } = claimant;
    if (reserved === undefined || reserved === address || !mayEverHave(claimant, reserved)) return 'free';
    return takenByOther(key, reserved, now) ? 'free' : 'move';
  }

  function isPortFull(claimant: Claimant, now: number): boolean {
    const { port, reserved } = claimant;
    const most = plan.leasesPerPort ?? 0;
    if (port === undefined || most === 0 || reserved !== undefined) return false;
    const lease = recorded(claimant);
    if ((lease?.state === 'bound' && lease.expiresAt > now) || offered(claimant, now)) return false;
    return ports.count(port, most, now) >= most;
  }

  return {
    setPlan,
    choose,
    offered,
    recorded,
    leaseOf: (address) => entries.get(ipv4ToNumber(address))?.lease,
    leaseOfMac: (mac) => leaseAt(entries.addressOf(mac)),
    leaseOfClientId(clientId) {
      const lease = leaseAt(clientIds.find(clientId));
      return lease?.clientId === clientId ? lease : undefined;
    },
    withdraw,
    standing,
    isPortFull,
    offer(claimant, requested, now) {
      const choice = choose(claimant, requested, now);
      if (!choice) return undefined;
      const address = ipv4ToNumber(choice.address);
      const key = keyOf(claimant);
      if (offeredTo.get(key) !== address) withdraw(claimant);
      const entry = entries.get(address);
      if (entry?.offer && offeredTo.get(entry.offer.key) === address) offeredTo.delete(entry.offer.key);
      offeredTo.set(key, address);
      if (claimant.port !== undefined) ports.note(claimant.port, address);
      changed(address, { lease: entry?.lease, offer: { key, until: now + OFFER_HOLD_MS } });
      return choice;
    },
    bind(claimant, address, seconds, now) {
      const found = standing(claimant, address, now);
      if (found !== 'free') throw new RangeError(`${address} cannot be bound to ${claimant.mac}: ${found}`);
      const { mac, clientId, hostname } = claimant;
      const number = ipv4ToNumber(address);
      const old = recorded(claimant);
      withdraw(claimant);
      forgetHolder(number);
      // A renewal comes past the relay and says nothing of the port.
      const port = claimant.port ?? (old?.address === address ? old.port : undefined);
      const lease: Lease = {
        network,
        address,
        mac,
        state: 'bound',
        // A renewal goes on with the lease it had.
        startsAt: old?.address === address && old.state === 'bound' && old.expiresAt > now ? old.startsAt : now,
        expiresAt: now + seconds * 1000,
        heardAt: now,
        ...(port !== undefined && { port }),
        ...(clientId !== undefined && { clientId }),
        ...(hostname !== undefined && { hostname }),
      };
      changed(number, { lease });
      entries.setAddressOf(mac, number);
      clientIds.note(lease);
      if (port === undefined) ports.forget(number);
      else ports.note(port, number);
      if (plan.identity === 'client-id') heldBy.set(keyOf(lease), number);
      if (!old || old.address === address || old.state !== 'bound') return [lease];
      const givenUp: Lease = { ...old, state: 'released', expiresAt: Math.min(old.expiresAt, now) };
      changed(ipv4ToNumber(old.address), { ...entries.get(ipv4ToNumber(old.address)), lease: givenUp });
      return [lease, givenUp];
    },
    release(who, address, now) {
      const lease = recorded(who);
      if (!lease || lease.address !== address || lease.state !== 'bound') return undefined;
      const released: Lease = { ...lease, state: 'released', expiresAt: Math.min(lease.expiresAt, now) };
      changed(ipv4ToNumber(address), { lease: released });
      return released;
    },
    decline(claimant, address, now) {
      const { mac, reserved } = claimant;
      const key = keyOf(claimant);
      const lease = recorded(claimant);
      const bound = lease?.address === address && lease.state === 'bound' && lease.expiresAt > now;
      if (!bound && offered(claimant, now) !== address) return undefined;
      const until = now + (address === reserved ? RESERVED_QUARANTINE_MS : QUARANTINE_MS);
      const known = declines.get(key);
      const count = known && known.until > now ? known.count + 1 : 1;
      declines.set(key, { count, until: Math.max(until, known?.until ?? 0) });
      const number = ipv4ToNumber(address);
      withdraw(claimant);
      forgetHolder(number);
      const tooMany = count > MAX_DECLINES;
      const port = claimant.port ?? lease?.port;
      const declined: Lease = {
        network,
        address,
        mac,
        state: tooMany ? 'released' : 'declined',
        startsAt: now,
        expiresAt: tooMany ? now : until,
        ...(port !== undefined && { port }),
      };
      changed(number, { lease: declined });
      return declined;
    },
    setAside(address, by, now) {
      const number = ipv4ToNumber(address);
      forgetHolder(number);
      ports.forget(number);
      const until = now + (plan.reserved.has(address) ? RESERVED_QUARANTINE_MS : CONFLICT_MS);
      const lease: Lease = { network, address, mac: by, state: 'declined', startsAt: now, expiresAt: until };
      changed(number, { lease });
      return lease;
    },
    free(address, now) {
      const number = ipv4ToNumber(address);
      const lease = entries.get(number)?.lease;
      if (!lease || lease.state === 'released' || lease.expiresAt <= now) return undefined;
      const freed: Lease = { ...lease, state: 'released', expiresAt: now };
      changed(number, { lease: freed });
      return freed;
    },
    leases: entries.leases,
    get leaseCount() {
      return entries.leaseCount;
    },
    page: (query) => pageOfEntries(entries, query),
  };
}

/** Offered, leased or put aside. */
function isHeld(entry: Entry | undefined, now: number): boolean {
  const { lease, offer } = entry ?? {};
  return (offer !== undefined && offer.until > now) || (lease?.state !== 'released' && (lease?.expiresAt ?? 0) > now);
}
