import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encode } from '../../src/tftp/packet.ts';
import { decodeNetascii } from '../support/netascii.ts';
import { randomOf } from '../support/send-simulation.ts';
import { tftpGet } from '../support/tftp-client.ts';
import {
  fileBytes,
  pause,
  type RunningTftp,
  startTftp,
  TFTP_DOORS,
  type TftpDoorName,
} from '../support/tftp-server.ts';

let server: RunningTftp['server'];
let port: number;
let events: RunningTftp['events'];
let asked: RunningTftp['asked'];
let idle: RunningTftp['idle'];

const kinds = () => events.map((event) => event.kind);

let door: TftpDoorName;

/** Every test of a group runs on either door: they differ in sockets and threads, never in what a client sees. */
function serveBy(name: TftpDoorName): void {
  beforeEach(async () => {
    door = name;
    ({ server, port, events, asked, idle } = await startTftp({}, door));
  });
}

afterEach(() => server.close());

async function restart(settings: Parameters<typeof startTftp>[0]): Promise<void> {
  await server.close();
  ({ server, port, events, asked, idle } = await startTftp(settings, door));
}

describe.each(TFTP_DOORS)('what firmware asks, by the %s door', (name) => {
  serveBy(name);

  it.each([
    ['iPXE', 'pxelinux.0', { blksize: '1432', tsize: '0' }, { blksize: '1432', tsize: '42430' }],
    ['PXELINUX', 'linux', { tsize: '0', blksize: '1408' }, { tsize: '3000001', blksize: '1408' }],
    ['EDK2', 'linux', { blksize: '1468', windowsize: '4' }, { blksize: '1468', windowsize: '4' }],
    ['shim', 'pxelinux.0', { blksize: '512', windowsize: '4' }, { blksize: '512', windowsize: '4' }],
    ['GRUB', '/linux', { blksize: '1024', tsize: '0' }, { blksize: '1024', tsize: '3000001' }],
  ])('%s gets its file whole', async (_client, path, options, oack) => {
    const result = await tftpGet({ port, path, options });
    expect(Object.fromEntries(result.oack ?? [])).toEqual(oack);
    expect(result.bytes.equals(fileBytes(path))).toBe(true);
    await idle();
    expect(events).toMatchObject([
      {
        at: 1_700_000_000_000,
        kind: 'tftp.done',
        path,
        ip: '127.0.0.1',
        mac: '52:54:00:aa:bb:cc',
        bytes: result.bytes.length,
        detail: { asked: options, granted: oack, origin: 'test', mode: 'octet', retransmits: expect.any(Number) },
      },
    ]);
    expect(asked[0]?.[1]).toEqual({
      ip: '127.0.0.1',
      mac: '52:54:00:aa:bb:cc',
      transport: 'tftp',
      localAddress: '127.0.0.1',
    });
  });

  it('T-47 T-50 T-60 EDK2 probes the size, refuses with ERROR 8, and asks again', async () => {
    const probe = { tsize: '0', blksize: '1468', windowsize: '4' };
    const first = await tftpGet({ port, path: 'linux', options: probe, onOack: 'refuse' });
    expect(first.oack?.get('tsize')).toBe('3000001');
    const second = await tftpGet({ port, path: 'linux', options: { blksize: '1468', windowsize: '4' } });
    expect(second.bytes.length).toBe(3_000_001);
    expect(second.serverPorts.has(port)).toBe(false);
    await idle();
    expect(kinds()).toEqual(['tftp.probe', 'tftp.done']);
  });

  it.each(['empty', 'empty-streamed', 'exact', 'pxelinux.0'])('T-12 T-24 %s without options', async (path) => {
    const result = await tftpGet({ port, path });
    expect(result.oack).toBeUndefined();
    expect(result.bytes.equals(fileBytes(path))).toBe(true);
  });

  it.each([
    [4, '0'],
    [16, '1'],
  ])(
    'T-25 a file of 66,001 blocks with window %i, rolling over to %s',
    async (windowsize, rollover) => {
      const options = { blksize: '64', windowsize: String(windowsize), rollover };
      const result = await tftpGet({ port, path: 'long', options });
      expect(result.bytes.equals(fileBytes('long'))).toBe(true);
    },
    120_000,
  );

  it.each(['text.cfg', 'text-streamed.cfg'])('T-44 T-46 %s in netascii, with a window', async (path) => {
    const options = { blksize: '101', windowsize: '5', tsize: '0' };
    const { bytes, oack } = await tftpGet({ port, path, mode: 'netascii', options });
    expect(Buffer.from(decodeNetascii(bytes)).equals(fileBytes(path))).toBe(true);
    expect(oack?.get('tsize')).toBe(path === 'text.cfg' ? String(bytes.length) : undefined);
  });

  it('T-55 two requests from one port are one transfer', async () => {
    const result = await tftpGet({ port, path: 'pxelinux.0', copies: 2, options: { blksize: '1432' } });
    expect(result.bytes.length).toBe(42_430);
    await idle();
    expect(kinds()).toEqual(['tftp.done']);
    expect(asked.length).toBe(1);
  });

  it('T-8 a name with rubbish behind it is found without', async () => {
    const result = await tftpGet({ port, path: 'pxelinux.0\u00ff\u0001' });
    expect(result.bytes.length).toBe(42_430);
    await idle();
    expect(events[0]).toMatchObject({ path: 'pxelinux.0', detail: { askedPath: 'pxelinux.0\u00ff\u0001' } });
  });
});

