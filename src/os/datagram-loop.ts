/** Many UDP sockets in one thread that sleeps in the kernel: one wait for all of them, timers by the wait's length. */

import { createBurst } from './burst.ts';
import { createDatagramRing, DATAGRAM_BYTES } from './datagram-ring.ts';
import { type Endpoint, endpointBytes } from './endpoint.ts';
import {
  AF_INET,
  AF_INET6,
  type DatagramCalls,
  EPOLL_EVENT,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  LITTLE,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOL_SOCKET,
} from './libc-datagrams.ts';
import { createSpareSockets } from './spare-sockets.ts';
import { createTimers } from './timers.ts';
import { RECEIVE_BUFFER_BYTES } from './udp-socket.ts';

/** Datagrams handed to callbacks are views of memory that is used again afterwards: keep a copy, not the view. */
export interface DatagramLoop {
  /** Readable when another thread wrote eight bytes to it: ends a wait. That thread closes it in the end. */
  readonly wakeDescriptor: number;
  /** @throws LibcError */
  openListener(options: LoopListenerOptions): LoopListener;
  /** A socket bound and connected, so that the kernel drops foreign datagrams. @throws LibcError */
  openConnected(options: ConnectedOptions): ConnectedSocket;
  /** Monotonic, in milliseconds with fractions. */
  nowMs(): number;
  after(delayMs: number, callback: () => void): () => void;
  /** Sends what waits, sleeps up to `mostMs` for something to do, and does it. */
  turn(mostMs: number): void;
  /** Closes every descriptor but `wakeDescriptor`: another thread may be about to write to it. */
  close(): void;
}

export interface LoopListenerOptions extends Endpoint {
  readonly onDatagram: (bytes: Uint8Array, from: Endpoint) => void;
  readonly onError: (error: Error) => void;
}

export interface LoopListener extends Endpoint {
  /** What the kernel granted. */
  readonly receiveBufferBytes: number;
  send(pieces: readonly Uint8Array[], to: Endpoint): void;
  close(): void;
}

export interface ConnectedOptions extends Endpoint {
  readonly peer: Endpoint;
  readonly onDatagram: (bytes: Uint8Array) => void;
  /** An errno's name, of a send or a receive. */
  readonly onError: (code: string) => void;
}

export interface ConnectedSocket {
  readonly port: number;
  send(pieces: readonly Uint8Array[]): void;
  /** A datagram of four bytes, a big-endian number, and a payload. */
  sendNumbered(number: number, payload: Uint8Array): void;
  close(): void;
}

export interface LoopOptions {
  readonly calls: DatagramCalls;
  /** Told of every descriptor opened and closed, so that they can be closed when this thread dies. */
  readonly track: (fd: number, open: boolean) => void;
}

const MOST_EVENTS = 256;
/** Sockets that are read before the first of what they had is dealt with. */
const MOST_AT_ONCE = 64;
/** One line of the cache more, so that the beginnings do not push each other out of it. */
const SLOT_BYTES = DATAGRAM_BYTES + 64;
/** A window's worth of room to send, and then some. */
const SEND_BUFFER_BYTES = 1 << 20;
/** A timer may wait so long for datagrams that are there already. */
const TIMER_PATIENCE_MS = 50;
const MOST_IN_A_ROW = 256;
/** From so many connected sockets on, one that is not needed any more is kept for the next transfer. */
const MANY = 64;
/** A sleep shorter than that is a sign of a client very near. */
const BRISK_MS = 0.1;
/** How long answers are looked for before the next sleep then. */
const LOOK_MS = 0.03;
const ACK_BYTES = 4;
const DATA_OPCODE = 3;

type Taker = (length: number, slot: number, fault: string) => void;

