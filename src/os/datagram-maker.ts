/** Chooses how sockets on one interface are made here, once, and says why. */

import { readCapabilities } from './capabilities.ts';
import type { DatagramMaker, MakerKind } from './datagram.ts';
import { createDeviceMaker } from './device-maker.ts';
import { type Inheritance, parseInheritance, udpPortOf } from './inherited.ts';
import { createInheritedMaker } from './inherited-maker.ts';
import { AF_INET, deviceName, type Libc, type LibcLoad, loadLibc, SO_BINDTODEVICE } from './libc.ts';
import { createPortableMaker } from './portable-maker.ts';

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
