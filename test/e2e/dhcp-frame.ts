/** Ethernet frames that carry DHCP: just enough to take options out and put lengths and checksums right. */

const ETHERNET_BYTES = 14;
const UDP_BYTES = 8;
/** BOOTP header and magic cookie (RFC 2131 §2). */
const OPTIONS_AT = 240;
const PAD = 0;
const END = 255;

/** Ports of a UDP datagram over IPv4; undefined for every other frame, also for fragments after the first. */
export function udpPorts(frame: Buffer): { readonly from: number; readonly to: number } | undefined {
  const udp = findUdp(frame);
  return udp === undefined ? undefined : { from: frame.readUInt16BE(udp), to: frame.readUInt16BE(udp + 2) };
}

/**
 * The frame without the given DHCP options, with IPv4 and UDP lengths and checksums made right; undefined when it holds
 * none of them or is no DHCP packet. Overloaded options in `sname` and `file` are not looked at.
 */
export function removeDhcpOptions(frame: Buffer, codes: ReadonlySet<number>): Buffer | undefined {
  const udp = findUdp(frame);
  if (udp === undefined) return undefined;
  const end = udp + frame.readUInt16BE(udp + 4);
  const options = udp + UDP_BYTES + OPTIONS_AT;
  if (end > frame.length || options > end) return undefined;
  const kept = keepOptions(frame.subarray(options, end), codes);
  if (kept === undefined) return undefined;

  const changed = Buffer.concat([frame.subarray(0, options), kept]);
  const ip = ETHERNET_BYTES;
  changed.writeUInt16BE(changed.length - ip, ip + 2);
  changed.writeUInt16BE(0, ip + 10);
  changed.writeUInt16BE(internetChecksum(changed.subarray(ip, udp)), ip + 10);
  const udpLength = changed.length - udp;
  changed.writeUInt16BE(udpLength, udp + 4);
  changed.writeUInt16BE(0, udp + 6);
  // Pseudo header (RFC 768): addresses, zero and protocol, UDP length.
  const pseudo = Buffer.concat([
    changed.subarray(ip + 12, ip + 20),
    Buffer.from([0, 17, udpLength >> 8, udpLength & 255]),
  ]);
  changed.writeUInt16BE(internetChecksum(Buffer.concat([pseudo, changed.subarray(udp)])) || 0xffff, udp + 6);
  return changed;
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

/** Offset of the UDP header. */
function findUdp(frame: Buffer): number | undefined {
  if (frame.length < ETHERNET_BYTES + 20 || frame.readUInt16BE(12) !== 0x0800) return undefined;
  const headerBytes = (frame.readUInt8(ETHERNET_BYTES) & 15) * 4;
  const fragmentOffset = frame.readUInt16BE(ETHERNET_BYTES + 6) & 0x1fff;
  const udp = ETHERNET_BYTES + headerBytes;
  const isUdp = frame.readUInt8(ETHERNET_BYTES + 9) === 17 && fragmentOffset === 0;
  return isUdp && frame.length >= udp + UDP_BYTES ? udp : undefined;
}

function keepOptions(options: Buffer, codes: ReadonlySet<number>): Buffer | undefined {
  const kept: Buffer[] = [];
  let removed = false;
  let at = 0;
  while (at < options.length) {
    const code = options.readUInt8(at);
    if (code === END) break;
    const length = code === PAD || at + 1 >= options.length ? 1 : 2 + options.readUInt8(at + 1);
    if (codes.has(code)) removed = true;
    else kept.push(options.subarray(at, at + length));
    at += length;
  }
  // What follows END is padding and stays.
  return removed ? Buffer.concat([...kept, options.subarray(at)]) : undefined;
}
