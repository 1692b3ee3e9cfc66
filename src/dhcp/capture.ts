/** DHCP payloads out of what an operator has at hand: a pcap or pcapng file, or hex text. */
import { WireError } from '../net/bytes.ts';
import { type DhcpFrame, dhcpOfFrame, dhcpOfIpv4, isKnownLinkType, LINK_TYPE } from './frames.ts';
import { bytesFromHexText } from './hex-text.ts';

/** One DHCP payload. */
export interface CapturedPacket {
  /** Counts from 1: the frame of the capture, or the packet of the text. */
  readonly number: number;
  readonly bytes: Uint8Array;
  /** Who sent it to whom; unknown when only the payload was given. */
  readonly frame?: DhcpFrame;
  /** Milliseconds since 1970, when the capture says. */
  readonly at?: number;
}

interface CapturedFrame {
  readonly linkType: number;
  readonly bytes: Uint8Array;
  readonly at?: number;
}

const PCAPNG_SECTION = 0x0a0d0d0a;
const PCAPNG_BYTE_ORDER = 0x1a2b3c4d;
const BLOCK = { interface: 1, packet: 2, simple: 3, enhanced: 6 } as const;
const PCAP_HEADER = 24;
const PCAP_RECORD = 16;
const COOKIE = '99,130,83,99';

/**
 * Finds the DHCP packets of a pcap or pcapng file (Ethernet, VLAN, Linux cooked, raw IP) or of hex text (payloads, IP
 * datagrams or Ethernet frames). Frames that are not DHCP are left out; a file cut off in its last frame gives the frames
 * before it. Throws `WireError`: `bad-text` for text that is not hex, `bad-length` and `bad-text` for broken files.
 */
export function readCapture(file: Uint8Array): readonly CapturedPacket[] {
  const frames = readPcap(file) ?? readPcapng(file);
  if (!frames) return packetsOfText(new TextDecoder('latin1').decode(file));
  const packets: CapturedPacket[] = [];
  for (const [index, { linkType, bytes, at }] of frames.entries()) {
    const frame = dhcpOfFrame(bytes, linkType);
    if (frame) packets.push({ number: index + 1, bytes: frame.payload, frame, ...(at !== undefined && { at }) });
  }
  return packets;
}

function packetsOfText(source: string): CapturedPacket[] {
  return bytesFromHexText(source).map((bytes, index) => {
    // A payload has op 1 or 2 first and its cookie at 236; only then look for headers around it.
    const isPayload = bytes.subarray(236, 240).join() === COOKIE;
    const frame = isPayload ? undefined : (dhcpOfIpv4(bytes) ?? dhcpOfFrame(bytes, LINK_TYPE.ethernet));
    return { number: index + 1, bytes: frame?.payload ?? bytes, ...(frame && { frame }) };
  });
}

/** Magic numbers of pcap: byte order and the unit of the second time field. */
function pcapFormat(file: Uint8Array): { little: boolean; perMillisecond: number } | undefined {
  switch (file.subarray(0, 4).join()) {
    case '161,178,195,212':
      return { little: false, perMillisecond: 1e3 };
    case '212,195,178,161':
      return { little: true, perMillisecond: 1e3 };
    case '161,178,60,77':
      return { little: false, perMillisecond: 1e6 };
    case '77,60,178,161':
      return { little: true, perMillisecond: 1e6 };
    default:
      return undefined;
  }
}

function readPcap(file: Uint8Array): CapturedFrame[] | undefined {
  const format = pcapFormat(file);
  if (!format) return undefined;
  const { little, perMillisecond } = format;
  if (file.length < PCAP_HEADER) throw new WireError('truncated', file.length, 'the pcap header is cut off');
  const view = viewOf(file);
  const linkType = view.getUint32(20, little) & 0xffff;
  requireLinkType(linkType, 20);
  const frames: CapturedFrame[] = [];
  let at = PCAP_HEADER;
  while (at + PCAP_RECORD <= file.length) {
    const length = view.getUint32(at + 8, little);
    const start = at + PCAP_RECORD;
    if (start + length > file.length) break;
    const milliseconds = view.getUint32(at, little) * 1000 + view.getUint32(at + 4, little) / perMillisecond;
    frames.push({ linkType, bytes: file.subarray(start, start + length), at: Math.floor(milliseconds) });
    at = start + length;
  }
  return frames;
}

