import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenPath } from '../../src/boot/content.ts';
import type { BootEvent } from '../../src/boot/event.ts';
import { AppError } from '../../src/errors.ts';
import { parseMac } from '../../src/net/mac.ts';
import { encode } from '../../src/tftp/packet.ts';
import { createTftpServer, type TftpServer, type TftpServerDeps } from '../../src/tftp/server.ts';
import { contentOf, type FakeContent } from '../support/content.ts';
import { openDgramListener } from '../support/dgram-listener.ts';
import { openLossyRelay } from '../support/lossy-relay.ts';
import { decodeNetascii } from '../support/netascii.ts';
import { randomOf } from '../support/send-simulation.ts';
import { tftpGet } from '../support/tftp-client.ts';

const run = promisify(execFile);

const pattern = (size: number) => Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >>> 9)) & 255);
const FILES: Readonly<Record<string, { bytes: Uint8Array; streamed?: boolean }>> = {
  'pxelinux.0': { bytes: pattern(42_430) },
  empty: { bytes: new Uint8Array(0) },
  exact: { bytes: pattern(1024) },
  linux: { bytes: pattern(3_000_001), streamed: true },
  'empty-streamed': { bytes: new Uint8Array(0), streamed: true },
  long: { bytes: pattern(66_000 * 64 + 5), streamed: true },
  'text.cfg': { bytes: Buffer.from('line\nand\r\ncarriage\r'.repeat(300)) },
  'text-streamed.cfg': { bytes: Buffer.from('line\nand\r\ncarriage\r'.repeat(300)), streamed: true },
};

let server: TftpServer;
let port: number;
let events: BootEvent[];
let asked: Parameters<OpenPath>[];
let opened: FakeContent[];
let directory: string;
let now: number;

const open: OpenPath = async (path, requester) => {
  asked.push([path, requester]);
  if (path === 'secret') return { kind: 'refused', reason: 'a rule of /etc/hobnail says so' };
  if (path === 'broken.cfg') throw new AppError('template-failed', 'templates/broken.hbs:3: no such value');
  if (path === 'rotten') {
    const content = contentOf(pattern(500_000), { streamed: true, rottenFrom: 100_000 });
    opened.push(content);
    return content;
  }
  if (path === 'bug') throw new TypeError('x is not a function');
  const file = FILES[path.replace(/^\/+/, '')];
  if (!file) return { kind: 'absent', reason: 'no file route matches' };
  const content = contentOf(file.bytes, { streamed: file.streamed ?? false });
  opened.push(content);
  return content;
};

async function start(settings: TftpServerDeps['settings'] = {}): Promise<void> {
  await server?.close();
  server = createTftpServer({
    openListener: openDgramListener,
    open,
    findMac: (ip) => (ip === '127.0.0.1' ? parseMac('52:54:00:aa:bb:cc') : undefined),
    record: (event) => events.push(event),
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    now: () => now++,
    settings: { port: 0, ...settings },
  });
  await server.setAddresses([{ address: '127.0.0.1' }]);
  port = server.listeners()[0]?.port ?? 0;
}

