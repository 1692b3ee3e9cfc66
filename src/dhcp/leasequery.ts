/**
 * Leasequery (RFC 4388): a relay that lost its memory asks who holds an address, or which address a machine has. Only relays
 * that a network lists are told, and only of that network.
 */
import type { Lease } from '../boot/lease.ts';
import { givesAddresses } from '../boot/network.ts';
import type { ServedNetwork } from '../boot/served.ts';
import { ANY_ADDRESS, cidrContains, type Ipv4, ipv4ToBytes } from '../net/ipv4.ts';
import { type Mac, macFromBytes, macToBytes } from '../net/mac.ts';
import type { AddressBook } from './lease.ts';
import { subnetOf } from './network-choice.ts';
import { networkOptions } from './network-options.ts';
import { encodeOption } from './options.ts';
import { BOOTREPLY, BOOTREQUEST, type Packet } from './packet.ts';
import { askedFor } from './reply.ts';
import { bytesFromHex, hexFromBytes } from './text.ts';

/** A network with its leases. */
export interface QueriedNetwork {
  readonly served: ServedNetwork;
  readonly book: Pick<AddressBook, 'leaseOf' | 'leaseOfMac' | 'leaseOfClientId'>;
  /** Why it answers nobody now. */
  readonly hold?: string | undefined;
}

export type LeasequeryMessage = 'LEASEACTIVE' | 'LEASEUNASSIGNED' | 'LEASEUNKNOWN';

export type LeasequeryOutcome =
  | { readonly kind: 'ignore'; readonly reason: string }
  | {
      readonly kind: 'reply';
      readonly message: LeasequeryMessage;
      readonly packet: Packet;
      readonly reason: string;
    };

/** What is asked by: exactly one of the three (RFC 4388 §6.1). */
type Query =
  | { readonly by: 'address'; readonly address: Ipv4 }
  | { readonly by: 'mac'; readonly mac: Mac }
  | { readonly by: 'client-id'; readonly clientId: string };

interface Found {
  readonly served: ServedNetwork;
  readonly lease: Lease;
}

/**
 * @param serverId our address, for option 54
 * @param now milliseconds since 1970
 */
export function respondToLeasequery(
  request: Packet,
  networks: readonly QueriedNetwork[],
  serverId: Ipv4,
  now: number,
): LeasequeryOutcome {
  const { giaddr } = request;
  if (request.op !== BOOTREQUEST || giaddr === ANY_ADDRESS) {
    return { kind: 'ignore', reason: 'a leasequery without giaddr: only relays may ask' };
  }
  const listing = networks.filter(({ served }) => served.network.leasequery.includes(giaddr));
  const [first] = listing;
  if (!first) return { kind: 'ignore', reason: `no network has ${giaddr} under "leasequery"` };
  // Elsewhere another server may have given what we know nothing of: "unassigned" would cut a machine off.
  const open = listing.filter((one) => silenceOf(one) === undefined);
  if (open.length === 0) return { kind: 'ignore', reason: silenceOf(first) ?? '' };
  const query = queryOf(request);
  if (typeof query === 'string') return { kind: 'ignore', reason: query };
  const answer = (message: LeasequeryMessage, reason: string, about?: About): LeasequeryOutcome => {
    return { kind: 'reply', message, packet: makePacket(request, message, serverId, about), reason };
  };

  if (query.by === 'address') {
    const { address } = query;
    const owner = open.find(({ served }) => cidrContains(subnetOf(served), address));
    if (!owner) return answer('LEASEUNKNOWN', `${address} is of no network that ${giaddr} may ask about`, { address });
    const lease = owner.book.leaseOf(address);
    if (!lease || !isActive(lease, now)) return answer('LEASEUNASSIGNED', `nobody holds ${address}`, { address });
    const about = { address, lease, options: leaseOptions(request, { served: owner.served, lease }, [], now) };
    return answer('LEASEACTIVE', `${address} is held by ${lease.mac}`, about);
  }

  const held = open
    .flatMap(({ served, book }): Found[] => {
      const lease = query.by === 'mac' ? book.leaseOfMac(query.mac) : book.leaseOfClientId(query.clientId);
      return lease && isActive(lease, now) ? [{ served, lease }] : [];
    })
    .sort((a, b) => heardAt(b.lease) - heardAt(a.lease));
  const [latest, ...others] = held;
  const who = query.by === 'mac' ? query.mac : `client identifier ${query.clientId}`;
  if (!latest) return answer('LEASEUNKNOWN', `${who} holds no address that ${giaddr} may ask about`);
  const { lease } = latest;
  const options = leaseOptions(request, latest, others, now);
  return answer('LEASEACTIVE', `${who} holds ${lease.address}`, { address: lease.address, lease, options });
}

