/** Takes options out of DHCP packets on the wire, independent of the codec under test. */
import { replaceUdpPayload, udpPayload } from './frame.ts';

/** BOOTP header and magic cookie (RFC 2131 §2). */
const OPTIONS_AT = 240;
const PAD = 0;
const END = 255;

/**
 * The frame without the given options; undefined when it holds none of them or is no UDP datagram of a BOOTP packet's
 * size. Overloaded options in `sname` and `file` are not looked at.
 */
export function removeDhcpOptions(frame: Buffer, codes: ReadonlySet<number>): Buffer | undefined {
  const udp = udpPayload(frame);
  if (!udp || udp.payload.length < OPTIONS_AT) return undefined;
  const kept = keepOptions(udp.payload.subarray(OPTIONS_AT), codes);
  if (!kept) return undefined;
  return replaceUdpPayload(frame, udp.offset, Buffer.concat([udp.payload.subarray(0, OPTIONS_AT), kept]));
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
  // END and the padding behind it stay.
  return removed ? Buffer.concat([...kept, options.subarray(at)]) : undefined;
}
