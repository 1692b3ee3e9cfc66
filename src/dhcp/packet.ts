/**
 * DHCPv4 packets between bytes and values (RFC 2131 §2, RFC 951).
 *
 *     0        1        2        3
 *     op       htype    hlen     hops        0
 *     xid                                    4
 *     secs              flags                8
 *     ciaddr, yiaddr, siaddr, giaddr        12, 16, 20, 24
 *     chaddr (16)                           28
 *     sname (64)                            44
 *     file (128)                           108
 *     magic cookie 63 82 53 63             236
 *     options ...                          240
 */
import { ByteReader, ByteWriter, WireError } from '../net/bytes.ts';
import { type Ipv4, ipv4FromBytes, ipv4ToNumber } from '../net/ipv4.ts';
import {
  joinPieces,
  OPTION_END,
  OPTION_OVERLOAD,
  type OptionArea,
  readOptionArea,
  writeOption,
} from './option-area.ts';
import { type AreaName, FIRST_OPTIONS, type Overload, orderOptions, placeOptions } from './option-order.ts';
import { textFromBytes, textToBytes } from './text.ts';

export const BOOTREQUEST = 1;
export const BOOTREPLY = 2;

/** Bit of `flags`: the client wants its replies broadcast (RFC 2131 §2). */
export const BROADCAST_FLAG = 0x8000;

/** UDP payload a client must take when it names no size: 576 bytes of IP datagram (RFC 2131 §2) less 28 of headers. */
export const DEFAULT_MAX_PAYLOAD = 548;

/** BOOTP's minimum, also the least that `maxPayload` may be (RFC 951 §3). */
export const MIN_PAYLOAD = 300;

const COOKIE = 0x63825363;
const COOKIE_OFFSET = 236;
const OPTIONS_OFFSET = 240;
const SNAME = { start: 44, end: 108 } as const;
const FILE = { start: 108, end: 236 } as const;
const IP_UDP_HEADERS = 28;
const MIN_DATAGRAM = 576;
const MAX_HOPS = 16;
const NOTHING = new Uint8Array();

/** A packet by the words of RFC 2131. */
export interface Packet {
  /** `BOOTREQUEST` or `BOOTREPLY`. */
  readonly op: number;
  readonly htype: number;
  /** Bytes of `chaddr` that count, 0–16 (0 with InfiniBand, RFC 4390). */
  readonly hlen: number;
  readonly hops: number;
  readonly xid: number;
  readonly secs: number;
  readonly flags: number;
  readonly ciaddr: Ipv4;
  readonly yiaddr: Ipv4;
  readonly siaddr: Ipv4;
  readonly giaddr: Ipv4;
  /** All sixteen bytes. */
  readonly chaddr: Uint8Array;
  /** Empty when it is unused or holds options. */
  readonly sname: string;
  /** Empty when it is unused or holds options. */
  readonly file: string;
  /** Joined by RFC 3396, in order of first appearance. Option 52 (overload) belongs to the codec and is not here. */
  readonly options: ReadonlyMap<number, Uint8Array>;
}

export interface DecodedPacket extends Packet {
  /** Which fields held options. */
  readonly overload: Overload;
  /** Faults that were tolerated, each with its place. */
  readonly notes: readonly string[];
}

/**
 * Decodes a UDP payload. `chaddr` and option bytes may be views into `bytes`: copy them to outlive the datagram.
 * A packet without the magic cookie is BOOTP (RFC 951) and has no options, which a note tells.
 * Throws `WireError`: `truncated` (under 240 bytes), `bad-op`, `bad-length` (hlen over 16), `too-long` (hops over 16),
 * `bad-cookie` (another vendor's cookie).
 */
