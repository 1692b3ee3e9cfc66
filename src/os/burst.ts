/** Outgoing datagrams of many sockets, gathered and handed to the kernel in a row, windows as one segmented message. */

import {
  type DatagramCalls,
  IOVEC,
  LITTLE,
  MMSGHDR,
  putSegmentControl,
  putWord,
  SEGMENT_CONTROL,
} from './libc-datagrams.ts';

/** A socket's way out. */
export interface BurstSocket {
  readonly fd: number;
  /** Whether a run of equal datagrams may travel as one message; set to false when the kernel refuses that. */
  segments: boolean;
  /** A datagram was not sent. Told by `Burst.flush`, never inside `add`. */
  onSendError(code: string): void;
}

export interface Burst {
  /** Takes a copy. `to` is a socket address, undefined on a connected socket. */
  add(socket: BurstSocket, to: Uint8Array | undefined, pieces: readonly Uint8Array[]): void;
  /** As `add`, of four bytes (a big-endian number) and a payload: what nearly all datagrams are. */
  addNumbered(socket: BurstSocket, to: Uint8Array | undefined, number: number, payload: Uint8Array): void;
  /** Sends what waits and tells the errors of everything since the last time; whether there were any. */
  flush(): boolean;
  /** Sends what waits for this socket, which is about to be closed. */
  flushOf(socket: BurstSocket): void;
}

/** The kernel's bound on segments of one message (UDP_MAX_SEGMENTS of older kernels). */
const MOST_SEGMENTS = 64;
const MOST_MESSAGES = 256;
/** A UDP payload over IPv4 has at most 65,507 bytes, segmented or not. */
const MESSAGE_BYTES = 65_507;
const BUFFER_BYTES = 1 << 19;
const ADDRESS_BYTES = 32;
/** Answers to a segmented message that its parts, sent one by one, may not get. */
const REFUSALS: ReadonlySet<string> = new Set(['EMSGSIZE', 'EIO', 'EINVAL', 'EOPNOTSUPP', 'ENOPROTOOPT']);

interface Message {
  socket: BurstSocket | undefined;
  start: number;
  length: number;
  /** Size of every datagram in it but the last. */
  segment: number;
  count: number;
  to: Uint8Array | undefined;
}