function readPcapng(file: Uint8Array): CapturedFrame[] | undefined {
  if (file.length < 12 || viewOf(file).getUint32(0) !== PCAPNG_SECTION) return undefined;
  const view = viewOf(file);
  const frames: CapturedFrame[] = [];
  let interfaces: CapturedInterface[] = [];
  let little = false;
  let at = 0;
  while (at + 12 <= file.length) {
    const isSection = view.getUint32(at) === PCAPNG_SECTION;
    if (isSection) {
      little = view.getUint32(at + 8, true) === PCAPNG_BYTE_ORDER;
      interfaces = [];
    }
    const type = view.getUint32(at, little);
    const length = view.getUint32(at + 4, little);
    if (length < 12 || length % 4 !== 0) throw new WireError('bad-length', at + 4, `a pcapng block of ${length} bytes`);
    if (at + length > file.length) break;
    const block = new Block(file.subarray(at + 8, at + length - 4), little);
    if (!isSection && type === BLOCK.interface) interfaces.push(readInterface(block, at));
    else if (!isSection) frames.push(...readFrame(type, block, interfaces));
    at += length;
  }
  return frames;
}

interface CapturedInterface {
  readonly linkType: number;
  /** Ticks of the time stamp in a millisecond. */
  readonly perMillisecond: number;
}

const OPTION_TIME_RESOLUTION = 9;

function readInterface(block: Block, at: number): CapturedInterface {
  const linkType = block.u16(0);
  requireLinkType(linkType, at + 8);
  let perMillisecond = 1e3;
  for (let option = 8; block.u16(option) !== 0; option += 4 + Math.ceil(block.u16(option + 2) / 4) * 4) {
    const resolution = block.bytes[option + 4] ?? 6;
    if (block.u16(option) !== OPTION_TIME_RESOLUTION) continue;
    perMillisecond = (resolution & 0x80 ? 2 ** (resolution & 0x7f) : 10 ** resolution) / 1000;
  }
  return { linkType, perMillisecond };
}

function readFrame(type: number, block: Block, interfaces: readonly CapturedInterface[]): CapturedFrame[] {
  if (type === BLOCK.simple) {
    const [first] = interfaces;
    return first ? [{ linkType: first.linkType, bytes: block.bytes.subarray(4, 4 + block.u32(0)) }] : [];
  }
  if (type !== BLOCK.enhanced && type !== BLOCK.packet) return [];
  const from = interfaces[type === BLOCK.enhanced ? block.u32(0) : block.u16(0)];
  if (!from) return [];
  const ticks = block.u32(4) * 2 ** 32 + block.u32(8);
  const bytes = block.bytes.subarray(20, 20 + block.u32(12));
  return [{ linkType: from.linkType, bytes, at: Math.floor(ticks / from.perMillisecond) }];
}

/** The body of a pcapng block; what lies behind its end reads as 0. */
class Block {
  readonly bytes: Uint8Array;
  readonly #little: boolean;

  constructor(bytes: Uint8Array, little: boolean) {
    this.bytes = bytes;
    this.#little = little;
  }

  u16(at: number): number {
    return at + 2 <= this.bytes.length ? viewOf(this.bytes).getUint16(at, this.#little) : 0;
  }

  u32(at: number): number {
    return at + 4 <= this.bytes.length ? viewOf(this.bytes).getUint32(at, this.#little) : 0;
  }
}

function requireLinkType(linkType: number, offset: number): void {
  if (isKnownLinkType(linkType)) return;
  throw new WireError('bad-text', offset, `link type ${linkType} is not one of Ethernet, Linux cooked, raw IP`);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
