/** Receives up to 64 datagrams of any senders by one call. */
import { type Endpoint, readEndpoint } from './endpoint.ts';
import { type DatagramCalls, IOVEC, LITTLE, MMSGHDR, putWord, SOCKADDR_BYTES } from './libc-datagrams.ts';
import { createScopeNames } from './scopes.ts';

export interface DatagramRing {
  /**
   * Reads what waits, without waiting. The bytes are a view of memory that the next call uses again: keep a copy.
   * @param isOpen asked before each datagram: whoever is told of one may close the socket
   */
  drain(fd: number, isOpen: () => boolean, onDatagram: (bytes: Uint8Array, from: Endpoint) => void): void;
}

/** The largest a datagram can be. */
export const DATAGRAM_BYTES = 1 << 16;
const SLOTS = 64;

export function createDatagramRing(calls: DatagramCalls): DatagramRing {
  const data = calls.allocate(SLOTS * DATAGRAM_BYTES);
  const headers = calls.allocate(SLOTS * (MMSGHDR.size + IOVEC.size + SOCKADDR_BYTES));
  const scopeName = createScopeNames();
  const iovecs = SLOTS * MMSGHDR.size;
  const names = iovecs + SLOTS * IOVEC.size;
  const { view } = headers;
  for (let index = 0; index < SLOTS; index++) {
    const header = index * MMSGHDR.size;
    const iovec = iovecs + index * IOVEC.size;
    putWord(view, header + MMSGHDR.name, headers.address + names + index * SOCKADDR_BYTES);
    putWord(view, header + MMSGHDR.iov, headers.address + iovec);
    putWord(view, header + MMSGHDR.iovCount, 1);
    putWord(view, iovec + IOVEC.base, data.address + index * DATAGRAM_BYTES);
    putWord(view, iovec + IOVEC.length, DATAGRAM_BYTES);
  }
  return {
    drain(fd, isOpen, onDatagram) {
      for (let index = 0; index < SLOTS; index++) {
        view.setUint32(index * MMSGHDR.size + MMSGHDR.nameLength, SOCKADDR_BYTES, LITTLE);
      }
      // An error here is a report about an earlier send; the next wait brings what can be read.
      const count = calls.receiveMany(fd, headers.address, SLOTS);
      for (let index = 0; index < count && isOpen(); index++) {
        const start = index * DATAGRAM_BYTES;
        const end = start + view.getUint32(index * MMSGHDR.size + MMSGHDR.length, LITTLE);
        onDatagram(data.bytes.subarray(start, end), readEndpoint(view, names + index * SOCKADDR_BYTES, scopeName));
      }
    },
  };
}
