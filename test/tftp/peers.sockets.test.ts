/** Who is answered, from where, and what a stranger can do to a transfer: nothing. */
import { createSocket, type Socket } from 'node:dgram';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encode, encodeError, type TftpPacket } from '../../src/tftp/packet.ts';
import { tftpGet } from '../support/tftp-client.ts';
import { fileBytes, pause, type RunningTftp, startTftp, TFTP_DOORS } from '../support/tftp-server.ts';

interface Came {
  readonly bytes: Buffer;
  readonly address: string;
  readonly port: number;
}

/** A socket that keeps what comes. */
interface Ear {
  readonly socket: Socket;
  readonly came: Came[];
  say(packet: TftpPacket | Uint8Array, port: number, address?: string): void;
  /** The next datagram; rejects after 10 s. */
  next(): Promise<Came>;
}

describe.each(TFTP_DOORS)('by the %s door', (door) => {
  let running: RunningTftp;
  const ears: Ear[] = [];

  beforeEach(async () => {
    running = await startTftp({}, door);
  });

  afterEach(async () => {
    for (const { socket } of ears.splice(0)) socket.close();
    await running.server.close();
  });

  async function restart(settings: Parameters<typeof startTftp>[0]): Promise<void> {
    await running.server.close();
    running = await startTftp(settings, door);
  }

  async function openEar(): Promise<Ear> {
    const socket = createSocket('udp4');
    const came: Came[] = [];
    let given = 0;
    socket.on('message', (bytes, { address, port }) => came.push({ bytes, address, port }));
    // A closed port at the other end is no news here.
    socket.on('error', () => {});
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const ear: Ear = {
      socket,
      came,
      say: (packet, port, address = '127.0.0.1') =>
        socket.send(packet instanceof Uint8Array ? packet : encode(packet), port, address),
      async next() {
        for (let turn = 0; turn < 2000; turn++) {
          const found = came[given];
          if (found) {
            given++;
            return found;
          }
          await pause(5);
        }
        throw new Error('nothing came');
      },
    };
    ears.push(ear);
    return ear;
  }

  function rrq(path: string, options: Readonly<Record<string, string>> = {}): TftpPacket {
    return { kind: 'rrq', path, mode: 'octet', options: new Map(Object.entries(options)), repeated: [] };
  }

  const ack = (block: number): TftpPacket => ({ kind: 'ack', block });

  describe('a stranger', () => {
    const packets: readonly [string, TftpPacket | Uint8Array][] = [
      ['an ACK', ack(1)],
      ['an ERROR', encodeError(0, 'stop it')],
      ['two bytes', Uint8Array.of(0, 4)],
      ['a request', rrq('exact')],
    ];
    it.each(packets)(
      'T-47 that sends %s to the port of a transfer neither disturbs it nor hears of it',
      async (_, packet) => {
        const [client, stranger] = [await openEar(), await openEar()];
        client.say(rrq('exact'), running.port);
        const first = await client.next();
        stranger.say(packet, first.port);
        await pause(30);
        client.say(ack(1), first.port);
        expect((await client.next()).bytes.readUInt16BE(2)).toBe(2);
        client.say(ack(2), first.port);
        expect((await client.next()).bytes.length).toBe(4);
        client.say(ack(3), first.port);
        await running.idle();
        expect(running.events.map(({ kind }) => kind)).toEqual(['tftp.done']);
        expect(stranger.came).toEqual([]);
      },
    );

    it.each<[string, TftpPacket]>([
      ['DATA', { kind: 'data', block: 1, payload: Uint8Array.of(1, 2, 3) }],
      ['ACK', ack(0)],
      ['ERROR', { kind: 'error', code: 5, text: 'unknown transfer' }],
      ['OACK', { kind: 'oack', options: new Map([['blksize', '512']]) }],
    ])(
      'T-48 T-1 that sends %s to the listening port is met with silence, in single-port mode as well',
      async (_, packet) => {
        for (const singlePort of [false, true]) {
          await restart({ singlePort });
          const stranger = await openEar();
          stranger.say(packet, running.port);
          await expect.poll(() => running.server.counters().stray).toBe(1);
          await pause(60);
          expect(stranger.came).toEqual([]);
        }
      },
    );

    it('T-70 hears ERROR of its malformed requests no oftener than it may start transfers', async () => {
      await restart({ admission: { maxTransfers: 9, maxTransfersPerSource: 9, startsPerSecond: 3 } });
      const stranger = await openEar();
      const startedAt = performance.now();
      for (let count = 0; count < 20; count++) stranger.say(Buffer.from('\0\x01name\0mail\0'), running.port);
      await expect.poll(() => running.server.counters().malformed).toBe(20);
      // Each second that a busy machine took for it brings three more.
      const seconds = 1 + Math.floor((performance.now() - startedAt) / 1000);
      await pause(60);
      const { length } = stranger.came;
      expect(length).toBeGreaterThanOrEqual(3);
      expect(length).toBeLessThanOrEqual(3 * (seconds + 1));
      expect(running.server.counters()).toMatchObject({ overLimit: 20 - length, requests: 0 });
    });
  });

  describe('the address of an answer', () => {
    it.each([
      ['with a port of its own for each transfer', false],
      ['from one port', true],
    ])('T-50 is the one that was asked, %s', async (_, singlePort) => {
      await restart({ singlePort });
      await running.server.setAddresses([{ address: '127.0.0.2' }, { address: '127.0.0.3' }]);
      for (const { address, port } of running.server.listeners()) {
        const client = await openEar();
        client.say(rrq('exact', { blksize: '600' }), port, address);
        const oack = await client.next();
        client.say(ack(0), oack.port, address);
        const data = await client.next();
        expect([oack.address, data.address, data.port]).toEqual([address, address, oack.port]);
        expect(data.port === port).toBe(singlePort);
        const absent = await openEar();
        absent.say(rrq('nothing'), port, address);
        expect((await absent.next()).address).toBe(address);
      }
    });

    it('T-51 is nobody’s when the request went to a broadcast address', async () => {
      const client = await openEar();
      client.socket.setBroadcast(true);
      client.say(rrq('exact'), running.port, '127.255.255.255');
      await pause(100);
      expect(client.came).toEqual([]);
      expect(running.server.counters().requests).toBe(0);
    });

    it('T-53 has a port of the range', async () => {
      const probe = createSocket('udp4');
      await new Promise<void>((resolve) => probe.bind(0, '127.0.0.1', resolve));
      const first = Math.min(probe.address().port, 65_000);
      probe.close();
      await restart({ portRange: { first, last: first + 20 } });
      for (let count = 0; count < 5; count++) {
        const { serverPorts } = await tftpGet({ port: running.port, path: 'exact', options: { blksize: '600' } });
        for (const port of serverPorts) expect(port >= first && port <= first + 20, String(port)).toBe(true);
      }
    });
  });

  describe('one address with several requests', () => {
    it('T-55 gets the same file over two ports at a time, each for itself', async () => {
      const options = { blksize: '1428', windowsize: '8' };
      const results = await Promise.all([1, 2].map(() => tftpGet({ port: running.port, path: 'linux', options })));
      for (const { bytes } of results) expect(bytes.equals(fileBytes('linux'))).toBe(true);
      await running.idle();
      expect(running.events.map(({ kind }) => kind)).toEqual(['tftp.done', 'tftp.done']);
    });

    it.each([false, true])(
      'T-52 that asks for another file from the same port drops the first (single port: %s)',
      async (singlePort) => {
        await restart({ singlePort });
        const client = await openEar();
        client.say(rrq('linux', { blksize: '1428' }), running.port);
        client.say(ack(0), (await client.next()).port);
        await client.next();
        client.say(rrq('exact', { blksize: '1024' }), running.port);
        const oack = await client.next();
        expect(oack.bytes.toString('latin1')).toBe('\0\x06blksize\x001024\0');
        client.say(ack(0), oack.port);
        expect((await client.next()).bytes.length).toBe(4 + 1024);
        client.say(ack(1), oack.port);
        await client.next();
        client.say(ack(2), oack.port);
        await running.idle();
        expect(running.events).toMatchObject([
          {
            kind: 'tftp.aborted',
            path: 'linux',
            summary: expect.stringContaining('a new request came from the same port'),
          },
          { kind: 'tftp.done', path: 'exact' },
        ]);
      },
    );
  });

  describe('the end of a file', () => {
    it.each([
      ['pxelinux.0', 4243, 1],
      ['pxelinux.0', 4243, 5],
      ['pxelinux.0', 4243, 11],
      ['exact', 1024, 4],
      ['exact', 256, 4],
      ['text-streamed.cfg', 570, 1],
      ['text-streamed.cfg', 570, 10],
      ['empty', 8, 4],
      ['empty-streamed', 8, 4],
    ])(
      'T-24 of %s in full blocks of %i bytes is an empty one, with a window of %i',
      async (path, blksize, windowsize) => {
        const options = { blksize: String(blksize), windowsize: String(windowsize), tsize: '0' };
        const { bytes, oack } = await tftpGet({ port: running.port, path, options });
        expect(bytes.equals(fileBytes(path))).toBe(true);
        expect(bytes.length % blksize).toBe(0);
        expect(oack?.get('tsize')).toBe(bytes.length > 0 ? String(bytes.length) : undefined);
        await running.idle();
        expect(running.events).toMatchObject([{ kind: 'tftp.done', bytes: bytes.length }]);
      },
    );
  });

  it('T-63 a client that sends rubbish to its own transfer is not cut off, and a tail behind an ACK is forgiven', async () => {
    const client = await openEar();
    client.say(rrq('exact', { blksize: '1024' }), running.port);
    const { port } = await client.next();
    for (const bytes of [[0], [0, 4], [0, 4, 0], [0, 9, 0, 0], [0, 3, 0, 1, 7]])
      client.say(Uint8Array.from(bytes), port);
    client.say(Uint8Array.of(0, 4, 0, 0, 1, 2, 3), port);
    expect((await client.next()).bytes.length).toBe(4 + 1024);
    client.say(Uint8Array.of(0, 4, 0, 1, 0xff), port);
    await client.next();
    client.say(ack(2), port);
    await running.idle();
    expect(running.events).toMatchObject([{ kind: 'tftp.done', bytes: 1024 }]);
    expect(running.server.counters().ignored).toBe(5);
  });
});
