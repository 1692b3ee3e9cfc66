/**
 * UDP on one network interface, for DHCP's ports 67 and 4011: which LAN a broadcast came in on must be known, and the
 * answer must leave by the same one. `node:dgram` cannot say either, so there are three makers of such sockets:
 *
 * - `inherited`: the service manager opened them on a device (see inherited.ts); no native code, no rights needed;
 * - `device`: opened here with SO_BINDTODEVICE through koffi and adopted by `node:dgram`;
 * - `portable`: plain `node:dgram`; with several interfaces the ingress of a broadcast is unknown (`shared`).
 */

import type { Ipv4 } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';

export type MakerKind = 'inherited' | 'device' | 'portable';

export type SendTarget =
  | { readonly kind: 'address'; readonly address: Ipv4; readonly port: number }
  /** 255.255.255.255 out of this interface. */
  | { readonly kind: 'broadcast'; readonly port: number }
  /** A client which does not have the address yet and so cannot answer ARP. */
  | { readonly kind: 'hardware'; readonly address: Ipv4; readonly mac: Mac; readonly port: number };

/** How a datagram left. A `hardware` target goes by AF_PACKET, else by a neighbour entry, else as a broadcast. */
export type SentBy = 'unicast' | 'broadcast' | 'packet' | 'arp';

export interface Datagram {
  readonly bytes: Buffer;
  readonly from: { readonly address: string; readonly port: number };
  /** `shared`: a broadcast that may have come in on any interface; every socket of the port gets it. */
  readonly ingress: 'known' | 'shared';
}

export interface InterfaceSocket {
  readonly maker: MakerKind;
  readonly interface: string;
  readonly address: Ipv4;
  readonly port: number;
  /** What the kernel granted; Linux counts its own bookkeeping, so twice the usable bytes. */
  readonly receiveBufferBytes: number;
  /** How a `hardware` target is reached here, as found when the socket was opened. */
  readonly unicast: 'packet' | 'arp' | 'broadcast';
  /** Never throws: a failed send is told to `onError`. Do not write to the bytes afterwards: they may still be queued. */
  send(bytes: Uint8Array, target: SendTarget): SentBy;
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly interface: string;
  /** The address on the interface that answers come from. */
  readonly address: Ipv4;
  /** Prefix length of the address. */
  readonly prefix: number;
  readonly port: number;
  /**
   * Default false. True: share the port with another server of this machine that shares it too (dnsmasq does); both hear
   * broadcasts.
   */
  readonly share?: boolean;
  readonly onDatagram: (datagram: Datagram) => void;
  /** Failed sends, and `AppError('interface-missing')` when the interface has gone: close, and open again later. */
  readonly onError: (error: Error) => void;
}

export interface DatagramMaker {
  readonly kind: MakerKind;
  /** Why this one, in a phrase for the log and the status. */
  readonly reason: string;
  /** Rejects with `AppError` `port-in-use`, `port-denied` or `interface-missing`; the message says what to do. */
  open(options: OpenOptions): Promise<InterfaceSocket>;
  /** Closes every socket still open. */
  close(): Promise<void>;
}