describe.each(TFTP_DOORS)('what cannot be had, by the %s door', (name) => {
  serveBy(name);

  it.each([
    ['T-62 nothing there', 'pxelinux.cfg/01-52', 1, 'file not found', 'tftp.absent', 'no file route matches'],
    ['T-49 a path that is refused', 'secret', 2, 'access refused', 'tftp.refused', 'a rule of /etc/hobnail says so'],
    ['a path a rule denies', 'denied', 2, 'ask the operator', 'tftp.refused', 'rewrite rule 1 denies it'],
    ['a resource that fails', 'broken.cfg', 0, 'A template could not be rendered', 'tftp.failed', 'no such value'],
    ['a bug', 'bug', 0, 'A bug in Hobnail', 'tftp.failed', 'A bug in Hobnail'],
    ['a bug with a file open', 'unreadable', 0, 'A bug in Hobnail', 'tftp.failed', 'A bug in Hobnail'],
  ])('%s is answered at once', async (_name, path, code, text, kind, reason) => {
    // Nobody asks a second time within the test.
    const options = { blksize: '1408', tsize: '0' };
    const result = await tftpGet({ port, path, options, patienceMs: 60_000 });
    expect(result.error).toEqual({ code, text });
    expect(result.datagrams).toBe(1);
    await idle();
    expect(events).toMatchObject([{ kind, path, summary: expect.stringContaining(reason) }]);
    expect(server.counters().bugs).toBe(text === 'A bug in Hobnail' ? 1 : 0);
  });

  it('T-34 a file that cannot be read to its end is broken off with ERROR 0', async () => {
    const result = await tftpGet({ port, path: 'rotten', options: { blksize: '1024' } });
    expect(result.error).toEqual({ code: 0, text: 'The file could not be read' });
    expect(result.bytes.length).toBeLessThanOrEqual(100_000);
    await idle();
    expect(events).toMatchObject([{ kind: 'tftp.failed', path: 'rotten' }]);
  });

  it('uploads are refused with ERROR 2', async () => {
    const reply = await exchange(encode({ kind: 'wrq', path: 'x', mode: 'octet', options: new Map(), repeated: [] }));
    expect(reply?.subarray(0, 4)).toEqual(Buffer.of(0, 5, 0, 2));
    await idle();
    expect(kinds()).toEqual(['tftp.refused']);
  });

  it('T-2 a malformed request gets ERROR 4, T-1 anything else silence', async () => {
    expect((await exchange(Buffer.from('\0\x01name\0mail\0')))?.subarray(0, 4)).toEqual(Buffer.of(0, 5, 0, 4));
    expect(await exchange(Buffer.from('\0\x01name'), 150)).toBeUndefined();
    expect(await exchange(Buffer.of(0, 4, 0, 1), 150)).toBeUndefined();
    expect(await exchange(Buffer.of(0, 5, 0, 1, 0), 150)).toBeUndefined();
    await expect.poll(() => server.counters()).toMatchObject({ malformed: 2, stray: 2, requests: 0 });
  });

  it('T-71 requests over the limit are dropped, and served when there is room', async () => {
    await restart({ admission: { maxTransfers: 100, maxTransfersPerSource: 2, startsPerSecond: 1000 } });
    const results = await Promise.all([1, 2, 3, 4].map(() => tftpGet({ port, path: 'pxelinux.0', patienceMs: 100 })));
    expect(results.map((result) => result.bytes.length)).toEqual([42_430, 42_430, 42_430, 42_430]);
    expect(server.counters().overLimit).toBeGreaterThanOrEqual(1);
  });

  it('T-53 a port range that is used up answers busy', async () => {
    const [free] = await freePorts(1);
    await restart({ portRange: { first: free ?? 0, last: free ?? 0 } });
    const held = createSocket('udp4');
    await new Promise<void>((resolve) => held.bind(0, '127.0.0.1', resolve));
    held.send(request('linux', { blksize: '1468' }), port, '127.0.0.1');
    const [oack, from] = await new Promise<[Buffer, number]>((resolve) =>
      held.once('message', (bytes, info) => resolve([bytes, info.port])),
    );
    expect([oack[1], from]).toEqual([6, free]);
    expect((await tftpGet({ port, path: 'pxelinux.0' })).error).toEqual({ code: 0, text: 'Too much at once' });
    expect(server.counters().busy).toBe(1);
    held.close();
  });
});