/** Why nothing is told of a network. */
function silenceOf({ served: { network }, hold }: QueriedNetwork): string | undefined {
  if (givesAddresses(network.mode)) return hold;
  return `network "${network.name}" gives no addresses: it is in mode ${network.mode}`;
}

interface About {
  readonly address: Ipv4;
  readonly lease?: Lease;
  readonly options?: ReadonlyMap<number, Uint8Array>;
}

function queryOf({ ciaddr, hlen, chaddr, options }: Packet): Query | string {
  const id = options.get(61);
  const mac = hlen === 6 ? macFromBytes(chaddr) : undefined;
  const queries: Query[] = [];
  if (ciaddr !== ANY_ADDRESS) queries.push({ by: 'address', address: ciaddr });
  if (mac !== undefined && mac !== NOBODY) queries.push({ by: 'mac', mac });
  if (id) queries.push({ by: 'client-id', clientId: hexFromBytes(id) });
  const [query, another] = queries;
  if (!query) return 'a leasequery by nothing we know: it needs ciaddr, an Ethernet address or option 61';
  return another ? `a leasequery by ${queries.map(({ by }) => by).join(' and ')}: only one may be given` : query;
}

const NOBODY = '00:00:00:00:00:00' as Mac;

function isActive({ state, expiresAt }: Lease, now: number): boolean {
  return state === 'bound' && expiresAt > now;
}

function heardAt(lease: Lease): number {
  return lease.heardAt ?? lease.startsAt;
}

/** What is asked for (option 55; all of it without a list) of what is known of a lease (RFC 4388 §6.4.2). */
function leaseOptions(
  request: Packet,
  { served, lease }: Found,
  others: readonly Found[],
  now: number,
): Map<number, Uint8Array> {
  const asked = askedFor(request);
  const wanted = (code: number) => asked === undefined || asked.includes(code);
  const options = new Map([...networkOptions(served, undefined, asked)].filter(([code]) => asked?.includes(code)));
  const heard = heardAt(lease);
  const whole = lease.expiresAt - heard;
  /** Seconds from now to a moment; what is over is not told. */
  const put = (code: number, at: number) => {
    if (wanted(code) && at > now) options.set(code, encodeOption(code, Math.ceil((at - now) / 1000)));
  };
  put(51, lease.expiresAt);
  put(58, heard + whole / 2);
  put(59, heard + (whole * 7) / 8);
  if (wanted(91)) options.set(91, encodeOption(91, Math.max(0, Math.floor((now - heard) / 1000))));
  if (wanted(92) && others.length > 0) {
    options.set(
      92,
      encodeOption(
        92,
        [lease, ...others.map((one) => one.lease)].map(({ address }) => address),
      ),
    );
  }
  const id = lease.clientId === undefined ? undefined : bytesFromHex(lease.clientId);
  if (id) options.set(61, id);
  return options;
}

/** To the relay that asked; the fields of the query but for what was found (RFC 4388 §6.4.1). */
function makePacket(request: Packet, message: LeasequeryMessage, serverId: Ipv4, about?: About): Packet {
  const { lease } = about ?? {};
  const chaddr = new Uint8Array(16);
  if (lease) chaddr.set(macToBytes(lease.mac));
  return {
    ...request,
    op: BOOTREPLY,
    hops: 0,
    secs: 0,
    ...(lease && { htype: ETHERNET, hlen: 6, chaddr }),
    ciaddr: about?.address ?? ANY_ADDRESS,
    yiaddr: ANY_ADDRESS,
    siaddr: ANY_ADDRESS,
    sname: '',
    file: '',
    options: new Map([...(about?.options ?? []), [53, encodeOption(53, message)], [54, ipv4ToBytes(serverId)]]),
  };
}

const ETHERNET = 1;