/** Waits until every transfer has ended and its content is closed. */
async function idle(): Promise<void> {
  for (let turn = 0; turn < 500 && server.transfers().length > 0; turn++) await pause(10);
  expect(server.transfers()).toEqual([]);
  expect(opened.every((content) => content.isClosed())).toBe(true);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const kinds = () => events.map((event) => event.kind);

beforeEach(async () => {
  events = [];
  asked = [];
  opened = [];
  now = 1_700_000_000_000;
  directory = await mkdtemp(join(tmpdir(), 'hobnail-tftp-'));
  await start();
});

afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

describe('what firmware asks', () => {
  it.each([
    ['iPXE', 'pxelinux.0', { blksize: '1432', tsize: '0' }, { blksize: '1432', tsize: '42430' }],
    ['PXELINUX', 'linux', { tsize: '0', blksize: '1408' }, { tsize: '3000001', blksize: '1408' }],
    ['EDK2', 'linux', { blksize: '1468', windowsize: '4' }, { blksize: '1468', windowsize: '4' }],
    ['shim', 'pxelinux.0', { blksize: '512', windowsize: '4' }, { blksize: '512', windowsize: '4' }],
    ['GRUB', '/linux', { blksize: '1024', tsize: '0' }, { blksize: '1024', tsize: '3000001' }],
  ])('%s gets its file whole', async (_client, path, options, oack) => {
    const result = await tftpGet({ port, path, options });
    expect(Object.fromEntries(result.oack ?? [])).toEqual(oack);
    expect(result.bytes.equals(FILES[path.replace('/', '')]?.bytes ?? Buffer.of(1))).toBe(true);
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
    expect(result.bytes.equals(FILES[path]?.bytes ?? Buffer.of(1))).toBe(true);
  });

  it.each([
    [4, '0'],
    [16, '1'],
  ])(
    'T-25 a file of 66,001 blocks with window %i, rolling over to %s',
    async (windowsize, rollover) => {
      const options = { blksize: '64', windowsize: String(windowsize), rollover };
      const result = await tftpGet({ port, path: 'long', options });
      expect(result.bytes.equals(FILES.long?.bytes ?? Buffer.of(1))).toBe(true);
    },
    120_000,
  );

  it.each(['text.cfg', 'text-streamed.cfg'])('T-44 T-46 %s in netascii, with a window', async (path) => {
    const options = { blksize: '101', windowsize: '5', tsize: '0' };
    const { bytes, oack } = await tftpGet({ port, path, mode: 'netascii', options });
    expect(Buffer.from(decodeNetascii(bytes)).equals(FILES[path]?.bytes ?? Buffer.of(1))).toBe(true);
    expect(oack?.get('tsize')).toBe(path === 'text.cfg' ? String(bytes.length) : undefined);
  });

  it('T-55 two requests from one port are one transfer', async () => {
    const result = await tftpGet({ port, path: 'pxelinux.0', copies: 2, options: { blksize: '1432' } });
    expect(result.bytes.length).toBe(42_430);
    await idle();
    expect(kinds()).toEqual(['tftp.done']);
    expect(opened.length).toBe(1);
  });

  it('T-8 a name with rubbish behind it is found without', async () => {
    const result = await tftpGet({ port, path: 'pxelinux.0\u00ff\u0001' });
    expect(result.bytes.length).toBe(42_430);
    await idle();
    expect(events[0]).toMatchObject({ path: 'pxelinux.0', detail: { askedPath: 'pxelinux.0\u00ff\u0001' } });
  });
});

describe('what cannot be had', () => {
  it.each([
    ['T-62 nothing there', 'pxelinux.cfg/01-52', 1, 'file not found', 'tftp.absent', 'no file route matches'],
    ['T-49 a path that is refused', 'secret', 2, 'access refused', 'tftp.refused', 'a rule of /etc/hobnail says so'],
    ['a resource that fails', 'broken.cfg', 0, 'A template could not be rendered', 'tftp.failed', 'no such value'],
    ['a bug', 'bug', 0, 'A bug in Hobnail', 'tftp.failed', 'A bug in Hobnail'],
  ])('%s is answered at once', async (_name, path, code, text, kind, reason) => {
    const startedAt = performance.now();
    const result = await tftpGet({ port, path, options: { blksize: '1408', tsize: '0' } });
    expect(performance.now() - startedAt).toBeLessThan(500);
    expect(result.error).toEqual({ code, text });
    await idle();
    expect(events).toMatchObject([{ kind, path, summary: expect.stringContaining(reason) }]);
    expect(server.counters().bugs).toBe(path === 'bug' ? 1 : 0);
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
    expect(kinds()).toEqual(['tftp.refused']);
  });

  it('T-2 a malformed request gets ERROR 4, T-1 anything else silence', async () => {
    expect((await exchange(Buffer.from('\0\x01name\0mail\0')))?.subarray(0, 4)).toEqual(Buffer.of(0, 5, 0, 4));
    expect(await exchange(Buffer.from('\0\x01name'))).toBeUndefined();
    expect(await exchange(Buffer.of(0, 4, 0, 1))).toBeUndefined();
    expect(await exchange(Buffer.of(0, 5, 0, 1, 0))).toBeUndefined();
    expect(server.counters()).toMatchObject({ malformed: 2, stray: 2, requests: 0 });
  });

  it('T-71 requests over the limit are dropped, and served when there is room', async () => {
    await start({ admission: { maxTransfers: 100, maxTransfersPerSource: 2, startsPerSecond: 1000 } });
    const results = await Promise.all([1, 2, 3, 4].map(() => tftpGet({ port, path: 'pxelinux.0', patienceMs: 100 })));
    expect(results.map((result) => result.bytes.length)).toEqual([42_430, 42_430, 42_430, 42_430]);
    expect(server.counters().overLimit).toBeGreaterThanOrEqual(1);
  });

  it('T-53 a port range that is used up answers busy', async () => {
    const [free] = await freePorts(1);
    await start({ portRange: { first: free ?? 0, last: free ?? 0 } });
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

describe('the door', () => {
  it('T-52 answers everything from one port in single-port mode', async () => {
    await start({ singlePort: true });
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
    const url = `tftp://[::1]:${server.listeners()[0]?.port}/linux`;
    await run('curl', ['-sS', '--tftp-blksize', '8192', '-o', join(directory, 'got'), url]);
    expect((await readFile(join(directory, 'got'))).equals(FILES.linux?.bytes ?? Buffer.of(1))).toBe(true);
    expect(events[0]).toMatchObject({ ip: '::1', detail: { blksize: 1448 } });
  });

  it('T-74 lets a running transfer end, within the time it is given, and starts no other', async () => {
    const running = tftpGet({ port, path: 'linux', options: { blksize: '512' } });
    while (server.transfers().length === 0) await pause(1);
    await server.close({ drainMs: 10_000 });
    expect((await running).bytes.length).toBe(3_000_001);
  });

  it('T-75 takes 5,000 random datagrams without raising or keeping anything', async () => {
    const random = randomOf(42);
    const taken = () => {
      const { malformed, stray, requests } = server.counters();
      return malformed + stray + requests;
    };
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    for (let count = 0; count < 5000; count++) {
      const bytes = Buffer.from(Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256)));
      // Half of them with an opcode that leads somewhere.
      if (bytes.length > 1 && random() < 0.5) bytes.set([0, Math.floor(random() * 8)]);
      socket.send(bytes, port, '127.0.0.1');
      // No faster than it takes them: what the kernel drops would test nothing.
      for (let turn = 0; count % 50 === 49 && taken() < count && turn < 100; turn++) await pause(1);
    }
    await pause(50);
    socket.close();
    await idle();
    const { bugs, overLimit } = server.counters();
    expect(taken()).toBe(5000);
    expect([bugs, overLimit]).toEqual([0, 0]);
    expect((await tftpGet({ port, path: 'pxelinux.0' })).bytes.length).toBe(42_430);
  });
});

describe('loss', () => {
  it.each([
    [0.05, 1],
    [0.05, 16],
    [0.2, 4],
  ])('T-30 of %f each way with window %i ends in the right bytes, soon', async (loss, windowsize) => {
    const relay = await openLossyRelay({ serverPort: port, seed: 11, loss, copies: 0.05 });
    const options = { blksize: '1428', windowsize: String(windowsize) };
    const startedAt = performance.now();
    const result = await tftpGet({ port: relay.port, path: 'pxelinux.0', options, patienceMs: 1000 });
    expect(result.bytes.equals(FILES['pxelinux.0']?.bytes ?? Buffer.of(1))).toBe(true);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(relay.lost()).toBeGreaterThan(0);
    await relay.close();
  });
});

describe('real clients', () => {
  const file = () => join(directory, 'got');
  const got = async (path: string) => (await readFile(file())).equals(FILES[path]?.bytes ?? Buffer.of(1));

  it.each(['pxelinux.0', 'exact', 'linux'])('curl reads %s', async (path) => {
    await run('curl', ['-sS', '--tftp-blksize', '1468', '-o', file(), `tftp://127.0.0.1:${port}/${path}`]);
    expect(await got(path)).toBe(true);
    await idle();
    expect(kinds()).toEqual(['tftp.done']);
  });

  it('curl is told what is not there', async () => {
    await expect(run('curl', ['-sS', '-o', file(), `tftp://127.0.0.1:${port}/nothing`])).rejects.toMatchObject({
      code: 68,
    });
  });

  it.each([
    ['binary', 'linux'],
    ['binary', 'empty'],
    ['netascii', 'text.cfg'],
    ['netascii', 'text-streamed.cfg'],
  ])('tftp-hpa reads in %s mode: %s', async (mode, path) => {
    await run('tftp', ['-m', mode, '127.0.0.1', String(port), '-c', 'get', path, file()]);
    expect(await got(path)).toBe(true);
  });

  it.each([
    ['with its defaults', []],
    ['with a window', ['--option', 'windowsize 16', '--option', 'blksize 1428']],
    ['with tsize and timeout', ['--option', 'tsize 0', '--option', 'timeout 3']],
  ])('atftp reads %s', async (_name, options) => {
    await run('atftp', [...options, '-g', '-r', 'linux', '-l', file(), '127.0.0.1', String(port)]);
    expect(await got('linux')).toBe(true);
  });

  it.each([
    ['with its defaults', []],
    ['with a block size', ['-b', '1428']],
  ])('busybox reads %s', async (_name, options) => {
    await run('busybox', ['tftp', '-g', ...options, '-r', 'linux', '-l', file(), '127.0.0.1', String(port)]);
    expect(await got('linux')).toBe(true);
  });

  it('curl reads through a relay that loses 2 %', async () => {
    const relay = await openLossyRelay({ serverPort: port, seed: 5, loss: 0.02 });
    await run('curl', ['-sS', '--tftp-blksize', '1468', '-o', file(), `tftp://127.0.0.1:${relay.port}/pxelinux.0`]);
    expect(await got('pxelinux.0')).toBe(true);
    await relay.close();
  });
});

function request(path: string, options: Readonly<Record<string, string>> = {}): Uint8Array {
  return encode({ kind: 'rrq', path, mode: 'octet', options: new Map(Object.entries(options)), repeated: [] });
}

/** Sends one datagram to the server; its answer, or undefined after 150 ms. */
async function exchange(bytes: Uint8Array): Promise<Buffer | undefined> {
  const socket = createSocket('udp4');
  const answer = new Promise<Buffer | undefined>((resolve) => {
    socket.once('message', resolve);
    setTimeout(resolve, 150, undefined);
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
