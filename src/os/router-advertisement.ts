/**
 * The router advertisement of somebody who is no router (RFC 4861 §4.2), as a whole IPv6 packet for a packet socket.
 *
 *     0  version 6                                    40 type 134 | code 0 | checksum
 *     4  payload length | next header 58 | hop limit  44 hop limit 0 | flags 0 | router lifetime 0
 *     8  source address, link-local                   48 reachable time 0
 *    24  destination address, link-local              52 retransmission timer 0
 *
 * Lifetime 0 says "no default route here" (§6.3.4); without flags, prefixes and other options nothing else is learnt from it.
 */
import { type Mac, macToBytes } from '../net/mac.ts';
import { internetChecksum } from './udp-frame.ts';

const IPV6_HEADER = 40;
const ICMPV6 = 58;
const ADVERTISEMENT_BYTES = 16;
const ROUTER_ADVERTISEMENT = 134;
/** Proves that no router has passed it on (§6.1.2). */
const HOP_LIMIT = 255;

/** Between the addresses that both make of their hardware addresses: only an owner of `to` takes it. */
export function buildNoRouterAdvertisement(from: Mac, to: Mac): Uint8Array {
  const packet = new Uint8Array(IPV6_HEADER + ADVERTISEMENT_BYTES);
  const view = new DataView(packet.buffer);
  packet[0] = 0x60;
  view.setUint16(4, ADVERTISEMENT_BYTES);
  packet[6] = ICMPV6;
  packet[7] = HOP_LIMIT;
  packet.set(linkLocalOf(from), 8);
  packet.set(linkLocalOf(to), 24);
  packet[IPV6_HEADER] = ROUTER_ADVERTISEMENT;
  // The pseudo header of RFC 8200 §8.1: both addresses, the length and the next header.
  const pseudo = new Uint8Array(40);
  pseudo.set(packet.subarray(8, IPV6_HEADER));
  pseudo[35] = ADVERTISEMENT_BYTES;
  pseudo[39] = ICMPV6;
  const covered = Uint8Array.of(...pseudo, ...packet.subarray(IPV6_HEADER));
  view.setUint16(IPV6_HEADER + 2, internetChecksum(covered));
  return packet;
}

/** `fe80::` with the modified EUI-64 of a hardware address (RFC 4291 appendix A, RFC 4862 §5.3). */
export function linkLocalOf(mac: Mac): Uint8Array {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = macToBytes(mac);
  return Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 0x02, b, c, 0xff, 0xfe, d, e, f);
}