export function createDatagramLoop({ calls, track }: LoopOptions): DatagramLoop {
  const epoll = tracked(calls.openEpoll());
  const wakeDescriptor = tracked(calls.openEvent());
  const events = calls.allocate(MOST_EVENTS * EPOLL_EVENT.size);
  const incoming = calls.allocate(DATAGRAM_BYTES);
  const ring = createDatagramRing(calls);
  const burst = createBurst(calls);
  const timers = createTimers();
  const ack = incoming.bytes.subarray(0, ACK_BYTES);
  const slots = calls.allocate(MOST_AT_ONCE * SLOT_BYTES);
  const slotAcks = Array.from({ length: MOST_AT_ONCE }, (_, slot) =>
    slots.bytes.subarray(slot * SLOT_BYTES, slot * SLOT_BYTES + ACK_BYTES),
  );
  /** What came into each slot: whose it is, its length, and when that is below 0, why. */
  const owners: (Taker | undefined)[] = [];
  const lengths = new Int32Array(MOST_AT_ONCE);
  const faults: string[] = [];
  /** Descriptor of a connected socket → what takes its first datagram of a turn, which lies in a slot. */
  const takers: (Taker | undefined)[] = [];
  /** Descriptor → what to do when it is readable. */
  const readers: ((() => void) | undefined)[] = [];
  /** Sockets that were left with something to read. */
  let unfinished: (() => void)[] = [];
  let connected = 0;
  const spare = createSpareSockets({ calls, incoming, close: closeDescriptor });
  /** The latest sleep was so short that the next one is not worth going to bed for. */
  let isBrisk = false;
  const nowMs = () => performance.now();
  calls.watch(epoll, wakeDescriptor);
  readers[wakeDescriptor] = () => calls.readEvent(wakeDescriptor);

  function tracked(fd: number): number {
    track(fd, true);
    return fd;
  }

  function closeDescriptor(fd: number): void {
    readers[fd] = undefined;
    takers[fd] = undefined;
    track(fd, false);
    calls.close(fd);
  }

  /** Opens, lets `prepare` set up, and watches; closes it when any step throws. */
  function open(address: string, edges: boolean, read: (fd: number) => void, prepare: (fd: number) => void): number {
    const isIpv6 = address.includes(':');
    const fd = tracked(calls.openSocket(isIpv6 ? AF_INET6 : AF_INET));
    try {
      if (isIpv6) calls.setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
      prepare(fd);
      calls.watch(epoll, fd, edges);
      readers[fd] = () => read(fd);
      return fd;
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
  }

  function grow(fd: number, forced: number, plain: number, bytes: number): void {
    for (const option of [forced, plain]) {
      try {
        calls.setOption(fd, SOL_SOCKET, option, bytes);
        return;
      } catch {
        // Forcing needs CAP_NET_ADMIN; without it the system's cap rules.
      }
    }
  }

  function openListener(options: LoopListenerOptions): LoopListener {
    const { address, onDatagram } = options;
    const read = (socketFd: number) =>
      ring.drain(
        socketFd,
        () => readers[socketFd] !== undefined,
        // DATA of an upload may be kept until it is written.
        (bytes, from) => onDatagram(bytes[1] === DATA_OPCODE ? bytes.slice() : bytes, from),
      );
    const fd = open(address, false, read, (opened) => {
      grow(opened, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BUFFER_BYTES);
      grow(opened, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER_BYTES);
      calls.bind(opened, endpointBytes(options));
    });
    const onSendError = (code: string) =>
      options.onError(Object.assign(new Error(`send failed with ${code}`), { code }));
    const socket = { fd, segments: true, onSendError };
    /** A transfer names its client by the same object every time. */
    const known = new WeakMap<Endpoint, Uint8Array>();
    let isOpen = true;
    return {
      address,
      port: portOf(fd),
      receiveBufferBytes: calls.getOption(fd, SOL_SOCKET, SO_RCVBUF),
      send(pieces, to) {
        if (!isOpen) return;
        let bytes = known.get(to);
        if (!bytes) {
          bytes = endpointBytes(to);
          known.set(to, bytes);
        }
        burst.add(socket, bytes, pieces);
      },
      close() {
        if (!isOpen) return;
        isOpen = false;
        burst.flushOf(socket);
        closeDescriptor(fd);
      },
    };
  }

  function openConnected({ address, port, peer, onDatagram, onError }: ConnectedOptions): ConnectedSocket {
    let isOpen = true;
    const fail = (code: string) => {
      if (isOpen) onError(code);
    };
    /** Datagrams sent since the latest came. */
    let answers = 0;
    /** Whether there ever were several: then the client may have sent more than it was answered. */
    let inWindows = false;
    /** One datagram; whether there may be another now. */
    const handle = (bytes: Uint8Array): boolean => {
      answers = 0;
      const isData = bytes[1] === DATA_OPCODE;
      // DATA of an upload may be kept until it is written.
      onDatagram(isData ? bytes.slice() : bytes);
      inWindows ||= answers > 1;
      // Lock-step: nothing more comes before this answer is there, so that asking for it would cost a call for nothing.
      return answers !== 1 || isData || inWindows;
    };
    const take: Taker = (length, slot, fault) => {
      if (!isOpen || fault === 'EAGAIN') return;
      if (length < 0) fail(fault);
      else {
        const start = slot * SLOT_BYTES;
        const bytes = length === ACK_BYTES ? slotAcks[slot] : slots.bytes.subarray(start, start + length);
        if (bytes && !handle(bytes)) return;
      }
      read();
    };
    const read = () => {
      for (let count = 0; isOpen; count++) {
        // One client must not keep the others waiting; nobody says again that there is more.
        if (count === MOST_IN_A_ROW) return void unfinished.push(read);
        const length = calls.receive(fd, incoming.address, DATAGRAM_BYTES);
        if (length < 0) {
          const code = calls.errorName();
          if (code === 'EAGAIN') return;
          fail(code);
          continue;
        }
        if (!handle(length === ACK_BYTES ? ack : incoming.bytes.subarray(0, length))) return;
      }
    };
    const to = endpointBytes(peer);
    const used = port === 0 ? spare.take(address, to) : undefined;
    const fd =
      used ??
      open(address, true, read, (opened) => {
        calls.bind(opened, endpointBytes({ address, port }));
        calls.connect(opened, to);
      });
    if (used !== undefined) readers[used] = read;
    takers[fd] = take;
    connected++;
    const socket = { fd, segments: true, onSendError: fail };
    return {
      get port() {
        return portOf(fd);
      },
      send(pieces) {
        answers++;
        if (isOpen) burst.add(socket, undefined, pieces);
      },
      sendNumbered(number, payload) {
        answers++;
        if (isOpen) burst.addNumbered(socket, undefined, number, payload);
      },
      close() {
        if (!isOpen) return;
        burst.flushOf(socket);
        isOpen = false;
        connected--;
        readers[fd] = ignore;
        takers[fd] = undefined;
        if (connected < MANY) spare.closeAll();
        if (connected < MANY || port !== 0 || !spare.keep(fd, address, to)) closeDescriptor(fd);
      },
    };
  }

  function portOf(fd: number): number {
    const bytes = calls.localAddress(fd);
    return new DataView(bytes.buffer).getUint16(2);
  }

  /** Whole milliseconds, never early. */
  function waitMs(mostMs: number): number {
    if (unfinished.length > 0) return 0;
    const next = timers.next();
    return Math.max(0, Math.min(mostMs, next === undefined ? mostMs : Math.ceil(next - nowMs())));
  }

  /**
   * Waits for something to read. To sleep and be woken on another processor costs several times what a client on this machine
   * or beside it takes to answer: while answers come that fast they are looked for a moment longer.
   */
  function wait(mostMs: number): number {
    const patience = waitMs(mostMs);
    if (isBrisk && patience > 0) {
      const until = nowMs() + LOOK_MS;
      do {
        const count = calls.wait(epoll, events.address, MOST_EVENTS, 0);
        if (count !== 0) return count;
        calls.yield();
      } while (nowMs() < until);
    }
    const from = nowMs();
    const count = calls.wait(epoll, events.address, MOST_EVENTS, patience);
    isBrisk = count > 0 && nowMs() - from < BRISK_MS;
    return count;
  }

  function eventOf(index: number): number {
    return events.view.getInt32(index * EPOLL_EVENT.size + EPOLL_EVENT.data, LITTLE);
  }

  /**
   * First all are received, then all are dealt with, and what that sends is sent together: the kernel's code and ours each
   * stay in the processor's caches for a while instead of taking turns in them.
   */
  function readSome(first: number, end: number): void {
    for (let index = first; index < end; index++) {
      const fd = eventOf(index);
      const slot = index - first;
      // Whose it is now: its descriptor may be another transfer's by the time it is dealt with.
      const owner = takers[fd];
      owners[slot] = owner;
      if (!owner) continue;
      const length = calls.receive(fd, slots.address + slot * SLOT_BYTES, DATAGRAM_BYTES);
      lengths[slot] = length;
      faults[slot] = length < 0 ? calls.errorName() : '';
    }
    for (let index = first; index < end; index++) {
      const slot = index - first;
      const owner = owners[slot];
      owners[slot] = undefined;
      if (owner) owner(lengths[slot] ?? 0, slot, faults[slot] ?? '');
      else readers[eventOf(index)]?.();
    }
  }

  return {
    wakeDescriptor,
    openListener,
    openConnected,
    nowMs,
    after: (delayMs, callback) => timers.set(nowMs() + delayMs, callback),
    turn(mostMs) {
      // Whoever was told of an error may have something to say: no sleep before that was heard.
      const count = wait(burst.flush() ? 0 : mostMs);
      for (let first = 0; first < count; first += MOST_AT_ONCE) readSome(first, Math.min(first + MOST_AT_ONCE, count));
      if (unfinished.length > 0) {
        const again = unfinished;
        unfinished = [];
        for (const read of again) read();
      }
      // A thread that was busy must not take a waiting ACK for a lost one.
      const now = nowMs();
      const next = timers.next();
      if (next !== undefined && next <= now && (count < MOST_EVENTS || now - next > TIMER_PATIENCE_MS))
        timers.fire(now);
    },
    close() {
      burst.flush();
      readers[wakeDescriptor] = undefined;
      for (const fd of readers.keys()) if (readers[fd]) closeDescriptor(fd);
      closeDescriptor(epoll);
    },
  };
}

function ignore(): void {}
