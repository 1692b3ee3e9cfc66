import { createSocket } from 'node:dgram';
import { mkdtempSync, readdirSync, readFileSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { OpenContent } from '../../src/boot/content.ts';
import { loadLibc } from '../../src/os/libc.ts';
import { createFastTftpServer } from '../../src/tftp/fast-server.ts';
import { contentOf, type FakeContent } from '../support/content.ts';
import { openDgramListener } from '../support/dgram-listener.ts';
import { tftpGet } from '../support/tftp-client.ts';
import { pause } from '../support/tftp-server.ts';

const BYTES = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 7) & 255);

it('a thread that dies again and again is replaced by the portable door, and clients get their file', async () => {
  const opened: FakeContent[] = [];
  const { server, port, lines } = await start(new URL('../support/dying-thread.ts', import.meta.url), opened);
  expect(server.door().kind).toBe('fast');
  for (let count = 0; count < 20 && server.door().kind === 'fast'; count++) {
    await pause(100);
    // One block: a thread that dies in between has answered, or is asked again.
    expect((await tftpGet({ port, path: 'small', patienceMs: 100 })).bytes.length).toBe(700);
  }
  const result = await tftpGet({ port, path: 'kernel', options: { blksize: '1428' } });
  expect(result.bytes.equals(BYTES)).toBe(true);
  expect(server.door()).toEqual({ kind: 'portable', reason: expect.stringContaining('ended 4 times') });
  expect(lines.filter((line) => line.includes('x is not a function')).length).toBeGreaterThanOrEqual(4);
  // The port is the one the dead threads had: their sockets were closed behind them.
  expect(server.listeners()).toMatchObject([{ port }]);
  await server.close();
  expect(opened.every((content) => content.isClosed())).toBe(true);
});

it('a thread that cannot even start leaves it to the portable door at once', async () => {
  const { server, port } = await start(new URL('../support/no-such-thread.ts', import.meta.url), []);
  expect(server.door()).toMatchObject({ kind: 'portable' });
  expect((await tftpGet({ port, path: 'kernel', options: { blksize: '1428' } })).bytes.length).toBe(BYTES.length);
  await server.close();
});

it('leaves no descriptor behind after a hundred transfers', async () => {
  const { server, port } = await start(undefined, []);
  const get = async (path: string) => {
    await tftpGet({ port, path, options: { blksize: '1428' } });
    // The client is done before the server has heard of it.
    await expect.poll(() => server.running(), { interval: 2 }).toBe(0);
  };
  await get('kernel');
  const before = readdirSync('/proc/self/fd').length;
  for (let count = 0; count < 100; count++) await get('small');
  expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 2);
  await server.close();
  expect(readdirSync('/proc/self/fd').length).toBeLessThan(before);
});

it('what is the same for everybody is opened once, and again when its file or the catalog is another', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'hobnail-fast-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'loader');
  writeFileSync(file, 'first');
  const epochs = new Int32Array(new SharedArrayBuffer(4));
  let opened = 0;
  const { server, port } = await start(undefined, [], () => {
    opened++;
    const look = statSync(file);
    return { ...contentOf(readFileSync(file)), common: { file, look: lookOf(look), epochs, epoch: epochs[0] ?? 0 } };
  });
  const get = async () => (await tftpGet({ port, path: 'loader' })).bytes.toString();
  expect([await get(), await get(), await get(), opened]).toEqual(['first', 'first', 'first', 1]);
  writeFileSync(file, 'the second');
  expect([await get(), await get(), opened]).toEqual(['the second', 'the second', 2]);
  Atomics.add(epochs, 0, 1);
  expect([await get(), opened]).toEqual(['the second', 3]);
  expect(server.counters()).toMatchObject({ requests: 6, bugs: 0 });
  await server.close();
});

it('the thread counts what it did and tells the main thread', async () => {
  const { server, port } = await start(undefined, []);
  const transfers = [1, 2, 3, 4].map(() => tftpGet({ port, path: 'kernel', options: { windowsize: '16' } }));
  await Promise.all(transfers);
  expect(server.counters()).toMatchObject({ requests: 4, bugs: 0, sendErrors: 0 });
  await server.close();
});

function lookOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats) {
  return { dev, ino, size, mtimeMs, ctimeMs };
}

async function start(script: URL | undefined, opened: FakeContent[], open?: () => OpenContent) {
  const lines: string[] = [];
  const say = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const load = loadLibc();
  if (load.kind !== 'loaded') throw new Error(load.reason);
  const server = createFastTftpServer({
    openListener: openDgramListener,
    open: async (path) => {
      if (open) return open();
      const content = contentOf(path === 'small' ? BYTES.subarray(0, 700) : BYTES);
      opened.push(content);
      return content;
    },
    findMac: () => undefined,
    record: () => {},
    log: { debug: say, info: say, warn: say, error: say },
    now: Date.now,
    settings: { port: await freePort() },
    closeDescriptor: load.libc.close,
    ...(script && { script }),
  });
  await server.setAddresses([{ address: '127.0.0.1' }]);
  return { server, port: server.listeners()[0]?.port ?? 0, lines };
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  socket.close();
  return port;
}
