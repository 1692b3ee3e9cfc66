import { expect, it } from 'vitest';
import { LibcError } from '../../src/os/libc.ts';
import type { DatagramCalls, NativeMemory } from '../../src/os/libc-datagrams.ts';
import { createSpareSockets } from '../../src/os/spare-sockets.ts';

const peer = (last: number) => Uint8Array.of(2, 0, 0, 69, 127, 0, 0, last);

/** A kernel in which some sockets hold datagrams of their last peer. */
function create(stale: Record<number, number> = {}, unconnectable: readonly number[] = []) {
  const connected: number[] = [];
  const closed: number[] = [];
  const calls: Pick<DatagramCalls, 'connect' | 'receive' | 'errorName'> = {
    connect: (fd) => {
      if (unconnectable.includes(fd)) throw new LibcError('connect', 101);
      connected.push(fd);
    },
    receive: (fd) => {
      const left = stale[fd] ?? 0;
      stale[fd] = left - 1;
      return left > 0 ? 4 : -1;
    },
    errorName: () => 'EAGAIN',
  };
  const bytes = new Uint8Array(64);
  const incoming: NativeMemory = { address: 0, bytes, view: new DataView(bytes.buffer) };
  const spare = createSpareSockets({ calls, incoming, close: (fd) => void closed.push(fd) });
  return { spare, connected, closed, stale };
}

it('gives the longest unused socket of the address, connected anew', () => {
  const { spare, connected } = create();
  spare.keep(5, '10.0.0.1', peer(1));
  spare.keep(6, '10.0.0.1', peer(2));
  spare.keep(7, '10.0.0.2', peer(3));
  expect(spare.take('10.0.0.1', peer(9))).toBe(5);
  expect(spare.take('10.0.0.1', peer(9))).toBe(6);
  expect(spare.take('10.0.0.1', peer(9))).toBeUndefined();
  expect(connected).toEqual([5, 6]);
});

it('throws away what the last client sent late', () => {
  const { spare, stale } = create({ 5: 3 });
  spare.keep(5, 'a', peer(1));
  expect(spare.take('a', peer(2))).toBe(5);
  expect(stale[5]).toBeLessThan(0);
});

it('closes one that was this very client’s, cannot be connected, or never gets empty', () => {
  const { spare, closed } = create({ 7: 1e6 }, [6]);
  for (const fd of [5, 6, 7]) spare.keep(fd, 'a', peer(fd));
  expect([spare.take('a', peer(5)), spare.take('a', peer(1)), spare.take('a', peer(1))]).toEqual(
    Array(3).fill(undefined),
  );
  expect(closed).toEqual([5, 6, 7]);
});

it('keeps a bounded number, and closes all of them when it is told to', () => {
  const { spare, closed } = create();
  const kept = Array.from({ length: 300 }, (_, fd) => spare.keep(fd, 'a', peer(1)));
  expect(kept.filter(Boolean)).toHaveLength(256);
  spare.closeAll();
  expect(closed).toHaveLength(256);
  expect(spare.keep(1, 'a', peer(1))).toBe(true);
});
