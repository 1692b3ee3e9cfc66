/**
 * The foreign calls and struct layouts of many datagrams at once: epoll, recvmmsg, sendmmsg with UDP segmentation. Pointers
 * are numbers into memory that never moves, so that a call costs no conversion. 64-bit Linux only.
 */

import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { LibcError } from './libc.ts';

/** Linux numbers, the same on x64, arm64 and riscv64. */
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOL_SOCKET = 1;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const MSG_DONTWAIT = 0x40;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const EPOLLET = 0x80000000;
const EFD_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS = 0x22;

const ARCHITECTURES: readonly string[] = ['x64', 'arm64', 'riscv64'];
export const LITTLE = endianness() === 'LE';

/** Memory at a fixed address; pages that are never touched cost nothing. */
export interface NativeMemory {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/**
 * Calls that set up throw `LibcError`. Those of traffic return what C returns, and `errorName` tells why it was below 0;
 * lengths are bytes, descriptors non-blocking and closed on exec.
 */
export interface DatagramCalls {
  /** Stays until the process ends: a view of memory that was given back would be fatal. */
  allocate(size: number): NativeMemory;
  openSocket(family: typeof AF_INET | typeof AF_INET6): number;
  /** An `int` option. */
  setOption(fd: number, level: number, option: number, value: number): void;
  getOption(fd: number, level: number, option: number): number;
  bind(fd: number, address: Uint8Array): void;
  connect(fd: number, address: Uint8Array): void;
  localAddress(fd: number): Uint8Array;
  openEpoll(): number;
  openEvent(): number;
  /** Takes back what was written to an event, so that it is not readable any more. */
  readEvent(fd: number): void;
  /** Reports readable descriptors by their own number; with `edges` only when something more has come. */
  watch(epoll: number, fd: number, edges?: boolean): void;
  close(fd: number): void;
  wait(epoll: number, events: number, most: number, timeoutMs: number): number;
  /** Lets whoever waits for this processor go first. */
  yield(): void;
  receive(fd: number, buffer: number, size: number): number;
  send(fd: number, buffer: number, size: number): number;
  receiveMany(fd: number, headers: number, count: number): number;
  sendMany(fd: number, headers: number, count: number): number;
  /** `EAGAIN` and the like, of the latest call. */
  errorName(): string;
}

export type DatagramCallsLoad =
  | { readonly kind: 'loaded'; readonly calls: DatagramCalls }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** The part of koffi used here. */
interface Koffi {
  load(path: null): { func(definition: string): (...args: unknown[]) => number };
  view(address: number, size: number): ArrayBuffer;
  errno(): number;
}

/** Never throws: where it cannot be, the reason says why. */
export function loadDatagramCalls(load: () => Koffi = requireKoffi): DatagramCallsLoad {
  if (process.platform !== 'linux' || !ARCHITECTURES.includes(process.arch)) {
    return { kind: 'unavailable', reason: `not made for ${process.platform} on ${process.arch}` };
  }
  try {
    return { kind: 'loaded', calls: bindCalls(load()) };
  } catch (error) {
    const first = (error instanceof Error ? error.message : String(error)).split('\n')[0];
    return { kind: 'unavailable', reason: `the optional package koffi did not load: ${first}` };
  }
}

function requireKoffi(): Koffi {
  return createRequire(import.meta.url)('koffi') as Koffi;
}

function bindCalls(koffi: Koffi): DatagramCalls {
  const own = koffi.load(null);
  const mmap = own.func('intptr_t mmap(intptr_t, size_t, int, int, int, intptr_t)');
  const socket = own.func('int socket(int, int, int)');
  const setsockopt = own.func('int setsockopt(int, int, int, const void *, uint32_t)');
  const getsockopt = own.func('int getsockopt(int, int, int, void *, void *)');
  const bind = own.func('int bind(int, intptr_t, uint32_t)');
  const connect = own.func('int connect(int, intptr_t, uint32_t)');
  const getsockname = own.func('int getsockname(int, void *, void *)');
  const epollCreate = own.func('int epoll_create1(int)');
  const eventfd = own.func('int eventfd(uint32_t, int)');
  const read = own.func('intptr_t read(int, intptr_t, size_t)');
  const epollCtl = own.func('int epoll_ctl(int, int, int, intptr_t)');
  const close = own.func('int close(int)');
  const schedYield = own.func('int sched_yield()');
  const epollWait = own.func('int epoll_wait(int, intptr_t, int, int)');
  const recv = own.func('intptr_t recv(int, intptr_t, size_t, int)');
  const send = own.func('intptr_t send(int, intptr_t, size_t, int)');
  const recvmmsg = own.func('int recvmmsg(int, intptr_t, uint32_t, int, intptr_t)');
  const sendmmsg = own.func('int sendmmsg(int, intptr_t, uint32_t, int)');

  const check = (syscall: string, result: number): number => {
    if (result < 0) throw new LibcError(syscall, koffi.errno());
    return result;
  };
  const allocate = (size: number): NativeMemory => {
    const address = mmap(0, size, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
    if (address === -1) throw new LibcError('mmap', koffi.errno());
    const memory = koffi.view(address, size);
    return { address, bytes: new Uint8Array(memory), view: new DataView(memory) };
  };
  /** What the small calls point to: passing memory of JavaScript's own would cost more than they do. */
  const scratch = allocate(4096);
  const put = (bytes: Uint8Array): number => {
    scratch.bytes.set(bytes);
    return scratch.address;
  };
  return {
    allocate,
    openSocket: (family) => check('socket', socket(family, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0)),
    setOption: (fd, level, option, value) => {
      check('setsockopt', setsockopt(fd, level, option, int32(value), 4));
    },
    getOption: (fd, level, option) => {
      const value = int32(0);
      check('getsockopt', getsockopt(fd, level, option, value, int32(4)));
      return viewOf(value).getInt32(0, LITTLE);
    },
    bind: (fd, address) => {
      check('bind', bind(fd, put(address), address.length));
    },
    connect: (fd, address) => {
      check('connect', connect(fd, put(address), address.length));
    },
    localAddress: (fd) => {
      const address = new Uint8Array(SOCKADDR_BYTES);
      check('getsockname', getsockname(fd, address, int32(SOCKADDR_BYTES)));
      return address;
    },
    openEpoll: () => check('epoll_create1', epollCreate(EPOLL_CLOEXEC)),
    openEvent: () => check('eventfd', eventfd(0, EFD_NONBLOCK_CLOEXEC)),
    readEvent: (fd) => {
      read(fd, scratch.address, 8);
    },
    watch: (epoll, fd, edges) => {
      scratch.view.setUint32(0, edges ? EPOLLIN | EPOLLET : EPOLLIN, LITTLE);
      scratch.view.setInt32(EPOLL_EVENT.data, fd, LITTLE);
      check('epoll_ctl', epollCtl(epoll, EPOLL_CTL_ADD, fd, scratch.address));
    },
    close: (fd) => {
      check('close', close(fd));
    },
    yield: () => {
      schedYield();
    },
    wait: (epoll, events, most, timeoutMs) => epollWait(epoll, events, most, timeoutMs),
    receive: (fd, buffer, size) => recv(fd, buffer, size, MSG_DONTWAIT),
    send: (fd, buffer, size) => send(fd, buffer, size, MSG_DONTWAIT),
    receiveMany: (fd, headers, count) => recvmmsg(fd, headers, count, MSG_DONTWAIT, 0),
    sendMany: (fd, headers, count) => sendmmsg(fd, headers, count, MSG_DONTWAIT),
    errorName: () => getSystemErrorName(-koffi.errno()),
  };
}

/** Room for a `sockaddr_in` or `sockaddr_in6`. */
export const SOCKADDR_BYTES = 28;

/**
 *     struct epoll_event: 0 events u32 | 4 or 8 data u64; packed, 12 bytes, on x64, otherwise 16
 */
export const EPOLL_EVENT = process.arch === 'x64' ? { size: 12, data: 4 } : { size: 16, data: 8 };

/**
 *     struct mmsghdr (64 bytes)
 *     0 name * | 8 namelen u32 | 16 iov * | 24 iovlen | 32 control * | 40 controllen | 48 flags int | 56 msg_len u32
 */
export const MMSGHDR = {
  size: 64,
  name: 0,
  nameLength: 8,
  iov: 16,
  iovCount: 24,
  control: 32,
  controlLength: 40,
  length: 56,
} as const;
/**
 *     struct iovec (16 bytes): 0 base * | 8 length
 */
export const IOVEC = { size: 16, base: 0, length: 8 } as const;
/**
 *     struct cmsghdr with UDP_SEGMENT (24 bytes): 0 len size_t | 8 level int | 12 type int | 16 segment size u16
 */
export const SEGMENT_CONTROL = { size: 24, value: 16 } as const;

/** Writes a pointer or `size_t`. */
export function putWord(view: DataView, offset: number, value: number): void {
  view.setBigUint64(offset, BigInt(value), LITTLE);
}

/** Writes what does not change of a UDP_SEGMENT message; the size goes to `SEGMENT_CONTROL.value`. */
export function putSegmentControl(view: DataView, offset: number): void {
  putWord(view, offset, 18);
  view.setInt32(offset + 8, SOL_UDP, LITTLE);
  view.setInt32(offset + 12, UDP_SEGMENT, LITTLE);
}

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setInt32(0, value, LITTLE);
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
