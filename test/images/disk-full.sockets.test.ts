/** A disk that fills up in the middle of a pull, for real: a small file system of its own. Nothing half stays, the old is served. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { PullProgress } from '../../src/images/outcome.ts';
import { type PullOptions, pullImages } from '../../src/images/pull.ts';
import { verifyImages } from '../../src/images/stock.ts';
import { makeIso, makeTar } from './archives.ts';
import { sha256 } from './file-server.ts';

const MIB = 1024 * 1024;
const OLD = 'the kernel that is served';

let home: string;
let root: string;
let server: Server | undefined;
const isRoot = process.getuid?.() === 0;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'hobnail-test-full-'));
  root = join(home, 'boot-images');
  await mkdir(root);
  // 64 MiB are left free for others by rule; what is above that can be used.
  if (isRoot) execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=100m,mode=0755', 'hobnail-test', root]);
  await mkdir(join(home, 'old'));
  await writeFile(join(home, 'old/linux'), OLD);
  await catalog({ source: { directory: join(home, 'old') }, files: [{ from: 'linux', to: 'os/linux' }] });
});
afterEach(async () => {
  server?.close();
  server?.closeAllConnections();
  server = undefined;
  if (isRoot) execFileSync('umount', [root]);
  await rm(home, { recursive: true, force: true });
});

async function catalog(entry: object): Promise<void> {
  const fixed = { name: 'os', kind: 'system', about: 'for tests', licence: 'MIT' };
  await mkdir(join(home, 'catalog'), { recursive: true });
  await writeFile(join(home, 'catalog/test.yaml'), stringify({ images: [{ ...fixed, ...entry }] }));
}

function remoteCatalog(url: string, content: string | Buffer): Promise<void> {
  return catalog({ source: { url }, files: [{ from: 'linux', to: 'os/linux', sha256: sha256(content) }] });
}

function pull(more: Partial<PullOptions> = {}) {
  const packages = { findInstalled: async () => undefined, fetch: async () => new Map() };
  const fixed = { imagesRoot: root, catalogDirectory: join(home, 'catalog'), references: ['os'], packages };
  return pullImages({ ...fixed, pauseMs: () => 1, ...more });
}

/** Takes all room there is, synchronously: the next byte of anybody finds none. */
function fillUp(): void {
  const file = openSync(join(root, 'filler'), 'w');
  const block = Buffer.alloc(64 * 1024);
  try {
    for (;;) writeSync(file, block);
  } catch {
    // Full, which was wanted.
  } finally {
    closeSync(file);
  }
}

/** Fills the disk once, when `when` first holds. */
function fillWhen(when: (progress: PullProgress) => boolean): Partial<PullOptions> {
  let filled = false;
  return {
    force: true,
    onProgress: (progress) => {
      if (filled || !when(progress)) return;
      filled = true;
      fillUp();
    },
  };
}

const EXPECTED = /^(?:filler|os|os\/linux|\.placed\.json|\.incoming)$/;

/** What must hold after each: the old version is there, is known as ours, and nothing else takes room. */
async function expectOldServed(besides: readonly RegExp[] = []): Promise<void> {
  expect(await readFile(join(root, 'os/linux'), 'utf8')).toBe(OLD);
  const names = await readdir(root, { recursive: true });
  expect(names.filter((name) => ![EXPECTED, ...besides].some((one) => one.test(name)))).toEqual([]);
  await rm(join(root, 'filler'), { force: true });
  expect(await verifyImages(root, [])).toMatchObject([{ to: 'os/linux', state: 'good' }]);
}

test.skipIf(!isRoot)('a download whose size nobody told ends before the disk is full', async () => {
  expect((await pull()).outcomes).toMatchObject([{ kind: 'placed' }]);
  const block = randomBytes(MIB);
  let sent = 0;
  server = createServer(async (_, response) => {
    response.on('error', () => {});
    for (; sent < 500 && !response.destroyed; sent++) await new Promise((resolve) => response.write(block, resolve));
    response.end();
  });
  const url = await listening(server);
  await remoteCatalog(url, block);
  let least = Number.POSITIVE_INFINITY;
  const { outcomes } = await pull({
    force: true,
    onProgress: () => void statfs(root).then(({ bavail, bsize }) => (least = Math.min(least, bavail * bsize))),
  });
  expect(outcomes).toMatchObject([{ kind: 'failed', code: 'disk-full', reason: expect.stringContaining('free') }]);
  expect(least).toBeGreaterThan(40 * MIB);
  await expectOldServed();
});

test.skipIf(!isRoot)('a download during which others fill the disk leaves nothing of itself on it', async () => {
  await pull();
  const whole = randomBytes(8 * MIB);
  server = createServer((_, response) => {
    response.writeHead(200, { 'content-length': whole.length, etag: '"1"' });
    response.write(whole.subarray(0, MIB));
    setTimeout(() => response.end(whole.subarray(MIB)), 300);
  });
  const url = await listening(server);
  await remoteCatalog(url, whole);
  const { outcomes } = await pull(fillWhen((one) => one.kind === 'bytes' && one.done > 0));
  expect(outcomes).toMatchObject([
    { kind: 'failed', code: 'disk-full', reason: expect.stringContaining('hobnail images gc') },
  ]);
  await expectOldServed();
});

test.skipIf(!isRoot)('an ISO of which half was taken out when the disk was full', async () => {
  await pull();
  const file = join(home, 'os.iso');
  await writeFile(file, await makeIso({ linux: randomBytes(4 * MIB), 'tree/a': randomBytes(4 * MIB) }));
  await catalog({
    source: { iso: file },
    files: [
      { from: 'linux', to: 'os/linux' },
      { from: 'tree', to: 'os/tree', tree: true },
    ],
  });
  const { outcomes } = await pull(fillWhen((one) => one.kind === 'bytes' && one.phase === 'extract'));
  expect(outcomes[0]).toMatchObject({ kind: 'failed', code: 'disk-full' });
  await expectOldServed();
});

test.skipIf(!isRoot)('a tar whose second file finds no room', async () => {
  await pull();
  const file = join(home, 'os.tar.xz');
  const members = ['linux', 'tree/a'].map((name) => ({ name, content: randomBytes(100_000).toString('hex') }));
  await writeFile(file, await makeTar(members, 'xz'));
  await catalog({
    source: { tar: file },
    files: [
      { from: 'linux', to: 'os/linux' },
      { from: 'tree', to: 'os/tree', tree: true },
    ],
  });
  const { outcomes } = await pull(fillWhen((one) => one.kind === 'bytes' && one.phase === 'extract'));
  expect(outcomes[0]).toMatchObject({ kind: 'failed', code: 'disk-full' });
  await expectOldServed();
});

test.skipIf(!isRoot)('a disk that is full when all is there but written down', async () => {
  await pull();
  server = createServer((_, response) => response.end('the next kernel'));
  const url = await listening(server);
  await remoteCatalog(url, 'the next kernel');
  const { outcomes } = await pull(fillWhen((one) => one.kind === 'bytes' && one.phase === 'check'));
  expect(outcomes).toMatchObject([{ kind: 'failed', code: 'disk-full' }]);
  // What was fetched whole and proved is kept for the next time.
  await expectOldServed([/^\.incoming\/[^/]+\.part$/]);
  // With room again it comes without more.
  expect((await pull({ force: true })).outcomes).toMatchObject([{ kind: 'placed' }]);
  expect(await readFile(join(root, 'os/linux'), 'utf8')).toBe('the next kernel');
});

async function listening(one: Server): Promise<string> {
  await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(one.address() as AddressInfo).port}`;
}
