/** Ethernet frames with IPv4 inside: where their UDP and TCP parts are. */

const ETHERNET_BYTES = 14;
const UDP_BYTES = 8;
const PROTOCOL = { tcp: 6, udp: 17 } as const;

export interface UdpPart {
  readonly from: number;
  readonly to: number;
  /** Offset of the UDP header in the frame. */
  readonly offset: number;
  /** As far as the frame holds it. */
  readonly payload: Buffer;
}

/** The UDP datagram of a frame; undefined for every other frame, also for fragments after the first. */
export function udpPayload(frame: Buffer): UdpPart | undefined {
  const offset = findTransport(frame, PROTOCOL.udp);
  if (offset === undefined || frame.length < offset + UDP_BYTES) return undefined;
  const end = offset + frame.readUInt16BE(offset + 4);
  return {
    from: frame.readUInt16BE(offset),
    to: frame.readUInt16BE(offset + 2),
    offset,
    payload: frame.subarray(offset + UDP_BYTES, end),
  };
}

/** The data of a TCP segment; undefined for every other frame. */
export function tcpPayload(frame: Buffer): Buffer | undefined {
  const offset = findTransport(frame, PROTOCOL.tcp);
  if (offset === undefined || frame.length < offset + 20) return undefined;
  const end = ETHERNET_BYTES + frame.readUInt16BE(ETHERNET_BYTES + 2);
  return frame.subarray(offset + (frame.readUInt8(offset + 12) >> 4) * 4, end);
}

/** RFC 1071: the complement of the one's complement sum of all 16-bit words. */
export function internetChecksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    sum += at + 1 < bytes.length ? bytes.readUInt16BE(at) : bytes.readUInt8(at) << 8;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/**
 * A copy of a UDP frame with another payload: IPv4 and UDP lengths and checksums are made right. The frame must hold a
 * UDP datagram (`udpPayload` found one).
 */
export function replaceUdpPayload(frame: Buffer, offset: number, payload: Buffer): Buffer {
  const changed = Buffer.concat([frame.subarray(0, offset + UDP_BYTES), payload]);
  const ip = ETHERNET_BYTES;
  changed.writeUInt16BE(changed.length - ip, ip + 2);
  changed.writeUInt16BE(0, ip + 10);
  changed.writeUInt16BE(internetChecksum(changed.subarray(ip, offset)), ip + 10);
  const length = changed.length - offset;
  changed.writeUInt16BE(length, offset + 4);
  changed.writeUInt16BE(0, offset + 6);
  // Pseudo header (RFC 768): both addresses, zero and protocol, UDP length. A sum of 0 is sent as ffff: 0 means none.
  const pseudo = Buffer.concat([
    changed.subarray(ip + 12, ip + 20),
    Buffer.from([0, PROTOCOL.udp, length >> 8, length & 255]),
  ]);
  changed.writeUInt16BE(internetChecksum(Buffer.concat([pseudo, changed.subarray(offset)])) || 0xffff, offset + 6);
  return changed;
}

function findTransport(frame: Buffer, protocol: number): number | undefined {
  if (frame.length < ETHERNET_BYTES + 20 || frame.readUInt16BE(12) !== 0x0800) return undefined;
  if (frame.readUInt8(ETHERNET_BYTES + 9) !== protocol) return undefined;
  const fragmentOffset = frame.readUInt16BE(ETHERNET_BYTES + 6) & 0x1fff;
  return fragmentOffset === 0 ? ETHERNET_BYTES + (frame.readUInt8(ETHERNET_BYTES) & 15) * 4 : undefined;
}
