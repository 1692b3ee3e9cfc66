/** Which of the served networks a request belongs to (RFC 2131 §4.3.1, RFC 3011, RFC 3527). */
import type { ServedNetwork } from '../boot/served.ts';
import { type Cidr, cidrContains, type Ipv4, parseCidr } from '../net/ipv4.ts';
import { messageTypeOf, readOption } from './options.ts';
import type { Packet } from './packet.ts';
import { relayFacts } from './relay-facts.ts';
import { ip } from './shape.ts';

export type NetworkChoice =
  | { readonly kind: 'served'; readonly served: ServedNetwork; readonly because: string }
  | { readonly kind: 'none'; readonly reason: string };

/** The configured subnet, else the one of our own address. */
export function subnetOf(served: ServedNetwork): Cidr {
  const { address, prefix, network } = served;
  return network.subnet ?? parseCidr(`${address}/${prefix}`) ?? { network: address, prefix: 32 };
}

/**
 * Option 82 sub-option 5, option 118, giaddr, then the interface the request came in on. A word that names none of our
 * networks is final: an address of another subnet would be of no use there. Of several networks on the interface it is the
 * one of ciaddr: a machine behind a relay renews, releases and asks port 4011 by unicast, without its relay.
 */
export function selectNetwork(networks: readonly ServedNetwork[], arrival: string, request: Packet): NetworkChoice {
  const { giaddr, linkSelection } = relayFacts(request);
  const clues: readonly [Ipv4 | undefined, string][] = [
    [linkSelection, 'option 82 link selection'],
    [readOption(request, 118, ip), 'option 118'],
    [giaddr, 'giaddr'],
  ];
  for (const [address, name] of clues) {
    if (address === undefined) continue;
    const served = mostSpecific(networks.filter((candidate) => cidrContains(subnetOf(candidate), address)));
    if (served) return { kind: 'served', served, because: `${name} ${address}` };
    return { kind: 'none', reason: `no network here holds ${address}, which ${name} names` };
  }
  const here = networks.filter((candidate) => candidate.interface === arrival);
  // Who asks for a new address has none to go by (RFC 2131 table 5).
  const holders = messageTypeOf(request) === 'DISCOVER' ? [] : here;
  const holder = mostSpecific(holders.filter((candidate) => cidrContains(subnetOf(candidate), request.ciaddr)));
  if (holder) return { kind: 'served', served: holder, because: `ciaddr ${request.ciaddr}` };
  // A network whose subnet is elsewhere has this interface as the way to its relay only.
  const own = here.find((candidate) => cidrContains(subnetOf(candidate), candidate.address));
  if (own) return { kind: 'served', served: own, because: `interface ${arrival}` };
  return { kind: 'none', reason: `no network is served on ${arrival} without a relay` };
}

function mostSpecific(candidates: readonly ServedNetwork[]): ServedNetwork | undefined {
  if (candidates.length <= 1) return candidates[0];
  return candidates.toSorted((a, b) => subnetOf(b).prefix - subnetOf(a).prefix)[0];
}
