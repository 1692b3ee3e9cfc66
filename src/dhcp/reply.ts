/** A reply is its request with a few named changes (RFC 2131 §4.3.1, table 3). */
import type { ServedNetwork } from '../boot/served.ts';
import { ANY_ADDRESS, type Ipv4, ipv4ToBytes } from '../net/ipv4.ts';
import { encodeOption, readOption } from './options.ts';
import { BOOTREPLY, BROADCAST_FLAG, type EncodedPacket, encode, maxPayloadOf, type Packet } from './packet.ts';
import { relayFacts } from './relay-facts.ts';
import { u8s, u16 } from './shape.ts';
import { textToBytes } from './text.ts';

const MESSAGE_BYTES = {
  OFFER: encodeOption(53, 'OFFER'),
  ACK: encodeOption(53, 'ACK'),
  NAK: encodeOption(53, 'NAK'),
} as const;

export interface ReplyParts {
  readonly message: 'OFFER' | 'ACK';
  readonly ciaddr?: Ipv4;
  readonly yiaddr?: Ipv4;
  readonly siaddr: Ipv4;
  readonly file: string;
  /** Later maps win over earlier ones; what the reply must say itself wins over all. */
  readonly options: readonly ReadonlyMap<number, Uint8Array>[];
}

/** Our name towards the client: our address on its network, or the relay's wish (RFC 5107). */
export function serverIdOf(request: Packet, served: ServedNetwork): Ipv4 {
  return relayFacts(request).serverIdOverride ?? served.address;
}

export function makeReply(request: Packet, served: ServedNetwork, parts: ReplyParts): Packet {
  const options = merge(parts.options);
  writeIdentity(options, request, served, parts.message);
  return {
    ...header(request),
    ciaddr: parts.ciaddr ?? ANY_ADDRESS,
    yiaddr: parts.yiaddr ?? ANY_ADDRESS,
    siaddr: parts.siaddr,
    file: parts.file,
    options,
  };
}

/** No address, no times, no boot fields: some clients would use them. */
export function makeNak(request: Packet, served: ServedNetwork, why: string): Packet {
  const nak = header(request);
  const options = new Map<number, Uint8Array>();
  writeIdentity(options, request, served, 'NAK');
  options.set(56, textToBytes(why));
  return {
    ...nak,
    // The relay is to broadcast it: the client's address is what is wrong (RFC 2131 §4.3.2).
    flags: request.giaddr === ANY_ADDRESS ? nak.flags : nak.flags | BROADCAST_FLAG,
    options,
  };
}

/** BOOTP's reply has no message type and no server identifier (RFC 1534 §2); a relay's option 82 is copied. */
export function makeBootpReply(request: Packet, parts: Omit<ReplyParts, 'message'>): Packet {
  const options = merge(parts.options);
  echoRelay(options, request);
  return {
    ...header(request),
    yiaddr: parts.yiaddr ?? ANY_ADDRESS,
    siaddr: parts.siaddr,
    file: parts.file,
    options,
  };
}

/** The reply as bytes, as large and in the order the client asked for. */
export function encodeReply(request: Packet, reply: Packet): EncodedPacket {
  const order = askedFor(request);
  return encode(reply, { maxPayload: maxPayloadOf(readOption(request, 57, u16)), ...(order && { order }) });
}

/** Option 55. */
export function askedFor(request: Packet): readonly number[] | undefined {
  return readOption(request, 55, u8s);
}

function header(request: Packet): Packet {
  return {
    op: BOOTREPLY,
    htype: request.htype,
    hlen: request.hlen,
    hops: 0,
    xid: request.xid,
    secs: 0,
    flags: request.flags,
    ciaddr: ANY_ADDRESS,
    yiaddr: ANY_ADDRESS,
    siaddr: ANY_ADDRESS,
    giaddr: request.giaddr,
    chaddr: request.chaddr,
    sname: '',
    file: '',
    options: new Map(),
  };
}

/** Options 53 and 54, and what is copied: 61 (RFC 6842 §3) and a relay's 82 (RFC 3046 §2.2). */
function writeIdentity(
  options: Map<number, Uint8Array>,
  request: Packet,
  served: ServedNetwork,
  message: keyof typeof MESSAGE_BYTES,
): void {
  options.set(53, MESSAGE_BYTES[message]);
  options.set(54, ipv4ToBytes(serverIdOf(request, served)));
  const clientId = request.options.get(61);
  if (clientId) options.set(61, clientId);
  echoRelay(options, request);
}

/** Option 82 as it came, to a relay only. */
function echoRelay(options: Map<number, Uint8Array>, request: Packet): void {
  const said = request.options.get(82);
  if (said && request.giaddr !== ANY_ADDRESS) options.set(82, said);
}

function merge(layers: ReplyParts['options']): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  for (const layer of layers) for (const [code, bytes] of layer) options.set(code, bytes);
  return options;
}
