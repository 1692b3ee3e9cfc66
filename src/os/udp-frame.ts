/**
 * An IPv4 packet with one UDP datagram, for sockets that write no headers of their own (RFC 791, RFC 768).
 *
 *     0  version 4, IHL 5 | TOS | total length        12 source address
 *     4  identification   | flags, fragment offset    16 destination address
 *     8  TTL | protocol 17 | header checksum          20 source port | destination port | length | checksum | data
 */

import { type Ipv4, ipv4ToBytes } from '../net/ipv4.ts';

export interface UdpEndpoints {
  readonly source: Ipv4;
  readonly sourcePort: number;
  readonly destination: Ipv4;
  readonly destinationPort: number;
}

const IP_HEADER = 20;
const UDP_HEADER = 8;
const PROTOCOL_UDP = 17;
const TTL = 64;

/** Builds the packet with both checksums. Throws RangeError beyond the 65 507 bytes a datagram can carry. */
export function buildUdpPacket(ends: UdpEndpoints, identification: number, data: Uint8Array): Uint8Array {
  const length = IP_HEADER + UDP_HEADER + data.length;
  if (length > 0xffff) throw new RangeError(`${data.length} bytes do not fit one datagram`);
  const packet = new Uint8Array(length);
  const view = new DataView(packet.buffer);

  packet[0] = 0x45;
  view.setUint16(2, length);
  view.setUint16(4, identification & 0xffff);
  packet[8] = TTL;
  packet[9] = PROTOCOL_UDP;
  packet.set(ipv4ToBytes(ends.source), 12);
  packet.set(ipv4ToBytes(ends.destination), 16);
  view.setUint16(10, internetChecksum(packet.subarray(0, IP_HEADER)));

  const udpLength = UDP_HEADER + data.length;
  view.setUint16(20, ends.sourcePort);
  view.setUint16(22, ends.destinationPort);
  view.setUint16(24, udpLength);
  packet.set(data, IP_HEADER + UDP_HEADER);
  // The pseudo header of RFC 768: both addresses, the protocol and the UDP length.
  const pseudo = sumWords(packet.subarray(12, 20)) + PROTOCOL_UDP + udpLength;
  // Zero on the wire means "no checksum", so a computed zero is sent as its other form.
  view.setUint16(26, internetChecksum(packet.subarray(IP_HEADER), pseudo) || 0xffff);
  return packet;
}

/** Ones' complement of the ones' complement sum of 16-bit words (RFC 1071); 0 over bytes that hold a right checksum. */
export function internetChecksum(bytes: Uint8Array, start = 0): number {
  let sum = start + sumWords(bytes);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** An odd last byte counts as the high half of a word. */
function sumWords(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  return sum;
}
