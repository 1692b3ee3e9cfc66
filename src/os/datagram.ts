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
import { readCapabilities } from './capabilities.ts';
import { createDeviceMaker } from './device-maker.ts';
import { type Inheritance, parseInheritance, udpPortOf } from './inherited.ts';
import { createInheritedMaker } from './inherited-maker.ts';
import { AF_INET, deviceName, type Libc, type LibcLoad, loadLibc, SO_BINDTODEVICE } from './libc.ts';
import { createPortableMaker } from './portable-maker.ts';

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

export interface DatagramLog {
  info(message: string): void;
  warn(message: string): void;
}

export interface DatagramMakerOptions {
  /** Used when possible; default: inherited, then device, then portable. */
  readonly prefer?: MakerKind;
  readonly log?: DatagramLog;
  /** Default: this process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: `loadLibc()`. */
  readonly libc?: LibcLoad;
}

export type DeviceSupport = { readonly kind: 'yes' } | { readonly kind: 'no'; readonly reason: string };

/** Chooses a maker once, says which and why. Opens nothing yet. */
export function createDatagramMaker(options: DatagramMakerOptions = {}): DatagramMaker {
  const inheritance = usableInheritance(parseInheritance(options.env ?? process.env, process.pid));
  const load = options.libc ?? loadLibc();
  const device = probeDevice(load);
  const choice = chooseMaker(options.prefer, inheritance, device);
  const message = `DHCP sockets: ${choice.kind}, because ${choice.reason}`;
  if (choice.missed) options.log?.warn(`${message} (${choice.missed})`);
  else options.log?.info(message);

  const libc = load.kind === 'loaded' ? load.libc : undefined;
  const native = libc && { libc, capabilities: readCapabilities() };
  const { reason } = choice;
  if (choice.kind === 'inherited' && inheritance.kind === 'sockets') {
    return createInheritedMaker({ reason, sockets: inheritance.sockets, native });
  }
  if (choice.kind === 'device' && native) return createDeviceMaker({ reason, ...native });
  return createPortableMaker({ reason });
}

/** The choice as a value; `missed` tells why the preferred one was not possible. */
export function chooseMaker(
  prefer: MakerKind | undefined,
  inheritance: Inheritance,
  device: DeviceSupport,
): { readonly kind: MakerKind; readonly reason: string; readonly missed?: string } {
  const inherited = inheritance.kind === 'sockets';
  if (prefer === 'portable') return { kind: 'portable', reason: 'the settings ask for it' };
  if (prefer === 'device' && device.kind === 'yes') return { kind: 'device', reason: 'the settings ask for it' };
  const missed =
    prefer === 'device' && device.kind === 'no'
      ? { missed: `device was asked for: ${device.reason}` }
      : prefer === 'inherited' && inheritance.kind === 'none'
        ? { missed: `inherited was asked for: ${inheritance.reason}` }
        : {};
  if (inherited) return { kind: 'inherited', reason: 'the service manager passed the sockets', ...missed };
  if (device.kind === 'yes') return { kind: 'device', reason: 'sockets can be bound to a device here', ...missed };
  return { kind: 'portable', reason: device.reason, ...missed };
}

/** Sockets passed for other rooms, as an HTTP listener, are not ours. */
function usableInheritance(inheritance: Inheritance): Inheritance {
  if (inheritance.kind === 'none') return inheritance;
  const sockets = inheritance.sockets.filter((socket) => udpPortOf(socket.fd) !== undefined);
  return sockets.length > 0
    ? { kind: 'sockets', sockets }
    : { kind: 'none', reason: 'no passed socket is UDP over IPv4' };
}

/** Linux before 5.7 lets only CAP_NET_RAW bind to a device, and sandboxes may forbid it: try it on the loopback. */
function probeDevice(load: LibcLoad): DeviceSupport {
  if (load.kind === 'unavailable') return { kind: 'no', reason: load.reason };
  try {
    bindLoopback(load.libc);
    return { kind: 'yes' };
  } catch (error) {
    return { kind: 'no', reason: `binding a socket to a device: ${error instanceof Error ? error.message : error}` };
  }
}

function bindLoopback(libc: Libc): void {
  const fd = libc.openSocket(AF_INET);
  try {
    libc.setOption(fd, SO_BINDTODEVICE, deviceName('lo'));
  } finally {
    libc.close(fd);
  }
}
