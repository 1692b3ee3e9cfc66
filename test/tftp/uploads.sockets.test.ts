import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { encodeNetascii } from '../../src/tftp/netascii.ts';
import { openLossyRelay } from '../support/lossy-relay.ts';
import { type TemporaryTree, temporaryTree } from '../support/temporary-tree.ts';
import { pause, type RunningTftp, startTftp, TFTP_DOORS, type TftpDoorName } from '../support/tftp-server.ts';
import { tftpPut } from '../support/tftp-upload.ts';
import { openUploadRoot, type UploadRoot, type UploadRootOptions } from '../support/upload-root.ts';

const run = promisify(execFile);
const pattern = (size: number) => Buffer.from(Array.from({ length: size }, (_, at) => (at * 31 + (at >>> 9)) & 255));
const config = Buffer.from('hostname r1\ninterface 1\r\n carriage\rend\n'.repeat(400));

let door: TftpDoorName;
let running: RunningTftp;
let port: number;
let tree: TemporaryTree;
let uploads: UploadRoot;

async function start(options: Partial<UploadRootOptions> = {}, settings?: Parameters<typeof startTftp>[0]) {
  await running?.server.close();
  uploads = await openUploadRoot({ root: tree.at('uploads'), settings: { policy: 'create' }, ...options });
  running = await startTftp(settings, door, uploads.open);
  port = running.port;
}

function writeBy(name: TftpDoorName): void {
  beforeEach(async () => {
    door = name;
    tree = temporaryTree();
    await start();
  });
}
afterEach(() => running.server.close());

const stored = (file: string) => readFileSync(tree.at(`uploads/${file}`));
const kinds = () => running.events.map(({ kind }) => kind);

async function nothingLeft(): Promise<void> {
  await running.idle();
  for (let turn = 0; turn < 100 && uploads.files().length > 0; turn++) await pause(10);
  expect(uploads.files()).toEqual([]);
}

describe.each(TFTP_DOORS)('real clients write, by the %s door', (name) => {
  writeBy(name);

  const local = (bytes: Uint8Array) => {
    writeFileSync(tree.at('local'), bytes);
    return tree.at('local');
  };

  it.each([
    ['binary', pattern(300_001)],
    ['binary', pattern(0)],
    ['binary', pattern(1024)],
    ['netascii', config],
  ])('tftp-hpa in %s mode: %#', async (mode, bytes) => {
    await run('tftp', ['-m', mode, '127.0.0.1', String(port), '-c', 'put', local(bytes), 'r1-confg']);
    expect(stored('r1-confg').equals(bytes)).toBe(true);
    await running.idle();
    expect(running.events).toMatchObject([
      {
        kind: 'tftp.done',
        bytes: bytes.length,
        path: 'r1-confg',
        detail: {
          direction: 'write',
          file: 'r1-confg',
          upload: 'id-1',
          unchanged: false,
          sha256: createHash('sha256').update(bytes).digest('hex'),
        },
      },
    ]);
  });

  it.each([
    ['with its defaults', []],
    ['with a window', ['--option', 'windowsize 16', '--option', 'blksize 1428']],
    ['with tsize and timeout', ['--option', 'tsize 0', '--option', 'timeout 3']],
  ])('atftp %s', async (_name, options) => {
    const bytes = pattern(300_001);
    await run('atftp', [...options, '-p', '-l', local(bytes), '-r', 'r1-confg', '127.0.0.1', String(port)]);
    expect(stored('r1-confg').equals(bytes)).toBe(true);
  });

  it.each([[[]], [['--tftp-blksize', '1428']], [['--tftp-no-options']]])('curl %j', async (options) => {
    const bytes = pattern(300_001);
    await run('curl', ['-sS', ...options, '-T', local(bytes), `tftp://127.0.0.1:${port}/r1-confg`]);
    expect(stored('r1-confg').equals(bytes)).toBe(true);
  });

  it.each([[[]], [['-b', '1428']]])('busybox %j', async (options) => {
    const bytes = pattern(300_001);
    const args = ['tftp', '-p', ...options, '-l', local(bytes), '-r', 'r1-confg', '127.0.0.1', String(port)];
    await run('busybox', args);
    expect(stored('r1-confg').equals(bytes)).toBe(true);
  });

  it('T-42 again and again from one port, without waiting', async () => {
    await start({ settings: { policy: 'versions' } });
    const child = run('tftp', ['-m', 'binary', '127.0.0.1', String(port)]);
    for (const text of ['one', 'two']) {
      writeFileSync(tree.at(text), text);
      child.child.stdin?.write(`put ${tree.at(text)} r1\n`);
      child.child.stdin?.write(`put ${tree.at(text)} r1\n`);
    }
    child.child.stdin?.end('quit\n');
    await child;
    // A client that waited for an answer would have asked again.
    expect(running.server.counters()).toMatchObject({ requests: 4, overLimit: 0 });
    expect(uploads.files().map((file) => stored(file).toString())).toEqual(['one', 'two']);
    await running.idle();
    expect(kinds()).toEqual(Array(4).fill('tftp.done'));
  });

  it('T-41 and are told that the file is there', async () => {
    writeFileSync(tree.at('local'), 'x');
    mkdirSync(tree.at('uploads'));
    writeFileSync(tree.at('uploads/r1-confg'), 'old');
    const { stdout, stderr } = await run('tftp', [
      ...['-m', 'binary', '127.0.0.1', String(port)],
      ...['-c', 'put', tree.at('local'), 'r1-confg'],
    ]).catch((error: { stdout: string; stderr: string }) => error);
    expect(stdout + stderr).toMatch(/exists already/);
    expect(stored('r1-confg').toString()).toBe('old');
  });

  it('T-39 curl through a relay that loses 3 %', async () => {
    const relay = await openLossyRelay({ serverPort: port, seed: 5, loss: 0.03 });
    onTestFinished(() => relay.close());
    const bytes = pattern(60_001);
    await run('curl', ['-sS', '--tftp-blksize', '1428', '-T', local(bytes), `tftp://127.0.0.1:${relay.port}/f`]);
    expect(stored('f').equals(bytes)).toBe(true);
  });
});

