/** Where a reply goes: RFC 2131 §4.1 with RFC 8357 and PXE's port 4011, as one function. */
import { ANY_ADDRESS, type Ipv4 } from '../net/ipv4.ts';
import { type Mac, macFromBytes } from '../net/mac.ts';
import { messageTypeOf } from './options.ts';
import { BROADCAST_FLAG, type Packet } from './packet.ts';
import { relayFacts } from './relay-facts.ts';

/** `hardware` goes to an address its owner does not answer ARP for yet. */
export type SendTarget =
  | { readonly kind: 'address'; readonly address: Ipv4; readonly port: number }
  | { readonly kind: 'broadcast'; readonly port: number }
  | { readonly kind: 'hardware'; readonly address: Ipv4; readonly mac: Mac; readonly port: number };

/** Where a datagram came from. */
export interface Source {
  readonly address: Ipv4;
  readonly port: number;
}

export const SERVER_PORT = 67;
export const CLIENT_PORT = 68;
/** PXE's boot service (PXE 2.1 §2.2.1). */
export const PROXY_PORT = 4011;

const ETHERNET = 1;

/** @param localPort the port of ours the request came to */
export function chooseDestination(request: Packet, reply: Packet, source: Source, localPort: number): SendTarget {
  // Firmware asks from 4011 or 68 and listens where it asked from.
  if (localPort === PROXY_PORT && source.address !== ANY_ADDRESS) return { kind: 'address', ...source };

  const relay = relayFacts(request);
  if (relay.giaddr) {
    // RFC 8357 §5.
    return { kind: 'address', address: relay.giaddr, port: relay.answerSourcePort ? source.port : SERVER_PORT };
  }
  const message = messageTypeOf(reply);
  // RFC 2131 §4.1: a NAK is broadcast on the link, since the client's address is what is wrong.
  if (message === 'NAK') return { kind: 'broadcast', port: CLIENT_PORT };
  if (request.ciaddr !== ANY_ADDRESS) return { kind: 'address', address: request.ciaddr, port: CLIENT_PORT };
  // RFC 2131 §4.4.3 wants ciaddr in an INFORM; the address it came from does as well.
  if (messageTypeOf(request) === 'INFORM' && source.address !== ANY_ADDRESS) {
    return { kind: 'address', address: source.address, port: CLIENT_PORT };
  }
  if ((request.flags | reply.flags) & BROADCAST_FLAG || reply.yiaddr === ANY_ADDRESS)
    return { kind: 'broadcast', port: CLIENT_PORT };
  const mac = request.htype === ETHERNET && request.hlen === 6 ? macFromBytes(request.chaddr) : undefined;
  if (!mac) return { kind: 'broadcast', port: CLIENT_PORT };
  return { kind: 'hardware', address: reply.yiaddr, mac, port: CLIENT_PORT };
}
