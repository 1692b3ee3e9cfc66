/** Other DHCP servers on our wires: who answered machines there, and what that means for a network of ours. */
import type { Network } from '../boot/network.ts';
import { ANY_ADDRESS, type Ipv4 } from '../net/ipv4.ts';
import { messageTypeOf, readOption } from './options.ts';
import { BOOTREPLY, type Packet } from './packet.ts';
import { ip, text } from './shape.ts';

/** Another server, as it was seen on an interface. Times are milliseconds since 1970. */
export interface ForeignServer {
  readonly interface: string;
  /** Its server identifier, else the address it answered from. */
  readonly server: Ipv4;
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly answers: number;
  /** Of its last answer: OFFER, ACK, NAK or BOOTP reply. */
  readonly message: string;
  /** Where it sends machines for their boot file, when it names a place. */
  readonly boot?: string;
}

/** A server that was silent for so long is gone. */
const FORGET_MS = 3_600_000;

export interface ForeignServers {
  /** Takes an answer into account; undefined for requests and answers of our own. */
  notice(sighting: Sighting): { readonly server: ForeignServer; readonly isNew: boolean } | undefined;
  /** Those lately seen on an interface, the newest last. */
  on(interfaceName: string, now: number): readonly ForeignServer[];
}

export interface Sighting {
  readonly interface: string;
  readonly packet: Packet;
  readonly from: Ipv4;
  readonly now: number;
  readonly isOurs: (address: Ipv4) => boolean;
}

export function createForeignServers(): ForeignServers {
  const seen = new Map<string, ForeignServer>();
  return {
    notice({ interface: name, packet, from, now, isOurs }) {
      if (packet.op !== BOOTREPLY) return undefined;
      const server = readOption(packet, 54, ip) ?? from;
      if (server === ANY_ADDRESS || isOurs(server) || isOurs(from)) return undefined;
      const key = `${name} ${server}`;
      const before = seen.get(key);
      const known = before && now - before.lastSeen <= FORGET_MS ? before : undefined;
      const boot = bootPlaceOf(packet) ?? known?.boot;
      const next: ForeignServer = {
        interface: name,
        server,
        firstSeen: known?.firstSeen ?? now,
        lastSeen: now,
        answers: (known?.answers ?? 0) + 1,
        message: messageTypeOf(packet) ?? 'BOOTP reply',
        ...(boot !== undefined && { boot }),
      };
      // Set anew, so that the newest is the last.
      seen.delete(key);
      seen.set(key, next);
      if (seen.size > MOST_SERVERS) seen.delete(seen.keys().next().value ?? '');
      return { server: next, isNew: known === undefined };
    },
    on: (name, now) => [...seen.values()].filter((one) => one.interface === name && now - one.lastSeen <= FORGET_MS),
  };
}

/** Whoever forges answers must not fill our memory. */
const MOST_SERVERS = 256;

function bootPlaceOf(packet: Packet): string | undefined {
  const file = readOption(packet, 67, text) ?? packet.file;
  const next = packet.siaddr === ANY_ADDRESS ? readOption(packet, 66, text) : packet.siaddr;
  const vendorClass = readOption(packet, 60, text);
  if (!file && !vendorClass?.startsWith('PXEClient') && !vendorClass?.startsWith('HTTPClient')) return undefined;
  return `${next ?? 'itself'}${file ? ` for ${JSON.stringify(file)}` : ''}`;
}

/** What is wrong with another server beside a network of ours, and what mends it; undefined when nothing is. */
export function judgeForeign(network: Network, { server, boot }: ForeignServer): Judgement | undefined {
  const { name, mode } = network;
  switch (mode) {
    case 'server':
    case 'responder':
      if (network.shareWire) return undefined;
      return {
        what: `DHCP server ${server} answers on the wire of network "${name}" too: machines take the address of either`,
        fix: 'switch it off, set "mode: proxy" here, or "shareWire: true" when both are meant',
      };
    case 'proxy':
      if (boot === undefined) return undefined;
      return {
        what: `DHCP server ${server} sends machines of network "${name}" to ${boot}: some take that instead of ours`,
        fix: 'take options 60, 66 and 67 and the next server out of its settings',
      };
    case 'observe':
    case 'off':
      return undefined;
    default:
      return mode satisfies never;
  }
}

export interface Judgement {
  readonly what: string;
  readonly fix: string;
}
