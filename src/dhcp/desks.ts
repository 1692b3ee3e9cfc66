/** One desk for each network: its address book, and the snapshot the book's plan was made from. */
import type { Catalog } from '../boot/catalog.ts';
import type { CommitLeases, Lease, LeaseQuery } from '../boot/lease.ts';
import { givesAddresses } from '../boot/network.ts';
import type { StoredLeases } from '../boot/packed-leases.ts';
import type { ServedNetwork } from '../boot/served.ts';
import type { Ipv4 } from '../net/ipv4.ts';
import { planAddresses } from './address-plan.ts';
import { inheritLeases } from './inherit-leases.ts';
import { type AddressBook, createAddressBook, type Holder } from './lease.ts';
import { listLeases } from './lease-list.ts';
import { subnetOf } from './network-choice.ts';

export interface Desk {
  readonly book: AddressBook;
  readonly served: ServedNetwork;
  readonly catalog: Catalog;
}

export interface Desks {
  /** Forgets networks that are no longer configured. */
  keep(isConfigured: (network: string) => boolean): void;
  /**
   * Opens a network's desk, or brings one that is open up to date.
   * @param isOpen whether the network has been answering until now
   * @throws what reading the stored leases throws: a server that does not know them would give addresses twice
   */
  open(served: ServedNetwork, isOpen: boolean, isConfigured: (network: string) => boolean): Promise<void>;
  /** The desk by the newest snapshot; undefined for a network without one. */
  find(network: string): Desk | undefined;
  leases(query: LeaseQuery): readonly Lease[];
  leaseCount(): number;
  /** Whether some network offered it an address, or has one on record for it. */
  knows(who: Holder, now: number): boolean;
  /** Ends a lease or a quarantine by an operator's word; resolves when that is stored. */
  free(network: string, address: Ipv4, now: number, commit: CommitLeases): Promise<Lease | undefined>;
  /** Whether a machine holds an address of the network. */
  isInUse(network: string, now: number): boolean;
}

export interface DesksDeps {
  readonly snapshot: () => Catalog;
  /** Everything the store holds, with all that was acknowledged until now. */
  readonly loadLeases: () => Promise<StoredLeases | Iterable<Lease>> | StoredLeases | Iterable<Lease>;
}

interface OpenDesk {
  readonly book: AddressBook;
  /** Whether the stored leases are in the book; a network that was a proxy until now has none. */
  readonly hasLeases: boolean;
  served: ServedNetwork;
  catalog: Catalog;
}

export function createDesks({ snapshot, loadLeases }: DesksDeps): Desks {
  const desks = new Map<string, OpenDesk>();

  /** A new snapshot may reserve or free addresses. */
  const refresh = (desk: OpenDesk, served: ServedNetwork): void => {
    const catalog = snapshot();
    if (desk.catalog === catalog && desk.served === served) return;
    Object.assign(desk, { served, catalog });
    desk.book.setPlan(planAddresses(served, catalog));
  };

  return {
    keep(isConfigured) {
      for (const name of desks.keys()) if (!isConfigured(name)) desks.delete(name);
    },
    async open(served, isOpen, isConfigured) {
      const { name, mode } = served.network;
      const known = desks.get(name);
      if (known && isOpen && (known.hasLeases || !givesAddresses(mode))) return refresh(known, served);
      const catalog = snapshot();
      const stored = givesAddresses(mode) ? await loadLeases() : [];
      const leases = inheritLeases({ network: name, subnet: subnetOf(served), isConfigured }, stored);
      const book = createAddressBook(name, planAddresses(served, catalog), leases);
      desks.set(name, { book, served, catalog, hasLeases: givesAddresses(mode) });
    },
    find(network) {
      const desk = desks.get(network);
      if (desk) refresh(desk, desk.served);
      return desk;
    },
    knows(who, now) {
      for (const { book } of desks.values()) if (book.offered(who, now) ?? book.recorded(who)) return true;
      return false;
    },
    isInUse(network, now) {
      return (desks.get(network)?.book.page({ active: true, now, limit: 1 }).length ?? 0) > 0;
    },
    async free(network, address, now, commit) {
      const freed = desks.get(network)?.book.free(address, now);
      if (freed) await commit([freed]);
      return freed;
    },
    leases: (query) => listLeases(new Map([...desks].map(([name, { book }]) => [name, book.page])), query),
    leaseCount: () => [...desks.values()].reduce((sum, { book }) => sum + book.leaseCount, 0),
  };
}