export function decode(bytes: Uint8Array): DecodedPacket {
  const reader = new ByteReader(bytes);
  const op = reader.u8('op');
  if (op !== BOOTREQUEST && op !== BOOTREPLY) throw new WireError('bad-op', 0, `op ${op} is not 1 or 2`);
  const htype = reader.u8('htype');
  const hlen = reader.u8('hlen');
  if (hlen > 16) throw new WireError('bad-length', 2, `hlen ${hlen} is more than the 16 bytes of chaddr`);
  const hops = reader.u8('hops');
  if (hops > MAX_HOPS) throw new WireError('too-long', 3, `passed ${hops} relays, more than ${MAX_HOPS}`);
  const header = {
    op,
    htype,
    hlen,
    hops,
    xid: reader.u32('xid'),
    secs: reader.u16('secs'),
    flags: reader.u16('flags'),
    ciaddr: ipv4FromBytes(bytes, reader.pass(4, 'ciaddr')),
    yiaddr: ipv4FromBytes(bytes, reader.pass(4, 'yiaddr')),
    siaddr: ipv4FromBytes(bytes, reader.pass(4, 'siaddr')),
    giaddr: ipv4FromBytes(bytes, reader.pass(4, 'giaddr')),
    chaddr: reader.take(16, 'chaddr'),
  };
  const sname = fieldText(bytes, reader.pass(64, 'sname'), SNAME.end);
  const file = fieldText(bytes, reader.pass(128, 'file'), FILE.end);
  const cookie = reader.u32('the magic cookie');
  if (cookie === 0) {
    const notes = ['no magic cookie: plain BOOTP without options'];
    return {
      ...header,
      sname,
      file,
      options: new Map(),
      overload: 0,
      notes,
    };
  }
  if (cookie !== COOKIE) {
    throw new WireError('bad-cookie', COOKIE_OFFSET, `cookie ${cookie.toString(16).padStart(8, '0')} is not 63825363`);
  }
  const { options, overload, notes } = decodeOptions(bytes);
  return {
    ...header,
    sname: overload & 2 ? '' : sname,
    file: overload & 1 ? '' : file,
    options,
    overload,
    notes,
  };
}

/** Empty most of the time, so nothing is made of it then. */
function fieldText(bytes: Uint8Array, start: number, end: number): string {
  return bytes[start] === 0 ? '' : textFromBytes(bytes.subarray(start, end));
}

function decodeOptions(bytes: Uint8Array): Pick<DecodedPacket, 'options' | 'overload' | 'notes'> {
  const own = readOptionArea(bytes, OPTIONS_OFFSET, bytes.length, 'options');
  const asked = own.pieces.find((piece) => piece.code === OPTION_OVERLOAD)?.bytes;
  if (!asked) return { options: joinPieces(own.pieces), overload: 0, notes: own.notes };
  const areas: OptionArea[] = [own];
  const notes: string[] = [];
  const overload = overloadOf(asked);
  if (overload === undefined) notes.push('option 52 (overload) is not one byte of 1, 2 or 3: ignored');
  // RFC 3396 §5: the aggregate option buffer is options, then file, then sname.
  if ((overload ?? 0) & 1) areas.push(readOptionArea(bytes, FILE.start, FILE.end, 'file'));
  if ((overload ?? 0) & 2) areas.push(readOptionArea(bytes, SNAME.start, SNAME.end, 'sname'));
  const options = joinPieces(areas.flatMap((area) => area.pieces));
  options.delete(OPTION_OVERLOAD);
  return { options, overload: overload ?? 0, notes: [...areas.flatMap((area) => area.notes), ...notes] };
}

function overloadOf(bytes: Uint8Array): Overload | undefined {
  const [value] = bytes;
  return bytes.length === 1 && (value === 1 || value === 2 || value === 3) ? value : undefined;
}

export interface EncodeOptions {
  /** Most bytes of UDP payload, at least 300; see `maxPayloadOf`. Default 548. */
  readonly maxPayload?: number;
  /** The client's parameter request list (option 55): order of what has no fixed place. */
  readonly order?: Iterable<number>;
}

export interface EncodedPacket {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Codes that did not fit, the least needed first: log them. */
  readonly dropped: readonly number[];
  readonly overload: Overload;
}

/**
 * Encodes a packet: at least 300 bytes with END before the padding (some relays and PXE stacks refuse less or other),
 * at most `maxPayload`. Options over 255 bytes are split (RFC 3396); what does not fit goes into `file` and `sname` when
 * they are unused, or is dropped from the tail. A `file` over 127 bytes goes into option 67 and an `sname` over 63 into
 * option 66, unless those are given. Throws `RangeError` for values no field can hold: that is a bug of the caller.
 */