describe.each(TFTP_DOORS)('a transfer, by the %s door', (name) => {
  writeBy(name);

  it.each([
    ['T-35 with nothing agreed', {}, {}],
    [
      'T-21 with options',
      { blksize: '1428', tsize: '200001', windowsize: '8', timeout: '2' },
      { blksize: '1428', tsize: '200001', windowsize: '8', timeout: '2' },
    ],
  ])('%s', async (_name, options, oack) => {
    const result = await tftpPut({ port, path: 'f', bytes: pattern(200_001), options });
    expect(result.ok).toBe(true);
    expect(Object.fromEntries(result.oack ?? [])).toEqual(oack);
    expect(stored('f').equals(pattern(200_001))).toBe(true);
    expect(uploads.files()).toEqual(['f']);
  });

  it.each([0, 1] as const)(
    'T-25 T-38 of 66,001 blocks, going on with %i unasked',
    async (rollover) => {
      const bytes = pattern(66_000 * 8 + 5);
      expect(await tftpPut({ port, path: 'f', bytes, options: { blksize: '8' }, rollover })).toMatchObject({
        ok: true,
      });
      expect(stored('f').equals(bytes)).toBe(true);
    },
    60_000,
  );

  it('T-44 T-45 T-46 in netascii, with pairs across blocks and windows', async () => {
    const octets = Buffer.from('\n\r\r\n\r\0x\n'.repeat(500));
    const options = { blksize: '9', windowsize: '3' };
    const bytes = encodeNetascii(octets);
    expect(await tftpPut({ port, path: 'f', bytes, mode: 'netascii', options })).toMatchObject({ ok: true });
    expect(stored('f').equals(octets)).toBe(true);
  });

  it.each([
    [0.05, 1],
    [0.05, 16],
    [0.2, 4],
  ])('T-36 with loss of %f each way and window %i', async (loss, windowsize) => {
    const relay = await openLossyRelay({ serverPort: port, seed: 11, loss, copies: 0.05 });
    onTestFinished(() => relay.close());
    const bytes = pattern(60_001);
    const options = { blksize: '1428', windowsize: String(windowsize) };
    expect(await tftpPut({ port: relay.port, path: 'f', bytes, options, patienceMs: 300 })).toMatchObject({ ok: true });
    expect(stored('f').equals(bytes)).toBe(true);
  });

  it('T-42 that is asked for twice is one', async () => {
    expect(await tftpPut({ port, path: 'f', bytes: pattern(2000), copies: 3 })).toMatchObject({ ok: true });
    await running.idle();
    expect(kinds()).toEqual(['tftp.done']);
  });

  it('T-37 with a block that is too long is refused', async () => {
    const result = await tftpPut({ port, path: 'f', bytes: pattern(2000), tooLong: true });
    expect(result.error?.code).toBe(4);
    await nothingLeft();
    expect(kinds()).toEqual(['tftp.failed']);
  });

  it.each([
    ['error', 'tftp.aborted'],
    ['silence', 'tftp.aborted'],
  ] as const)('T-40 that the client leaves with %s leaves nothing', async (how, kind) => {
    await start({}, { giveUpMs: 700 });
    await tftpPut({ port, path: 'a/b/f', bytes: pattern(900_000), stopAt: { block: 800, how } });
    await nothingLeft();
    expect(['tftp.failed', kind]).toContain(kinds()[0]);
    expect(existsSync(tree.at('uploads/a'))).toBe(false);
  });

  it('goes through one port where that is asked for', async () => {
    await start({}, { singlePort: true });
    const result = await tftpPut({ port, path: 'f', bytes: pattern(5000) });
    expect([...result.serverPorts]).toEqual([port]);
    expect(stored('f').equals(pattern(5000))).toBe(true);
  });

  it('is not acknowledged to its end before it is indexed', async () => {
    const order: string[] = [];
    await start({
      record: async (upload) => {
        expect(stored(upload.file).length).toBe(2000);
        await pause(300);
        order.push('indexed');
        return '';
      },
    });
    await tftpPut({ port, path: 'f', bytes: pattern(2000), patienceMs: 100 });
    order.push('acknowledged');
    expect(order).toEqual(['indexed', 'acknowledged']);
  });

  it('fails when the index does, and leaves nothing', async () => {
    await start({
      record: async () => {
        throw new AppError('store-failed', 'the database is locked');
      },
    });
    const result = await tftpPut({ port, path: 'deep/f', bytes: pattern(2000) });
    expect(result.error?.code).toBe(0);
    await nothingLeft();
    expect(existsSync(tree.at('uploads/deep'))).toBe(false);
  });
});

