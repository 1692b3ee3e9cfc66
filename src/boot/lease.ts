/** A DHCP lease as every room sees it: the DHCP room decides on it, the store keeps it, the API shows it. */
import type { Ipv4 } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';

export type LeaseState = 'bound' | 'released' | 'declined';

/** Times are wall-clock milliseconds since 1970. */
export interface Lease {
  readonly network: string;
  readonly address: Ipv4;
  readonly mac: Mac;
  /** Option 61, hex; absent when the client sent none. */
  readonly clientId?: string;
  readonly hostname?: string;
  readonly state: LeaseState;
  readonly startsAt: number;
  /** When its client last asked for it; absent on leases of old versions: then `startsAt` is all that is known. */
  readonly heardAt?: number;
  /** The relay and its port (option 82 sub-option 1, hex) it was asked for through: `10.0.0.1 aabb`. */
  readonly port?: string;
  /** End of the lease, or of the quarantine of a declined address. */
  readonly expiresAt: number;
}

/** Which leases; they come in order of network and address. */
export interface LeaseQuery {
  readonly network?: string | undefined;
  /** True: bound and not over at `now`; false: the others. Default: all. */
  readonly active?: boolean | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Only those behind this one. */
  readonly after?: Pick<Lease, 'network' | 'address'> | undefined;
  /** At most this many. */
  readonly limit: number;
}

/** Makes leases durable: resolves only when they would survive `kill -9`. One row an address, the newest wins. */
export type CommitLeases = (leases: readonly Lease[]) => Promise<void>;
