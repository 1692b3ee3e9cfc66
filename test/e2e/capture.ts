/** Reads a machine's capture: which files it asked for and by which protocol, whatever server answered. */
import { readFile } from 'node:fs/promises';
import { tcpPayload, udpPayload } from './frame.ts';

export interface TftpMessage {
  readonly kind: 'read' | 'oack';
  /** Empty in an OACK. */
  readonly file: string;
  /** Option names in lower case. */
  readonly options: Readonly<Record<string, string>>;
}

export interface Traffic {
  /** TFTP read requests and option acknowledgements, in order, repeated ones too. */
  readonly tftp: readonly TftpMessage[];
  /** HTTP request lines without the version: `GET /ipxe/snponly.efi`. */
  readonly http: readonly string[];
  /** IPv6 router advertisements, whoever sent them. */
  readonly routers: readonly RouterAdvertisement[];
}

export interface RouterAdvertisement {
  /** Hardware address it was sent to, in hex digits. */
  readonly to: string;
  /** Seconds; 0 is no router. */
  readonly lifetime: number;
  /** Of options: prefixes, name servers … */
  readonly optionBytes: number;
}

const OPCODE = { read: 1, oack: 6 } as const;

/** Packets cut off by the capture's limit are read as far as they go; retransmitted ones appear again. */
export async function readTraffic(capturePath: string): Promise<Traffic> {
  const tftp: TftpMessage[] = [];
  const http: string[] = [];
  const routers: RouterAdvertisement[] = [];
  for (const frame of splitCapture(await readFile(capturePath))) {
    const udp = udpPayload(frame);
    const message = udp && decodeTftp(udp.payload, udp.to);
    if (message) tftp.push(message);
    routers.push(...readRouter(frame));
    const request = /^(GET|HEAD|POST) (\S+) HTTP\//.exec(tcpPayload(frame)?.toString('latin1', 0, 300) ?? '');
    if (request) http.push(`${request[1]} ${request[2]}`);
  }
  return { tftp, http, routers };
}

/** Ethernet, an IPv6 header of 40 bytes, ICMPv6 type 134. */
function readRouter(frame: Buffer): RouterAdvertisement[] {
  const icmp = frame.subarray(54);
  if (icmp.length < 16 || frame.readUInt16BE(12) !== 0x86dd || frame[20] !== 58 || icmp[0] !== 134) return [];
  return [
    { to: frame.toString('hex', 0, 6), lifetime: icmp.readUInt16BE(6), optionBytes: frame.readUInt16BE(18) - 16 },
  ];
}

/** Names of the files asked for by TFTP, without leading slashes, each once, in order. */
export function filesRead(traffic: Traffic): string[] {
  const names = traffic.tftp.filter((message) => message.kind === 'read').map((message) => message.file);
  return [...new Set(names.map((name) => name.replace(/^\/+/, '')))];
}

/** Classic pcap, as QEMU writes it on a little-endian machine: a header of 24 bytes, then records of 16 bytes and data. */
export function* splitCapture(bytes: Buffer): Generator<Buffer> {
  if (bytes.length < 24 || bytes.readUInt32LE(0) !== 0xa1b2c3d4) return;
  let at = 24;
  while (at + 16 <= bytes.length) {
    const length = bytes.readUInt32LE(at + 8);
    yield bytes.subarray(at + 16, at + 16 + length);
    at += 16 + length;
  }
}

function decodeTftp(payload: Buffer, port: number): TftpMessage | undefined {
  if (payload.length < 4) return undefined;
  const opcode = payload.readUInt16BE(0);
  const words = payload.toString('latin1', 2).split('\0').slice(0, -1);
  if (opcode === OPCODE.read && port === 69) {
    const [file = '', , ...options] = words;
    return { kind: 'read', file, options: pairs(options) };
  }
  const known = /^(?:blksize|tsize|timeout|windowsize)$/i.test(words[0] ?? '');
  return opcode === OPCODE.oack && known ? { kind: 'oack', file: '', options: pairs(words) } : undefined;
}

function pairs(words: readonly string[]): Record<string, string> {
  const options: Record<string, string> = {};
  for (let at = 0; at + 1 < words.length; at += 2) options[(words[at] ?? '').toLowerCase()] = words[at + 1] ?? '';
  return options;
}