export function createBurst(calls: DatagramCalls): Burst {
  const data = calls.allocate(BUFFER_BYTES);
  const headers = calls.allocate(MOST_MESSAGES * (MMSGHDR.size + IOVEC.size + SEGMENT_CONTROL.size + ADDRESS_BYTES));
  const iovecs = MOST_MESSAGES * MMSGHDR.size;
  const controls = iovecs + MOST_MESSAGES * IOVEC.size;
  const names = controls + MOST_MESSAGES * SEGMENT_CONTROL.size;
  const messages: Message[] = Array.from({ length: MOST_MESSAGES }, () => emptyMessage());
  let used = 0;
  let count = 0;
  let refused: { readonly socket: BurstSocket; readonly code: string }[] = [];

  for (let index = 0; index < MOST_MESSAGES; index++) {
    const header = index * MMSGHDR.size;
    putWord(headers.view, header + MMSGHDR.iov, headers.address + iovecs + index * IOVEC.size);
    putWord(headers.view, header + MMSGHDR.iovCount, 1);
    putSegmentControl(headers.view, controls + index * SEGMENT_CONTROL.size);
  }

  function add(to: BurstSocket, address: Uint8Array | undefined, pieces: readonly Uint8Array[]): void {
    let size = 0;
    for (const piece of pieces) size += piece.length;
    let at = reserve(to, address, size);
    for (const piece of pieces) {
      data.bytes.set(piece, at);
      at += piece.length;
    }
  }

  function addNumbered(to: BurstSocket, address: Uint8Array | undefined, number: number, payload: Uint8Array): void {
    const at = reserve(to, address, 4 + payload.length);
    data.view.setUint32(at, number);
    data.bytes.set(payload, at + 4);
  }

  /** Room for a datagram; its place in `data`. */
  function reserve(to: BurstSocket, address: Uint8Array | undefined, size: number): number {
    if (count === MOST_MESSAGES || used + size > BUFFER_BYTES) hand();
    const open = count > 0 ? messages[count - 1] : undefined;
    const joins = open && open.socket === to && to.segments && canJoin(open, address, size);
    const start = used;
    used += size;
    if (joins) {
      open.length += size;
      open.count++;
      return start;
    }
    const message = messages[count++] ?? emptyMessage();
    message.socket = to;
    message.start = start;
    message.length = size;
    message.segment = size;
    message.count = 1;
    message.to = address;
    return start;
  }

  /** Gives what waits to the kernel. */
  function hand(): void {
    const total = count;
    count = 0;
    used = 0;
    for (let first = 0; first < total; ) {
      const message = messages[first];
      const socket = message?.socket;
      if (!message || !socket) return;
      let end = first + 1;
      while (end < total && messages[end]?.socket === socket) end++;
      message.socket = undefined;
      if (end === first + 1 && message.count === 1 && !message.to) {
        // Lock-step: the plain call is the cheapest.
        if (calls.send(socket.fd, data.address + message.start, message.length) < 0) refuse(socket, calls.errorName());
      } else sendAll(socket, first, end);
      first = end;
    }
  }

  function refuse(target: BurstSocket, code: string): void {
    refused.push({ socket: target, code });
  }

  function sendAll(target: BurstSocket, first: number, end: number): void {
    for (let index = first; index < end; index++) writeHeader(index);
    for (let sent = first; sent < end; ) {
      const result = calls.sendMany(target.fd, headers.address + sent * MMSGHDR.size, end - sent);
      if (result > 0) {
        sent += result;
        continue;
      }
      const error = calls.errorName();
      const message = messages[sent];
      if (message && message.count > 1 && (REFUSALS.has(error) || error === 'EAGAIN')) {
        // A full send buffer may still take some; anything else will be refused again.
        if (error !== 'EAGAIN') target.segments = false;
        sendSingly(target, message, sent);
      } else refuse(target, error);
      sent++;
    }
  }

  function sendSingly(target: BurstSocket, message: Message, index: number): void {
    const { start, length, segment } = message;
    const end = start + length;
    for (let at = start; at < end; at += segment) {
      message.start = at;
      message.length = Math.min(segment, end - at);
      message.count = 1;
      writeHeader(index);
      if (calls.sendMany(target.fd, headers.address + index * MMSGHDR.size, 1) < 0) refuse(target, calls.errorName());
    }
  }

  function writeHeader(index: number): void {
    const message = messages[index];
    if (!message) return;
    const { view, bytes, address } = headers;
    const header = index * MMSGHDR.size;
    const iovec = iovecs + index * IOVEC.size;
    const control = controls + index * SEGMENT_CONTROL.size;
    putWord(view, iovec + IOVEC.base, data.address + message.start);
    putWord(view, iovec + IOVEC.length, message.length);
    const isRun = message.count > 1;
    if (isRun) view.setUint16(control + SEGMENT_CONTROL.value, message.segment, LITTLE);
    putWord(view, header + MMSGHDR.control, isRun ? address + control : 0);
    putWord(view, header + MMSGHDR.controlLength, isRun ? SEGMENT_CONTROL.size : 0);
    const { to } = message;
    const name = names + index * ADDRESS_BYTES;
    if (to) bytes.set(to, name);
    putWord(view, header + MMSGHDR.name, to ? address + name : 0);
    view.setUint32(header + MMSGHDR.nameLength, to ? to.length : 0, LITTLE);
  }

  return {
    add,
    addNumbered,
    flush() {
      hand();
      const told = refused;
      refused = [];
      for (const one of told) one.socket.onSendError(one.code);
      return told.length > 0;
    },
    flushOf: (one) => {
      for (let index = 0; index < count; index++) if (messages[index]?.socket === one) return hand();
    },
  };
}

/** Only the last datagram of a run may be shorter. */
function canJoin(open: Message, to: Uint8Array | undefined, size: number): boolean {
  return (
    open.to === to &&
    size <= open.segment &&
    open.length === open.count * open.segment &&
    open.count < MOST_SEGMENTS &&
    open.length + size <= MESSAGE_BYTES
  );
}

function emptyMessage(): Message {
  return { socket: undefined, start: 0, length: 0, segment: 0, count: 0, to: undefined };
}
