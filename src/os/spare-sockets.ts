/** Bound sockets whose transfer is over, for the next ones: in a storm opening and closing them costs as much as a small file. */

import { LibcError } from './libc.ts';
import type { DatagramCalls, NativeMemory } from './libc-datagrams.ts';

export interface SpareSockets {
  /** Takes over a connected socket of an ephemeral port; false when there are enough. */
  keep(fd: number, address: string, peer: Uint8Array): boolean;
  /** One on `address`, now connected to `peer` and empty, that was not this peer's before. */
  take(address: string, peer: Uint8Array): number | undefined;
  closeAll(): void;
}

export interface SpareSocketsOptions {
  readonly calls: Pick<DatagramCalls, 'connect' | 'receive' | 'errorName'>;
  /** What is thrown away goes here. */
  readonly incoming: NativeMemory;
  close(fd: number): void;
}

interface Spare {
  readonly fd: number;
  readonly peer: Uint8Array;
}

const MOST = 256;
/** A socket with more to throw away than that is better closed. */
const MOST_STALE = 64;

export function createSpareSockets({ calls, incoming, close }: SpareSocketsOptions): SpareSockets {
  /** By local address, the longest unused first. */
  const spares = new Map<string, Spare[]>();
  let count = 0;

  /** Whatever is there so early is the last client's: the new one does not know the port yet. */
  function empty(fd: number): boolean {
    for (let stale = 0; stale < MOST_STALE; stale++) {
      if (calls.receive(fd, incoming.address, incoming.bytes.length) < 0 && calls.errorName() === 'EAGAIN') return true;
    }
    return false;
  }

  function connect(fd: number, peer: Uint8Array): boolean {
    try {
      calls.connect(fd, peer);
      return empty(fd);
    } catch (error) {
      if (error instanceof LibcError) return false;
      throw error;
    }
  }

  return {
    keep(fd, address, peer) {
      if (count >= MOST) return false;
      const list = spares.get(address) ?? [];
      spares.set(address, list);
      list.push({ fd, peer });
      count++;
      return true;
    },
    take(address, peer) {
      const list = spares.get(address);
      const spare = list?.shift();
      if (!spare) return undefined;
      count--;
      // Its late datagrams would seem to belong to this transfer.
      const isOwn = Buffer.compare(spare.peer, peer) === 0;
      if (!isOwn && connect(spare.fd, peer)) return spare.fd;
      close(spare.fd);
      return undefined;
    },
    closeAll() {
      for (const list of spares.values()) for (const { fd } of list) close(fd);
      spares.clear();
      count = 0;
    },
  };
}
