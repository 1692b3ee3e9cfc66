/** Datagrams of one loop turn, handed to the kernel by one call: ACKs that waited for one commit leave together. */
import { type Endpoint, endpointBytes } from './endpoint.ts';
import { type DatagramCalls, IOVEC, LITTLE, MMSGHDR, type NativeMemory, putWord } from './libc-datagrams.ts';

export interface BatchSender {
  /** Takes a copy, which leaves at the end of the turn. False for more than an Ethernet packet holds: send it another way. */
  add(bytes: Uint8Array, to: Endpoint): boolean;
  /** Sends what waits now. */
  flush(): void;
}

export interface BatchSenderOptions {
  readonly calls: DatagramCalls;
  readonly memory: BatchMemory;
  /** An IPv4 socket. */
  readonly fd: number;
  /** Calls back at the end of the loop turn (`setImmediate`). */
  readonly schedule: (flush: () => void) => void;
  /** A datagram the kernel did not take. */
  readonly refused: (bytes: Uint8Array, to: Endpoint) => void;
}

/** Native memory is never given back: keep it for the next socket. */
export interface BatchMemory {
  readonly data: NativeMemory;
  readonly headers: NativeMemory;
}

const MOST = 64;
/** The payload of an Ethernet packet. */
const SLOT_BYTES = 1472;
const NAME_BYTES = 16;
const IOVECS = MOST * MMSGHDR.size;
const NAMES = IOVECS + MOST * IOVEC.size;

export function allocateBatchMemory(calls: DatagramCalls): BatchMemory {
  const data = calls.allocate(MOST * SLOT_BYTES);
  const headers = calls.allocate(NAMES + MOST * NAME_BYTES);
  const { view, address } = headers;
  for (let index = 0; index < MOST; index++) {
    const header = index * MMSGHDR.size;
    const iovec = IOVECS + index * IOVEC.size;
    putWord(view, header + MMSGHDR.name, address + NAMES + index * NAME_BYTES);
    view.setUint32(header + MMSGHDR.nameLength, NAME_BYTES, LITTLE);
    putWord(view, header + MMSGHDR.iov, address + iovec);
    putWord(view, header + MMSGHDR.iovCount, 1);
    putWord(view, iovec + IOVEC.base, data.address + index * SLOT_BYTES);
  }
  return { data, headers };
}

export function createBatchSender({ calls, memory, fd, schedule, refused }: BatchSenderOptions): BatchSender {
  const { data, headers } = memory;
  const waiting: { readonly to: Endpoint; readonly length: number }[] = [];
  let isScheduled = false;
  /** Answers to one relay agent, and all broadcasts, go to one endpoint. */
  let latest: { readonly to: Endpoint; readonly name: Uint8Array } | undefined;

  function nameOf(to: Endpoint): Uint8Array {
    if (latest?.to.address === to.address && latest.to.port === to.port) return latest.name;
    latest = { to, name: endpointBytes(to) };
    return latest.name;
  }

  function flush(): void {
    // Emptied first: what is told of a refusal may want to send.
    const batch = waiting.splice(0);
    for (let sent = 0; sent < batch.length; ) {
      const taken = calls.sendMany(fd, headers.address + sent * MMSGHDR.size, batch.length - sent);
      if (taken > 0) {
        sent += taken;
        continue;
      }
      const one = batch[sent];
      const start = sent * SLOT_BYTES;
      if (one) refused(data.bytes.slice(start, start + one.length), one.to);
      sent++;
    }
  }

  return {
    add(bytes, to) {
      if (bytes.length > SLOT_BYTES) return false;
      if (waiting.length === MOST) flush();
      const index = waiting.push({ to, length: bytes.length }) - 1;
      data.bytes.set(bytes, index * SLOT_BYTES);
      putWord(headers.view, IOVECS + index * IOVEC.size + IOVEC.length, bytes.length);
      headers.bytes.set(nameOf(to), NAMES + index * NAME_BYTES);
      if (!isScheduled) {
        isScheduled = true;
        schedule(() => {
          isScheduled = false;
          flush();
        });
      }
      return true;
    },
    flush,
  };
}
