import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLossyRelay } from '../support/lossy-relay.ts';
import { tftpGet } from '../support/tftp-client.ts';
import { fileBytes, type RunningTftp, startTftp, TFTP_DOORS, type TftpDoorName } from '../support/tftp-server.ts';

const run = promisify(execFile);

let server: RunningTftp['server'];
let port: number;
let events: RunningTftp['events'];
let idle: RunningTftp['idle'];
let directory: string;

const kinds = () => events.map((event) => event.kind);

function serveBy(door: TftpDoorName): void {
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hobnail-tftp-'));
    ({ server, port, events, idle } = await startTftp({}, door));
  });
}

afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

describe.each(TFTP_DOORS)('loss, by the %s door', (door) => {
  serveBy(door);

  it.each([
    [0.05, 1],
    [0.05, 16],
    [0.2, 4],
  ])('T-30 of %f each way with window %i ends in the right bytes, soon', async (loss, windowsize) => {
    const relay = await openLossyRelay({ serverPort: port, seed: 11, loss, copies: 0.05 });
    const options = { blksize: '1428', windowsize: String(windowsize) };
    const startedAt = performance.now();
    const result = await tftpGet({ port: relay.port, path: 'pxelinux.0', options, patienceMs: 1000 });
    expect(result.bytes.equals(fileBytes('pxelinux.0'))).toBe(true);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(relay.lost()).toBeGreaterThan(0);
    await relay.close();
  });
});

describe.each(TFTP_DOORS)('real clients, by the %s door', (door) => {
  serveBy(door);

  const file = () => join(directory, 'got');
  const got = async (path: string) => (await readFile(file())).equals(fileBytes(path));

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
