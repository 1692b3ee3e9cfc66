/**
 * Foreign calls for packet sockets (AF_PACKET): hearing and sending what no UDP socket can. `node:dgram` cannot adopt such a
 * socket, so whoever opens one asks it from time to time. Needs CAP_NET_RAW and the optional package `koffi`.
 */
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { type Mac, macToBytes } from '../net/mac.ts';
import { LibcError } from './libc.ts';

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const SOCK_FPROG_BYTES = 16;
const EAGAIN = 11;
const ENETDOWN = 100;
const ARPHRD_ETHER = 1;

export const ETH_P_IP = 0x0800;
export const ETH_P_ARP = 0x0806;
export const ETH_P_IPV6 = 0x86dd;

/** One instruction of a classic packet filter (`<linux/filter.h>`): operation, jumps when true and false, operand. */
export type FilterStep = readonly [code: number, whenTrue: number, whenFalse: number, operand: number];

/** Each throws `LibcError`. */
export interface PacketCalls {
  /** Opens a socket for payloads of one Ethernet type on one interface; nothing but what the filter lets through. */
  open(interfaceIndex: number, etherType: number, filter: readonly FilterStep[]): number;
  /** Bytes written to `into`; undefined when nothing waits. Longer payloads are cut. */
  receive(fd: number, into: Uint8Array): number | undefined;
  send(fd: number, bytes: Uint8Array, to: { interfaceIndex: number; etherType: number; mac: Mac }): void;
  close(fd: number): void;
}

/** The part of koffi used here. */
interface Koffi {
  struct(fields: Readonly<Record<string, unknown>>): unknown;
  pointer(type: unknown): unknown;
  load(path: null): {
    func(definition: string): (...args: unknown[]) => number;
    func(name: string, result: string, parameters: readonly unknown[]): (...args: unknown[]) => number;
  };
  errno(): number;
}

/** Undefined where there is no koffi, or no Linux. */
export function loadPacketCalls(): PacketCalls | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return bindCalls(createRequire(import.meta.url)('koffi') as Koffi);
  } catch {
    return undefined;
  }
}

function bindCalls(koffi: Koffi): PacketCalls {
  const own = koffi.load(null);
  const step = koffi.struct({ code: 'uint16_t', jt: 'uint8_t', jf: 'uint8_t', k: 'uint32_t' });
  const program = koffi.struct({ len: 'uint16_t', filter: koffi.pointer(step) });
  const setFilter = own.func('setsockopt', 'int', ['int', 'int', 'int', koffi.pointer(program), 'uint32_t']);
  const socket = own.func('int socket(int, int, int)');
  const bind = own.func('int bind(int, const void *, uint32_t)');
  const recv = own.func('intptr_t recv(int, _Out_ void *, size_t, int)');
  const sendto = own.func('intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)');
  const close = own.func('int close(int)');
  const check = (syscall: string, result: number): number => {
    if (result < 0) throw new LibcError(syscall, koffi.errno());
    return Number(result);
  };
  return {
    open(interfaceIndex, etherType, filter) {
      // Protocol 0 until the filter is there: nothing unwanted waits in the socket.
      const fd = check('socket', socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      try {
        const steps = filter.map(([code, jt, jf, k]) => ({ code, jt, jf, k }));
        check(
          'setsockopt',
          setFilter(fd, SOL_SOCKET, SO_ATTACH_FILTER, { len: steps.length, filter: steps }, SOCK_FPROG_BYTES),
        );
        const address = linkAddress(interfaceIndex, etherType);
        check('bind', bind(fd, address, address.length));
        return fd;
      } catch (error) {
        close(fd);
        throw error;
      }
    },
    receive(fd, into) {
      const length = Number(recv(fd, into, into.length, MSG_DONTWAIT));
      if (length >= 0) return length;
      const errno = koffi.errno();
      // An interface that went down says so once and is heard again when it is back.
      if (errno === EAGAIN || errno === ENETDOWN) return undefined;
      throw new LibcError('recv', errno);
    },
    send(fd, bytes, { interfaceIndex, etherType, mac }) {
      const address = linkAddress(interfaceIndex, etherType, mac);
      check('sendto', sendto(fd, bytes, bytes.length, MSG_DONTWAIT, address, address.length));
    },
    close: (fd) => {
      close(fd);
    },
  };
}

/** `struct sockaddr_ll` (20 bytes): family, protocol in network order, index, ARP type, packet type, length, address. */
export function linkAddress(interfaceIndex: number, etherType: number, mac?: Mac): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_PACKET, LITTLE);
  view.setUint16(2, etherType);
  view.setInt32(4, interfaceIndex, LITTLE);
  view.setUint16(8, ARPHRD_ETHER, LITTLE);
  if (mac === undefined) return bytes;
  bytes[11] = 6;
  bytes.set(macToBytes(mac), 12);
  return bytes;
}

const LITTLE = endianness() === 'LE';
