/** The networks we serve as the door sees them, and which of them a request belongs to. */
import type { ServerIdentity } from '../boot/context.ts';
import type { Network } from '../boot/host.ts';
import { type Cidr, cidrContains, type Ipv4, parseCidr } from '../net/ipv4.ts';

/** A network on an interface of ours, or behind a relay that reaches us by it. */
export interface ServedNetwork {
  readonly network: Network;
  readonly interface: string;
  /** Our address on the interface: the server identifier (RFC 2131 §4.1). */
  readonly address: Ipv4;
  /** Prefix length of `address`. */
  readonly prefix: number;
  /** Where machines of this network fetch from. */
  readonly server: ServerIdentity;
}

/** Addresses a relay or client may name to choose the subnet, strongest first. */
export interface SubnetClues {
  /** Option 82 sub-option 5 (RFC 3527). */
  readonly linkSelection?: Ipv4 | undefined;
  /** Option 118 (RFC 3011). */
  readonly subnetSelection?: Ipv4 | undefined;
  readonly giaddr?: Ipv4 | undefined;
}

export type NetworkChoice =
  | { readonly kind: 'served'; readonly served: ServedNetwork; readonly because: string }
  | { readonly kind: 'none'; readonly reason: string };

/** The configured subnet, else the one of our own address. */
export function subnetOf(served: ServedNetwork): Cidr {
  return served.network.subnet ?? parseCidr(`${served.address}/${served.prefix}`) ?? hostOnly(served.address);
}

/**
 * Option 82 sub-option 5, option 118, giaddr, then the interface the request came in on. A relay's word that names none
 * of our networks is final: an address of another subnet would be of no use there.
 */
export function selectNetwork(
  networks: readonly ServedNetwork[],
  arrival: string,
  { linkSelection, subnetSelection, giaddr }: SubnetClues,
): NetworkChoice {
  const clues: readonly [Ipv4 | undefined, string][] = [
    [linkSelection, 'option 82 link selection'],
    [subnetSelection, 'option 118'],
    [giaddr, 'giaddr'],
  ];
  for (const [address, name] of clues) {
    if (address === undefined) continue;
    const served = mostSpecific(networks.filter((candidate) => cidrContains(subnetOf(candidate), address)));
    if (served) return { kind: 'served', served, because: `${name} ${address}` };
    return { kind: 'none', reason: `no network here holds ${address}, which ${name} names` };
  }
  const here = networks.filter((candidate) => candidate.interface === arrival);
  const own = here.find((candidate) => cidrContains(subnetOf(candidate), candidate.address));
  if (own) return { kind: 'served', served: own, because: `interface ${arrival}` };
  return { kind: 'none', reason: `no network is served on ${arrival} without a relay` };
}

function mostSpecific(candidates: readonly ServedNetwork[]): ServedNetwork | undefined {
  return candidates.toSorted((a, b) => subnetOf(b).prefix - subnetOf(a).prefix)[0];
}

function hostOnly(address: Ipv4): Cidr {
  return { network: address, prefix: 32 };
}
