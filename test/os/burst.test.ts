import { expect, it } from 'vitest';
import { createBurst } from '../../src/os/burst.ts';
import type { DatagramCalls, NativeMemory } from '../../src/os/libc-datagrams.ts';

/** A kernel that notes each message: its bytes and, when it was segmented, the segments' size. */
function fakeKernel(refuse: (segment: number) => string | undefined = () => undefined) {
  const memories: NativeMemory[] = [];
  const sent: { readonly length: number; readonly segment: number }[] = [];
  let error = '';
  const word = (address: number) => {
    const memory = memories.find((one) => address >= one.address && address < one.address + one.bytes.length);
    return Number(memory?.view.getBigUint64(address - memory.address, true));
  };
  const take = (length: number, segment: number) => {
    const refused = refuse(segment);
    if (refused) error = refused;
    else sent.push({ length, segment });
    return refused ? -1 : 1;
  };
  const calls: Partial<DatagramCalls> = {
    allocate: (size) => {
      const bytes = new Uint8Array(size);
      const memory = { address: (memories.length + 1) << 24, bytes, view: new DataView(bytes.buffer) };
      memories.push(memory);
      return memory;
    },
    send: (_fd, _buffer, size) => take(size, 0),
    sendMany: (_fd, headers) => {
      const control = word(headers + 32);
      return take(word(word(headers + 16) + 8), control === 0 ? 0 : word(control + 16) & 0xffff);
    },
    errorName: () => error,
  };
  return { burst: createBurst(calls as DatagramCalls), sent };
}

const socketOf = (errors: string[] = []) => ({
  fd: 5,
  segments: true,
  onSendError: (code: string) => void errors.push(code),
});
const blocks = (...sizes: number[]) => sizes.map((size) => [new Uint8Array(4), new Uint8Array(size - 4)]);

it('sends a window as one segmented message, which a short block ends', () => {
  const { burst, sent } = fakeKernel();
  const socket = socketOf();
  for (const block of blocks(1000, 1000, 1000, 300, 1000)) burst.add(socket, undefined, block);
  burst.flush();
  expect(sent).toEqual([
    { length: 3300, segment: 1000 },
    { length: 1000, segment: 0 },
  ]);
});

it('keeps a message below 64 segments and what UDP carries', () => {
  const { burst, sent } = fakeKernel();
  for (const block of blocks(...Array<number>(70).fill(100))) burst.add(socketOf(), undefined, block);
  const socket = socketOf();
  for (const block of blocks(...Array<number>(70).fill(100), ...Array<number>(60).fill(1432)))
    burst.add(socket, undefined, block);
  burst.flush();
  expect(sent.slice(70)).toEqual([
    { length: 6400, segment: 100 },
    { length: 600, segment: 100 },
    { length: 45 * 1432, segment: 1432 },
    { length: 15 * 1432, segment: 1432 },
  ]);
});

it.each(['EINVAL', 'EIO', 'EMSGSIZE'])('sends one by one, from then on, where segments are refused with %s', (code) => {
  const { burst, sent } = fakeKernel((segment) => (segment > 0 ? code : undefined));
  const errors: string[] = [];
  const socket = socketOf(errors);
  for (const block of blocks(1000, 1000, 500)) burst.add(socket, undefined, block);
  burst.flush();
  expect(sent.map(({ length }) => length)).toEqual([1000, 1000, 500]);
  expect([socket.segments, errors]).toEqual([false, []]);
});

it('tries again with segments after a full send buffer, and tells what was lost', () => {
  const { burst, sent } = fakeKernel(() => 'EAGAIN');
  const errors: string[] = [];
  const socket = socketOf(errors);
  for (const block of blocks(1000, 1000)) burst.add(socket, undefined, block);
  burst.flush();
  expect([socket.segments, errors, sent]).toEqual([true, ['EAGAIN', 'EAGAIN'], []]);
});

it('says whether it told errors, so that nobody sleeps on what that set going', () => {
  const errors: string[] = [];
  const { burst } = fakeKernel(() => 'ECONNREFUSED');
  expect(burst.flush()).toBe(false);
  for (const block of blocks(100)) burst.add(socketOf(errors), undefined, block);
  expect([burst.flush(), errors, burst.flush()]).toEqual([true, ['ECONNREFUSED'], false]);
});

it('writes a numbered datagram as its number and its payload, and joins it with others', () => {
  const { burst, sent } = fakeKernel();
  const socket = socketOf();
  burst.addNumbered(socket, undefined, 0x00030001, new Uint8Array(996));
  burst.add(socket, undefined, [Uint8Array.of(0, 3, 0, 2), new Uint8Array(996)]);
  burst.addNumbered(socket, undefined, 0x00030003, new Uint8Array(10));
  burst.flush();
  expect(sent).toEqual([{ length: 2014, segment: 1000 }]);
});

it('holds what several sockets send until all is handed over, in order, and at once what a socket has that closes', () => {
  const { burst, sent } = fakeKernel();
  const [one, other] = [socketOf(), { ...socketOf(), fd: 6 }];
  burst.add(one, undefined, [new Uint8Array(100)]);
  burst.add(other, undefined, [new Uint8Array(200)]);
  burst.add(one, undefined, [new Uint8Array(300)]);
  burst.flushOf(socketOf());
  expect(sent).toEqual([]);
  burst.flushOf(other);
  expect(sent.map(({ length }) => length)).toEqual([100, 200, 300]);
  burst.flush();
  expect(sent).toHaveLength(3);
});
