/**
 * Foreign calls and C struct layouts (those of many datagrams at once are in `libc-datagrams.ts`, there are no others):
 * Linux socket calls that `node:dgram` does not offer, made through the optional package `koffi`. Wrong sizes here corrupt memory, so layouts are plain byte builders with tests.
 */

import { createRequire } from 'node:module';
import { constants, endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { type Ipv4, ipv4ToBytes } from '../net/ipv4.ts';
import { type Mac, macToBytes } from '../net/mac.ts';

/** Linux numbers, the same on x64, arm64 and riscv64 (`<bits/socket.h>`, `<linux/if_ether.h>`, `<linux/sockios.h>`). */
export const AF_INET = 2;
export const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_BROADCAST = 6;
export const SO_BINDTODEVICE = 25;
/** As SO_RCVBUF, but not capped by `net.core.rmem_max`; needs CAP_NET_ADMIN. */
export const SO_RCVBUFFORCE = 33;
export const SIOCSARP = 0x8955;

const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const ETH_P_IP = 0x0800;
const ARPHRD_ETHER = 1;
const ATF_COM = 2;
const IFNAMSIZ = 16;

/** A failed call: `code` is the errno's name (`EACCES`), `syscall` the function. */
export class LibcError extends Error {
  readonly code: string;
  readonly syscall: string;

  constructor(syscall: string, errno: number) {
    const code = getSystemErrorName(-errno);
    super(`${syscall} failed with ${code}`);
    this.name = 'LibcError';
    this.code = code;
    this.syscall = syscall;
  }
}

/** The calls. Each throws `LibcError`; descriptors are non-blocking and closed on exec. */
export interface Libc {
  /** Opens a datagram socket; `protocol` 0 on AF_PACKET makes one that only sends. */
  openSocket(domain: typeof AF_INET | typeof AF_PACKET): number;
  setOption(fd: number, option: number, value: Uint8Array): void;
  /** Binds to a `socketAddress`. */
  bind(fd: number, address: Uint8Array): void;
  sendTo(fd: number, bytes: Uint8Array, address: Uint8Array): void;
  /** `ioctl` whose argument is a struct. */
  control(fd: number, request: number, argument: Uint8Array): void;
  close(fd: number): void;
}

export type LibcLoad =
  | { readonly kind: 'loaded'; readonly libc: Libc }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** The part of koffi used here; `koffi` is optional, so its types must not be needed to compile against this file. */
interface Koffi {
  load(path: null): { func(definition: string): (...args: unknown[]) => number };
  errno(): number;
}

/** Binds the calls, about 20 ms. Never throws: a machine without koffi, or not Linux, gets the reason. */
export function loadLibc(load: () => Koffi = requireKoffi): LibcLoad {
  if (process.platform !== 'linux') return { kind: 'unavailable', reason: `no device sockets on ${process.platform}` };
  try {
    return { kind: 'loaded', libc: bindCalls(load()) };
  } catch (error) {
    const first = (error instanceof Error ? error.message : String(error)).split('\n')[0];
    return { kind: 'unavailable', reason: `the optional package koffi did not load: ${first}` };
  }
}

function requireKoffi(): Koffi {
  return createRequire(import.meta.url)('koffi') as Koffi;
}

function bindCalls(koffi: Koffi): Libc {
  const own = koffi.load(null);
  const socket = own.func('int socket(int, int, int)');
  const setsockopt = own.func('int setsockopt(int, int, int, const void *, uint32_t)');
  const bind = own.func('int bind(int, const void *, uint32_t)');
  const sendto = own.func('intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)');
  // Variadic in C; on Linux a pointer argument travels the same way in a fixed place.
  const ioctl = own.func('int ioctl(int, unsigned long, void *)');
  const close = own.func('int close(int)');

  const check = (syscall: string, result: number): number => {
    if (result < 0) throw new LibcError(syscall, koffi.errno());
    return result;
  };
  return {
    openSocket: (domain) => check('socket', socket(domain, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
    setOption: (fd, option, value) => {
      check('setsockopt', setsockopt(fd, SOL_SOCKET, option, value, value.length));
    },
    bind: (fd, address) => {
      check('bind', bind(fd, address, address.length));
    },
    sendTo: (fd, bytes, address) => {
      check('sendto', sendto(fd, bytes, bytes.length, MSG_DONTWAIT, address, address.length));
    },
    control: (fd, request, argument) => {
      check('ioctl', ioctl(fd, request, argument));
    },
    close: (fd) => {
      check('close', close(fd));
    },
  };
}

/** A C `int` in the machine's byte order: the value of most socket options. */
export function intValue(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, LITTLE);
  return bytes;
}

/**
 * The value of SO_BINDTODEVICE and the name field of `arpreq`: at most 15 bytes and a zero.
 * A name the kernel cannot have, which it would silently cut, throws ENODEV as any other missing interface.
 */
export function deviceName(name: string): Uint8Array {
  const text = Buffer.from(name, 'utf8');
  if (text.length === 0 || text.length >= IFNAMSIZ) throw new LibcError('setsockopt', constants.errno.ENODEV);
  const bytes = new Uint8Array(IFNAMSIZ);
  bytes.set(text);
  return bytes;
}

/**
 *     struct sockaddr_in (16 bytes)
 *     0 family, host order | 2 port, network order | 4 address | 8 zeros
 */
export function socketAddress(address: Ipv4, port: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, LITTLE);
  view.setUint16(2, port);
  bytes.set(ipv4ToBytes(address), 4);
  return bytes;
}

/**
 *     struct sockaddr_ll (20 bytes), as destination of an IPv4 packet
 *     0 family, host | 2 protocol, network | 4 ifindex, host | 8 hatype, host | 10 pkttype | 11 halen | 12 address[8]
 */
export function packetAddress(interfaceIndex: number, mac: Mac): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_PACKET, LITTLE);
  view.setUint16(2, ETH_P_IP);
  view.setInt32(4, interfaceIndex, LITTLE);
  view.setUint16(8, ARPHRD_ETHER, LITTLE);
  bytes[11] = 6;
  bytes.set(macToBytes(mac), 12);
  return bytes;
}

/**
 *     struct arpreq (68 bytes), argument of SIOCSARP
 *     0 arp_pa sockaddr[16] | 16 arp_ha sockaddr[16] | 32 flags int | 36 arp_netmask sockaddr[16] | 52 arp_dev[16]
 *
 * ATF_COM without ATF_PERM: the entry is usable at once and ages like a learned one.
 */
export function neighbourRequest(device: string, address: Ipv4, mac: Mac): Uint8Array {
  const bytes = new Uint8Array(68);
  const view = new DataView(bytes.buffer);
  bytes.set(socketAddress(address, 0), 0);
  view.setUint16(16, ARPHRD_ETHER, LITTLE);
  bytes.set(macToBytes(mac), 18);
  view.setInt32(32, ATF_COM, LITTLE);
  bytes.set(deviceName(device), 52);
  return bytes;
}

const LITTLE = endianness() === 'LE';
