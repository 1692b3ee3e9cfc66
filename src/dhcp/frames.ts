/** From a captured frame down to a UDP payload on the DHCP ports: Ethernet, VLAN tags, Linux cooked, IPv4. */
import { type Ipv4, ipv4FromBytes } from '../net/ipv4.ts';

/** A DHCP payload and who sent it to whom. */
export interface DhcpFrame {
  readonly source: Ipv4;
  readonly sourcePort: number;
  readonly destination: Ipv4;
  readonly destinationPort: number;
  /** UDP payload; shorter than sent when the capture cut the frame. */
  readonly payload: Uint8Array;
}

/** Link types of pcap and pcapng (LINKTYPE_ values). */
export const LINK_TYPE = {
  null: 0,
  ethernet: 1,
  rawBsd: 12,
  raw: 101,
  loop: 108,
  cooked: 113,
  ipv4: 228,
  cooked2: 276,
} as const;

const DHCP_PORTS: ReadonlySet<number> = new Set([67, 68, 4011]);
const ETHERTYPE_IPV4 = 0x0800;
const VLAN_TAGS: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100]);
const UDP = 17;

/** Whether frames of this link type can be read at all. */
export function isKnownLinkType(linkType: number): boolean {
  return Object.values(LINK_TYPE).some((known) => known === linkType);
}

/** The DHCP payload of a frame; undefined for every other frame, cut-off headers and later IP fragments. Never throws. */
export function dhcpOfFrame(frame: Uint8Array, linkType: number): DhcpFrame | undefined {
  const at = ipv4Offset(frame, linkType);
  return at === undefined ? undefined : dhcpOfIpv4(frame.subarray(at));
}

/** The DHCP payload of an IPv4 datagram. */
export function dhcpOfIpv4(datagram: Uint8Array): DhcpFrame | undefined {
  const first = datagram[0] ?? 0;
  const headerLength = (first & 15) * 4;
  const fragmentOffset = u16(datagram, 6) & 0x1fff;
  if (first >> 4 !== 4 || headerLength < 20 || fragmentOffset !== 0 || datagram[9] !== UDP) return undefined;
  if (datagram.length < headerLength + 8) return undefined;
  // Ethernet pads short frames: what lies behind the total length is not ours. Offload may leave that length 0.
  const totalLength = u16(datagram, 2);
  const udp = datagram.subarray(headerLength, totalLength >= headerLength + 8 ? totalLength : datagram.length);
  const [sourcePort, destinationPort, length] = [u16(udp, 0), u16(udp, 2), u16(udp, 4)];
  if (!DHCP_PORTS.has(sourcePort) && !DHCP_PORTS.has(destinationPort)) return undefined;
  return {
    source: ipv4FromBytes(datagram, 12),
    sourcePort,
    destination: ipv4FromBytes(datagram, 16),
    destinationPort,
    payload: udp.subarray(8, length >= 8 ? length : udp.length),
  };
}

function ipv4Offset(frame: Uint8Array, linkType: number): number | undefined {
  switch (linkType) {
    case LINK_TYPE.ethernet:
      return afterEthertype(frame, 12);
    case LINK_TYPE.cooked:
      return afterEthertype(frame, 14);
    case LINK_TYPE.cooked2:
      return u16(frame, 0) === ETHERTYPE_IPV4 ? 20 : undefined;
    case LINK_TYPE.raw:
    case LINK_TYPE.rawBsd:
    case LINK_TYPE.ipv4:
      return 0;
    case LINK_TYPE.null:
    case LINK_TYPE.loop:
      return 4;
    default:
      return undefined;
  }
}

function afterEthertype(frame: Uint8Array, at: number): number | undefined {
  let offset = at;
  while (VLAN_TAGS.has(u16(frame, offset))) offset += 4;
  return u16(frame, offset) === ETHERTYPE_IPV4 ? offset + 2 : undefined;
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
