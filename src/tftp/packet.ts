/**
 * The six TFTP packets and their bytes (RFC 1350 §5, RFC 2347). Numbers are 16 bits, big-endian; strings end with NUL.
 *
 *     RRQ    | 1 | path | 0 | mode | 0 | ( option | 0 | value | 0 )*
 *     WRQ    | 2 | path | 0 | mode | 0 | ( option | 0 | value | 0 )*
 *     DATA   | 3 | block | payload, 0 … blksize bytes
 *     ACK    | 4 | block |
 *     ERROR  | 5 | code  | text | 0 |
 *     OACK   | 6 | ( option | 0 | value | 0 )*
 */
import type { TftpErrorCode } from '../errors.ts';
import { ByteReader, ByteWriter, WireError } from '../net/bytes.ts';

/** How the octets of a file travel. `mail` is obsolete (RFC 1350 §1) and refused by `decode`. */
type TransferMode = 'octet' | 'netascii';

export interface RequestPacket {
  readonly kind: 'rrq' | 'wrq';
  /** As the client wrote it, UTF-8; a byte that is none reads as U+FFFD. */
  readonly path: string;
  readonly mode: TransferMode;
  /** Option names in lower case → value as text, in the order asked; of a repeated option the first. */
  readonly options: ReadonlyMap<string, string>;
  /** Names of options that came more than once. */
  readonly repeated: readonly string[];
}

export type TftpPacket =
  | RequestPacket
  | { readonly kind: 'data'; readonly block: number; readonly payload: Uint8Array }
  | { readonly kind: 'ack'; readonly block: number }
  | { readonly kind: 'error'; readonly code: number; readonly text: string }
  | { readonly kind: 'oack'; readonly options: ReadonlyMap<string, string> };

const OPCODES = { rrq: 1, wrq: 2, data: 3, ack: 4, error: 5, oack: 6 } as const;

/** The second byte of an ACK. */
export const ACK = OPCODES.ack;

/** Longest text an ERROR carries: it must fit the smallest path. */
const ERROR_TEXT_MAX = 500;

/** Longest request served. RFC 2347 §2 allows 512 bytes, firmware pads; what is longer only fills log and memory. */
const REQUEST_MAX = 2048;

/** `binary` is what some clients call `octet`. */
const MODES: Readonly<Record<string, TransferMode>> = { octet: 'octet', binary: 'octet', netascii: 'netascii' };

/** Text of so many bytes is taken letter by letter. */
const SHORT = 32;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
const utf8Encoder = new TextEncoder();

/**
 * Decodes one datagram. Bytes after an ACK's block number, padding after the options and an incomplete last option are
 * forgiven, as firmware sends them.
 * @throws WireError `truncated` or `bad-opcode` for what is no TFTP packet and deserves no answer, `bad-text` for a
 *   request that is one, but cannot be served (see `answerable`)
 */
export function decode(bytes: Uint8Array): TftpPacket {
  const reader = new ByteReader(bytes);
  const opcode = reader.u16('opcode');
  // Every packet has at least four bytes: an opcode and a number, or two NULs.
  const number = opcode === OPCODES.oack ? 0 : reader.u16('block number, code or name');
  switch (opcode) {
    case OPCODES.rrq:
      return decodeRequest('rrq', bytes);
    case OPCODES.wrq:
      return decodeRequest('wrq', bytes);
    case OPCODES.data:
      return { kind: 'data', block: number, payload: bytes.subarray(4) };
    case OPCODES.ack:
      return { kind: 'ack', block: number };
    case OPCODES.error:
      return { kind: 'error', code: number, text: stringAt(bytes, 4)?.text ?? utf8.decode(bytes.subarray(4)) };
    case OPCODES.oack:
      return { kind: 'oack', options: decodeOptions(bytes, 2).options };
    default:
      throw new WireError('bad-opcode', 0, `opcode ${opcode} is none of TFTP's six`);
  }
}

/** Whether a malformed packet is a request, so that ERROR 4 helps its sender; anything else is met with silence. */
export function answerable(error: WireError): boolean {
  return error.code === 'bad-text';
}

/** The datagram of a packet. An ERROR's text is cut to 500 bytes of printable ASCII. */
export function encode(packet: TftpPacket): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(packet.kind === 'data' ? 4 + packet.payload.length : 128).u16(OPCODES[packet.kind]);
  switch (packet.kind) {
    case 'rrq':
    case 'wrq':
      putString(writer, packet.path);
      putString(writer, packet.mode);
      return putOptions(writer, packet.options).done();
    case 'data':
      return writer.u16(packet.block).put(packet.payload).done();
    case 'ack':
      return writer.u16(packet.block).done();
    case 'error':
      return putString(writer.u16(packet.code), printable(packet.text)).done();
    case 'oack':
      return putOptions(writer, packet.options).done();
    default:
      return packet satisfies never;
  }
}

/** An ERROR datagram. */
export function encodeError(code: TftpErrorCode, text: string): Uint8Array<ArrayBuffer> {
  return encode({ kind: 'error', code, text });
}

/** The first four bytes of a DATA packet, before its payload, as one big-endian number. */
export function dataHeader(block: number): number {
  return (OPCODES.data << 16) | block;
}

function decodeRequest(kind: 'rrq' | 'wrq', bytes: Uint8Array): RequestPacket {
  if (bytes.length > REQUEST_MAX) throw new WireError('bad-text', 0, `the request has ${bytes.length} bytes`);
  const path = stringAt(bytes, 2);
  if (!path) throw new WireError('truncated', 2, 'the file name has no end');
  if (path.text === '') throw new WireError('bad-text', 2, 'the file name is empty');
  const mode = stringAt(bytes, path.next);
  if (!mode) throw new WireError('bad-text', path.next, 'the mode has no end');
  const known = MODES[mode.text.toLowerCase()];
  if (!known) throw new WireError('bad-text', path.next, 'the mode is neither octet nor netascii');
  return { kind, path: path.text, mode: known, ...decodeOptions(bytes, mode.next) };
}

function decodeOptions(bytes: Uint8Array, start: number): Pick<RequestPacket, 'options' | 'repeated'> {
  const options = new Map<string, string>();
  const repeated: string[] = [];
  for (let at = start; at < bytes.length; ) {
    const name = stringAt(bytes, at);
    // An empty name is padding: the list ends there.
    if (!name || name.text === '') break;
    const value = stringAt(bytes, name.next);
    if (!value) break;
    const key = name.text.toLowerCase();
    if (options.has(key)) repeated.push(key);
    else options.set(key, value.text);
    at = value.next;
  }
  return { options, repeated };
}

function stringAt(bytes: Uint8Array, start: number): { text: string; next: number } | undefined {
  const end = bytes.indexOf(0, start);
  return end < 0
    ? undefined
    : { text: asciiAt(bytes, start, end) ?? utf8.decode(bytes.subarray(start, end)), next: end + 1 };
}

/** Short plain text, as nearly every name, option and value is: the decoder costs more than that. */
function asciiAt(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start > SHORT) return undefined;
  let text = '';
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

function putString(writer: ByteWriter, text: string): ByteWriter {
  return writer.put(utf8Encoder.encode(text)).u8(0);
}

/** Exactly one NUL after each string and nothing behind the last: Cisco refuses a padded OACK. */
function putOptions(writer: ByteWriter, options: ReadonlyMap<string, string>): ByteWriter {
  for (const [name, value] of options) {
    putString(writer, name);
    putString(writer, value);
  }
  return writer;
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, ERROR_TEXT_MAX);
}