export function encode(
  packet: Packet,
  { maxPayload = DEFAULT_MAX_PAYLOAD, order = [] }: EncodeOptions = {},
): EncodedPacket {
  if (maxPayload < MIN_PAYLOAD) throw new RangeError(`maxPayload ${maxPayload} is under ${MIN_PAYLOAD}`);
  const { sname, file, options } = moveLongNames(packet);
  for (const code of options.keys()) {
    if (!Number.isInteger(code) || code < 1 || code > 254) throw new RangeError(`${code} is not an option code`);
  }
  const room = maxPayload - OPTIONS_OFFSET;
  const free = { file: file.length === 0, sname: sname.length === 0 };
  const { areas, overload, dropped } = placeOptions(orderOptions(options.keys(), order), options, room, free);
  const area = (name: AreaName) => encodeArea(areas[name], options);

  const writer = new ByteWriter(MIN_PAYLOAD);
  writer.u8(packet.op).u8(packet.htype).u8(packet.hlen).u8(packet.hops);
  writer.u32(packet.xid).u16(packet.secs).u16(packet.flags);
  for (const address of [packet.ciaddr, packet.yiaddr, packet.siaddr, packet.giaddr]) writer.u32(ipv4ToNumber(address));
  writer.field(packet.chaddr, 16);
  writer.field(overload & 2 ? area('sname') : sname, 64);
  writer.field(overload & 1 ? area('file') : file, 128);
  writer.u32(COOKIE);
  writeArea(writer, areas.options, options, overload);
  writer.zeros(Math.max(0, MIN_PAYLOAD - writer.length));
  return { bytes: writer.done(), dropped, overload };
}

/**
 * The UDP payload a client takes: its option 57 (an IP datagram size, at least 576 whatever it says) less the IP and UDP
 * headers, never more than the path carries. EDK2 asks for 65280 and ignores what is longer than its 1472 bytes.
 */
export function maxPayloadOf(option57: number | undefined, mtu = 1500): number {
  const datagram = Math.max(MIN_DATAGRAM, Math.min(option57 ?? MIN_DATAGRAM, mtu));
  return datagram - IP_UDP_HEADERS;
}

function moveLongNames(packet: Packet): {
  sname: Uint8Array;
  file: Uint8Array;
  options: ReadonlyMap<number, Uint8Array>;
} {
  let { options } = packet;
  if (options.has(OPTION_OVERLOAD)) options = new Map([...options].filter(([code]) => code !== OPTION_OVERLOAD));
  const headerOrOption = (text: string, fieldLength: number, code: number): Uint8Array => {
    if (text === '') return NOTHING;
    const bytes = textToBytes(text);
    if (bytes.length < fieldLength) return bytes; // one byte is left for the NUL
    if (!options.has(code)) options = new Map([...options, [code, bytes]]);
    return NOTHING;
  };
  const sname = headerOrOption(packet.sname, SNAME.end - SNAME.start, 66);
  const file = headerOrOption(packet.file, FILE.end - FILE.start, 67);
  return { sname, file, options };
}

function encodeArea(codes: readonly number[], options: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const writer = new ByteWriter(FILE.end - FILE.start);
  writeArea(writer, codes, options, 0);
  return writer.done();
}

// Option 52 stands behind the three that must come first, and before 82, which must come last.
function writeArea(
  writer: ByteWriter,
  codes: readonly number[],
  options: ReadonlyMap<number, Uint8Array>,
  overload: Overload,
): void {
  let overloadIsDue = overload !== 0;
  for (const code of codes) {
    if (overloadIsDue && !FIRST_OPTIONS.includes(code)) {
      writer.u8(OPTION_OVERLOAD).u8(1).u8(overload);
      overloadIsDue = false;
    }
    writeOption(writer, code, options.get(code) ?? NOTHING);
  }
  if (overloadIsDue) writer.u8(OPTION_OVERLOAD).u8(1).u8(overload);
  writer.u8(OPTION_END);
}
