import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { allocateBatchMemory, createBatchSender } from '../../src/os/batch-sender.ts';
import { endpointBytes } from '../../src/os/endpoint.ts';
import { AF_INET, loadDatagramCalls } from '../../src/os/libc-datagrams.ts';

const load = loadDatagramCalls();

describe.skipIf(load.kind !== 'loaded')('a batch of datagrams', () => {
  const open: Socket[] = [];
  afterEach(() => {
    for (const socket of open.splice(0)) socket.close();
  });

  async function receiver() {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    open.push(socket);
    const heard: string[] = [];
    socket.on('message', (bytes) => heard.push(bytes.toString()));
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return { to: { address: '127.0.0.1', port: socket.address().port }, heard };
  }

  function sender() {
    if (load.kind !== 'loaded') throw new Error(load.reason);
    const { calls } = load;
    const fd = calls.openSocket(AF_INET);
    calls.bind(fd, endpointBytes({ address: '127.0.0.1', port: 0 }));
    const refused: string[] = [];
    const turns: (() => void)[] = [];
    const batch = createBatchSender({
      calls,
      memory: allocateBatchMemory(calls),
      fd,
      schedule: (flush) => turns.push(flush),
      refused: (bytes, to) => refused.push(`${Buffer.from(bytes)} to ${to.address}:${to.port}`),
    });
    return { batch, turns, refused, [Symbol.dispose]: () => calls.close(fd) };
  }

  it('leaves at the end of the turn, each datagram whole, in order, to its own receiver', async () => {
    const [one, two] = [await receiver(), await receiver()];
    using own = sender();
    const words = Array.from({ length: 150 }, (_, index) => `datagram ${index} ${'x'.repeat(index * 9)}`);
    for (const [index, word] of words.entries()) {
      expect(own.batch.add(Buffer.from(word), index % 2 === 0 ? one.to : two.to)).toBe(true);
    }
    expect(own.turns).toHaveLength(1);
    own.turns[0]?.();
    await expect.poll(() => one.heard.length + two.heard.length).toBe(150);
    expect(one.heard).toEqual(words.filter((_, index) => index % 2 === 0));
    expect(two.heard).toEqual(words.filter((_, index) => index % 2 === 1));
    expect(own.refused).toEqual([]);
  });

  it('tells which datagram the kernel refused, and sends the others', async () => {
    const one = await receiver();
    using own = sender();
    own.batch.add(Buffer.from('first'), one.to);
    own.batch.add(Buffer.from('nowhere'), { address: '127.0.0.1', port: 0 });
    own.batch.add(Buffer.from('last'), one.to);
    own.batch.flush();
    await expect.poll(() => one.heard).toEqual(['first', 'last']);
    expect(own.refused).toEqual(['nowhere to 127.0.0.1:0']);
  });

  it('leaves what is larger than a packet to others', async () => {
    using own = sender();
    expect(own.batch.add(Buffer.alloc(1473), { address: '127.0.0.1', port: 9 })).toBe(false);
    expect(own.turns).toEqual([]);
  });
});