describe.each(TFTP_DOORS)('the door, by the %s door', (name) => {
  serveBy(name);

  it('T-52 answers everything from one port in single-port mode', async () => {
    await restart({ singlePort: true });
    const options = { blksize: '1468', windowsize: '16' };
    const results = await Promise.all([1, 2, 3].map(() => tftpGet({ port, path: 'linux', options })));
    for (const result of results) {
      expect(result.bytes.length).toBe(3_000_001);
      expect([...result.serverPorts]).toEqual([port]);
    }
    await idle();
  });

  it('a client that closes its port is noticed at once', async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    socket.send(request('linux', { blksize: '1468' }), port, '127.0.0.1');
    const from = await new Promise<number>((resolve) => socket.once('message', (_, info) => resolve(info.port)));
    socket.send(encode({ kind: 'ack', block: 0 }), from, '127.0.0.1', () => socket.close());
    await idle();
    expect(events).toMatchObject([{ kind: 'tftp.aborted', summary: expect.stringContaining('the port was closed') }]);
  });

  it('follows addresses, and one that cannot be had does not stop the others', async () => {
    await server.setAddresses([{ address: '127.0.0.1' }, { address: '127.0.0.2' }, { address: '192.0.2.1' }]);
    const [one, two, three] = server.listeners();
    expect(one?.port).toBe(port);
    expect(two?.receiveBufferBytes).toBeGreaterThan(0);
    expect(three?.problem).toContain('192.0.2.1');
    const result = await tftpGet({ port: two?.port ?? 0, address: '127.0.0.2', path: 'exact' });
    expect(result.bytes.length).toBe(1024);
    expect(asked[0]?.[1].localAddress).toBe('127.0.0.2');
    await server.setAddresses([{ address: '127.0.0.1', mtu: 1500 }]);
    expect(server.listeners().map((listener) => listener.address)).toEqual(['127.0.0.1']);
    const fitted = await tftpGet({ port, path: 'exact', options: { blksize: '8192' } });
    expect(fitted.oack?.get('blksize')).toBe('1468');
  });

  it.runIf(networkInterfaces().lo?.some(({ address }) => address === '::1'))('T-54 serves IPv6', async () => {
    await server.setAddresses([{ address: '::1', mtu: 1500 }]);
    const listening = server.listeners()[0]?.port ?? 0;
    const result = await tftpGet({ port: listening, address: '::1', path: 'linux', options: { blksize: '8192' } });
    expect(result.bytes.equals(fileBytes('linux'))).toBe(true);
    await idle();
    expect(events[0]).toMatchObject({ ip: '::1', detail: { blksize: 1448 } });
  });

  it('T-74 lets a running transfer end, within the time it is given, and starts no other', async () => {
    const running = tftpGet({ port, path: 'linux', options: { blksize: '512' } });
    while (server.transfers().length === 0) await pause(1);
    await server.close({ drainMs: 10_000 });
    expect((await running).bytes.length).toBe(3_000_001);
  });

  it('T-75 takes 100,000 random datagrams without raising or keeping anything', async () => {
    const random = randomOf(42);
    const taken = () => {
      const { malformed, stray, requests } = server.counters();
      return malformed + stray + requests;
    };
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    for (let count = 0; count < 100_000; count++) {
      const bytes = Buffer.from(Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256)));
      // Half of them with an opcode that leads somewhere.
      if (bytes.length > 1 && random() < 0.5) bytes.set([0, Math.floor(random() * 8)]);
      socket.send(bytes, port, '127.0.0.1');
      // No faster than it takes them: what the kernel drops would test nothing.
      for (let turn = 0; count % 50 === 49 && taken() < count && turn < 100; turn++) await pause(1);
    }
    await expect.poll(taken).toBe(100_000);
    socket.close();
    await idle();
    expect(server.counters().bugs).toBe(0);
    expect((await tftpGet({ port, path: 'pxelinux.0' })).bytes.length).toBe(42_430);
  });
});

function request(path: string, options: Readonly<Record<string, string>> = {}): Uint8Array {
  return encode({ kind: 'rrq', path, mode: 'octet', options: new Map(Object.entries(options)), repeated: [] });
}

/** Sends one datagram to the server; its answer, or undefined when none has come. */
async function exchange(bytes: Uint8Array, patienceMs = 10_000): Promise<Buffer | undefined> {
  const socket = createSocket('udp4');
  const answer = new Promise<Buffer | undefined>((resolve) => {
    const silence = setTimeout(resolve, patienceMs, undefined);
    socket.once('message', (reply) => {
      clearTimeout(silence);
      resolve(reply);
    });
  });
  socket.send(bytes, port, '127.0.0.1');
  const result = await answer;
  socket.close();
  return result;
}

async function freePorts(count: number): Promise<number[]> {
  const sockets = Array.from({ length: count }, () => createSocket('udp4'));
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))));
  const ports = sockets.map((socket) => socket.address().port);
  for (const socket of sockets) socket.close();
  return ports;
}