describe.each(TFTP_DOORS)('what may not be written, by the %s door', (name) => {
  writeBy(name);

  it.each([
    ['T-17 T-43 a size over the quota', { tsize: '20000' }, { quotaBytes: 10_000 }],
    ['T-43 a size over the cap', { tsize: '20000' }, { maxBytes: 10_000 }],
    ['T-43 a 64-bit size', { tsize: '18446744073709551615' }, {}],
    ['T-43 too much, undeclared', {}, { maxBytes: 10_000 }],
    ['T-43 too much for all, undeclared', {}, { quotaBytes: 10_000 }],
    ['T-43 too much for one source, undeclared', {}, { quotaPerSourceBytes: 10_000 }],
  ])('%s: ERROR 3', async (_name, options, settings) => {
    await start({ settings: { policy: 'create', ...settings } });
    const result = await tftpPut({ port, path: 'f', bytes: pattern(20_000), options });
    expect(result.error?.code).toBe(3);
    await nothingLeft();
  });

  it.each([
    ['anything, when nothing is set', 'f', {}],
    ['a path out of the tree', '../f', { policy: 'create' }],
    ['a hidden name', 'a/.ssh', { policy: 'create' }],
    ['the place of unfinished uploads', '.incoming/f', { policy: 'overwrite' }],
  ] as const)('T-43 %s: ERROR 2', async (_name, path, settings) => {
    await start({ settings: { policy: 'refuse', ...settings } });
    const result = await tftpPut({ port, path, bytes: pattern(100) });
    expect(result.error?.code).toBe(2);
    await nothingLeft();
    expect(kinds()).toEqual(['tftp.refused']);
  });

  it.runIf(process.getuid?.() === 0)('T-43 more than the disk holds: ERROR 3', async () => {
    const root = tree.at('small');
    mkdirSync(root);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', root]);
    onTestFinished(() => void execFileSync('umount', [root]));
    await start({ root });
    const result = await tftpPut({ port, path: 'f', bytes: pattern(400_000), options: { blksize: '1428' } });
    expect(result.error).toEqual({ code: 3, text: 'The disk is full' });
    await nothingLeft();
    expect(await tftpPut({ port, path: 'f', bytes: pattern(100_000) })).toMatchObject({ ok: true });
    await running.server.close();
  });
});

describe.each(TFTP_DOORS)('two writers of one name, by the %s door', (name) => {
  writeBy(name);

  it.each([
    ['versions', 2],
    ['overwrite', 1],
  ] as const)('with %s both end whole', async (policy, count) => {
    await start({ settings: { policy } });
    const options = { blksize: '512' };
    const [a, b] = [pattern(100_000), Buffer.alloc(90_000, 7)];
    const results = await Promise.all([a, b].map((bytes) => tftpPut({ port, path: 'f', bytes, options })));
    expect(results).toMatchObject([{ ok: true }, { ok: true }]);
    const files = uploads.files();
    expect(files).toHaveLength(count);
    for (const file of files) expect([a, b].some((bytes) => bytes.equals(stored(file)))).toBe(true);
  });

  it('with create the later one is told, and the file is whole', async () => {
    const bytes = pattern(100_000);
    const results = await Promise.all([1, 2].map(() => tftpPut({ port, path: 'f', bytes })));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    expect(results.find(({ ok }) => !ok)?.error?.code).toBe(6);
    expect(uploads.files()).toEqual(['f']);
    expect(stored('f').equals(bytes)).toBe(true);
  });
});

describe.each(TFTP_DOORS)('a start, by the %s door', (name) => {
  writeBy(name);

  it('T-40 takes away what a killed process left', async () => {
    await running.server.close();
    mkdirSync(tree.at('uploads/.incoming'), { recursive: true });
    writeFileSync(join(tree.at('uploads/.incoming'), 'half'), 'half');
    writeFileSync(tree.at('uploads/kept'), 'kept');
    await start();
    expect(uploads.files()).toEqual(['kept']);
    expect(readdirSync(tree.at('uploads/.incoming'))).toEqual([]);
  });
});
