/** Downloads that go wrong: nothing half is installed, what was there is served on, and the reason is said. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import type { PullProgress } from '../../src/images/outcome.ts';
import type { PackageSource } from '../../src/images/packages.ts';
import { type PullOptions, pullImages } from '../../src/images/pull.ts';
import { createImageService } from '../../src/images/service.ts';
import { findGarbage, removeGarbage, removeImage } from '../../src/images/stock.ts';
import { makeTar, type Packing } from './archives.ts';
import { type FileServer, sha256, startFileServer } from './file-server.ts';

const KERNEL = 'k'.repeat(300_000);
const INITRD = 'i'.repeat(500_000);

let home: string;
let root: string;
let server: FileServer;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'hobnail-test-remote-'));
  root = join(home, 'boot-images');
  server = await startFileServer({ '/os/linux': KERNEL, '/os/initrd': INITRD, '/os/SUMS': sums() });
  await writeCatalog({ source: { url: `${server.url}/os` }, verify: { checksums: 'SUMS' }, files: FILES });
});
afterEach(async () => {
  await server.close();
  await rm(home, { recursive: true, force: true });
});

const PACKINGS: readonly Packing[] = ['plain', 'gzip', 'zstd', 'xz', 'bzip2'];

const FILES = [
  { from: 'linux', to: 'os/linux' },
  { from: 'initrd', to: 'os/initrd' },
];

describe('a server that fails', () => {
  test('in the middle is asked for the rest, and the whole is right', async () => {
    server.faults.set('/os/initrd', [{ kind: 'cut', after: 200_000 }]);
    expect(await pull()).toEqual({ 'os/linux': 'placed', 'os/initrd': 'placed' });
    expect(await text('os/initrd')).toBe(INITRD);
    expect(server.requests.filter((line) => line.startsWith('GET /os/initrd bytes='))).toHaveLength(1);
  });

  test('again and again is given up with the reason; the next pull goes on where this one stopped', async () => {
    server.faults.set(
      '/os/initrd',
      Array.from({ length: 5 }, () => ({ kind: 'cut' as const, after: 50_000 })),
    );
    const report = await pullImages(options());
    expect(report.outcomes[0]).toMatchObject({
      kind: 'missing',
      reason: expect.stringMatching(/initrd: .*5 times.*try again to go on/s),
    });
    expect(await files()).toEqual([]);
    server.requests.length = 0;
    expect(await pull()).toEqual({ 'os/linux': 'placed', 'os/initrd': 'placed' });
    expect(server.requests).toContain('GET /os/initrd bytes=250000-');
    expect(await text('os/initrd')).toBe(INITRD);
  });

  test('with a file that changed in between is read from its beginning', async () => {
    server.faults.set('/os/initrd', [{ kind: 'cut', after: 100_000 }, { kind: 'status', status: 503 }, ...dead(3)]);
    await pull();
    server.files.set('/os/initrd', Buffer.from('another'));
    server.files.set('/os/SUMS', Buffer.from(sums(KERNEL, 'another')));
    expect(await pull()).toEqual({ 'os/linux': 'placed', 'os/initrd': 'placed' });
    expect(await text('os/initrd')).toBe('another');
  });

  test('with a range that was not asked for is not believed', async () => {
    server.faults.set('/os/initrd', [{ kind: 'cut', after: 100_000 }, { kind: 'wrong-range' }]);
    const report = await pullImages(options());
    expect(report.outcomes[0]).toMatchObject({ kind: 'missing', reason: expect.stringContaining('others were sent') });
  });

  test('by silence is given up after a while', async () => {
    server.faults.set(
      '/os/linux',
      Array.from({ length: 5 }, () => ({ kind: 'silence' as const })),
    );
    const report = await pullImages({ ...options(), stallMs: 50 });
    expect(report.outcomes[0]).toMatchObject({ kind: 'missing', reason: expect.stringContaining('nothing came for') });
  });

  test.each([404, 403])('with %i is not asked again', async (status) => {
    server.faults.set('/os/linux', [{ kind: 'status', status }]);
    const report = await pullImages(options());
    expect(report.outcomes[0]).toMatchObject({
      kind: 'missing',
      reason: expect.stringContaining(`the server says ${status}`),
    });
    expect(server.requests.filter((line) => line === 'GET /os/linux')).toHaveLength(1);
  });
});

describe('bytes that are not what was promised', () => {
  test('are not installed, and the old version is served on', async () => {
    await pull();
    server.faults.set('/os/initrd', [{ kind: 'lie' }]);
    const report = await pullImages({ ...options(), force: true });
    expect(report.outcomes[0]).toMatchObject({
      kind: 'failed',
      code: 'image-unproved',
      reason: expect.stringContaining('was promised'),
    });
    expect(await text('os/initrd')).toBe(INITRD);
    expect(await files()).toEqual(['os/initrd', 'os/linux']);
  });

  test('are thrown away: the next pull fetches anew', async () => {
    server.faults.set('/os/linux', [{ kind: 'lie' }]);
    await pull();
    expect(await pull()).toEqual({ 'os/linux': 'placed', 'os/initrd': 'placed' });
  });

  test('of a file the list does not name are not installed', async () => {
    server.files.set('/os/SUMS', Buffer.from(`${sha256(KERNEL)}  linux\n`));
    const report = await pullImages(options());
    expect(report.outcomes[0]).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('SUMS has no digest for initrd'),
    });
    expect(await files()).toEqual([]);
  });

  test('against a digest in the catalogue are not installed', async () => {
    const pinned = FILES.map((file) => ({ ...file, sha256: sha256('something else') }));
    await writeCatalog({ source: { url: `${server.url}/os` }, files: pinned });
    expect(await pull()).toEqual({ 'os/linux': 'failed', 'os/initrd': 'failed' });
  });
});

describe('what stands there already', () => {
  test('of the operator is kept, and nothing else of the image comes either', async () => {
    await write('boot-images/os/initrd', 'my own');
    const report = await pullImages(options());
    expect(report.outcomes[0]).toMatchObject({
      kind: 'failed',
      code: 'already-exists',
      reason: expect.stringContaining('--force'),
    });
    expect(await files()).toEqual(['os/initrd']);
    expect(await pull({ force: true })).toEqual({ 'os/linux': 'placed', 'os/initrd': 'placed' });
  });

  test('and cannot be replaced leaves the others as they were', async () => {
    await pull();
    await rm(join(root, 'os/initrd'));
    await write('boot-images/os/initrd/in-the-way', '');
    const [kernel, initrd] = ['new kernel', 'new initrd'];
    server.files.set('/os/linux', Buffer.from(kernel)).set('/os/initrd', Buffer.from(initrd));
    server.files.set('/os/SUMS', Buffer.from(sums(kernel, initrd)));
    expect(Object.values(await pull({ force: true }))).toEqual(['failed', 'failed']);
    expect(await text('os/linux')).toBe(KERNEL);
  });

  test('is replaced by a new version as one', async () => {
    await pull();
    server.files.set('/os/linux', Buffer.from('new kernel')).set('/os/initrd', Buffer.from('new initrd'));
    server.files.set('/os/SUMS', Buffer.from(sums('new kernel', 'new initrd')));
    await pull({ force: true });
    expect([await text('os/linux'), await text('os/initrd')]).toEqual(['new kernel', 'new initrd']);
  });

  test('and is open in the middle of a boot stays readable to its end', async () => {
    await pull();
    const handle = await open(join(root, 'os/linux'));
    await removeImage(root, 'os', false);
    expect((await handle.readFile()).toString()).toBe(KERNEL);
    await handle.close();
  });
});

test('a second pull of the same image says who has it; the first ends well', async () => {
  server.faults.set('/os/initrd', [{ kind: 'silence' }]);
  const first = pull({ stallMs: 1500 });
  await expect.poll(() => readdir(join(root, '.incoming')).catch(() => [])).toContain('os.lock');
  const second = await pullImages(options());
  expect(second.outcomes[0]).toMatchObject({
    kind: 'failed',
    code: 'busy',
    reason: expect.stringContaining(`process ${process.pid}`),
  });
  expect(await first).toEqual({ 'os/linux': 'placed', 'os/initrd': 'placed' });
});

test('the lock of a process that is gone is taken over', async () => {
  await write('boot-images/.incoming/os.lock', '4194304\n');
  expect(await pull()).toEqual({ 'os/linux': 'placed', 'os/initrd': 'placed' });
});

test('a disk without room is noticed before the first byte is stored', async () => {
  const huge: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (!String(input).endsWith('/initrd')) return response;
    const headers = new Headers(response.headers);
    headers.set('content-length', String(2 ** 60));
    return new Response(response.body, { status: 200, headers });
  };
  const report = await pullImages({ ...options(), fetch: huge });
  expect(report.outcomes[0]).toMatchObject({
    kind: 'failed',
    code: 'disk-full',
    reason: expect.stringContaining('os: initrd needs'),
  });
  expect(await files()).toEqual([]);
});

describe('an archive', () => {
  test.each<[string, Parameters<typeof makeTar>[0], string]>([
    [
      'a name that climbs out',
      [
        { name: '../../etc/cron.d/x', content: 'x' },
        { name: 'linux', content: 'k' },
      ],
      'leads out of the archive',
    ],
    [
      'an absolute name',
      [
        { name: '/etc/passwd', content: 'x' },
        { name: 'linux', content: 'k' },
      ],
      'leads out of the archive',
    ],
    [
      'a link out of its tree',
      [
        { name: 'linux', content: 'k' },
        { name: 'tree/x', type: 'symlink', linkname: '../../../etc/passwd' },
      ],
      'leads out of what is taken',
    ],
    [
      'an absolute link',
      [
        { name: 'linux', content: 'k' },
        { name: 'tree/x', type: 'symlink', linkname: '/etc/passwd' },
      ],
      'leads out of what is taken',
    ],
    [
      'a link that goes up from where another one leads',
      [
        { name: 'linux', content: 'k' },
        { name: 'tree/a/b/c', type: 'symlink', linkname: '../..' },
        { name: 'tree/x', type: 'symlink', linkname: 'a/b/c/../../..' },
      ],
      'leads out of what is taken',
    ],
    [
      'a file behind a link',
      [
        { name: 'linux', content: 'k' },
        { name: 'tree/a/b/c', type: 'symlink', linkname: '../..' },
        { name: 'tree/a/b/c/x', type: 'symlink', linkname: '../../..' },
      ],
      'lies behind the link',
    ],
    [
      'a device',
      [
        { name: 'linux', content: 'k' },
        { name: 'tree/x', type: 'block-device' },
      ],
      'is a block-device',
    ],
    [
      'a link in place of the kernel',
      [
        { name: 'linux', type: 'symlink', linkname: 'tree/y' },
        { name: 'tree/y', content: 'x' },
      ],
      'leads out of what is taken',
    ],
    ['no kernel', [{ name: 'tree/y', content: 'x' }], 'has no linux'],
  ])('with %s is refused, and nothing of it is installed', async (_, members, message) => {
    await tarCatalog(await makeTar(members));
    const report = await pullImages(options());
    expect(report.outcomes[0]).toMatchObject({
      kind: 'failed',
      code: 'image-invalid',
      reason: expect.stringContaining(message),
    });
    expect(await files()).toEqual([]);
  });

  test.each(PACKINGS)('by %s that is cut short is refused', async (packing) => {
    const members = [
      { name: 'linux', content: randomBytes(100_000).toString('hex') },
      { name: 'tree/y', content: randomBytes(100_000).toString('hex') },
    ];
    const whole = await makeTar(members, packing);
    await tarCatalog(whole.subarray(0, whole.length - 2000));
    const { outcomes } = await pullImages(options());
    expect(outcomes[0]).toMatchObject({ kind: 'failed', code: 'image-invalid' });
    expect(await files()).toEqual([]);
  });

  test.each(['gzip', 'zstd', 'xz', 'bzip2'] as const)(
    'of garbage behind the mark of %s is refused',
    async (packing) => {
      const whole = await makeTar([{ name: 'linux', content: KERNEL }], packing);
      await tarCatalog(Buffer.concat([whole.subarray(0, 12), randomBytes(5000)]));
      const { outcomes } = await pullImages(options());
      expect(outcomes[0]).toMatchObject({
        kind: 'failed',
        code: 'image-invalid',
        reason: expect.stringContaining('is not a sound tar archive: '),
      });
      expect(await files()).toEqual([]);
    },
  );

  test.each(PACKINGS)('by %s is taken apart, whatever it is called', async (packing) => {
    const members = [
      { name: 'linux', content: KERNEL },
      { name: 'tree/y', content: INITRD },
    ];
    await tarCatalog(await makeTar(members, packing));
    expect(await pull()).toEqual({ 'os/linux': 'placed', 'os/tree/ (1 files)': 'placed' });
    expect(await text('os/linux')).toBe(KERNEL);
    expect(await text('os/tree/y')).toBe(INITRD);
  });

  test('whose program is not installed says which package has it', async () => {
    await tarCatalog(await makeTar([{ name: 'linux', content: KERNEL }], 'xz'));
    vi.stubEnv('PATH', '/nowhere');
    const { outcomes } = await pullImages(options());
    vi.unstubAllEnvs();
    expect(outcomes[0]).toMatchObject({ kind: 'failed', reason: expect.stringContaining('apt-get install xz-utils') });
  });

  test('is taken apart: files, and a tree with a link inside it', async () => {
    await tarCatalog(
      await makeTar([
        { name: './linux', content: 'k' },
        { name: './tree/sub/y', content: 'y' },
        { name: './tree/z', type: 'symlink', linkname: 'sub/y' },
        { name: './other', content: 'not asked for' },
      ]),
    );
    expect(await pull()).toEqual({ 'os/linux': 'placed', 'os/tree/ (2 files)': 'placed' });
    expect(await text('os/tree/z')).toBe('y');
    expect(await files()).toEqual(['os/linux', 'os/tree/sub/y', 'os/tree/z']);
    await removeImage(root, 'os', false);
    expect(await files()).toEqual([]);
  });
});

describe('a local directory', () => {
  test('is copied, with its digests remembered', async () => {
    await write('mine/linux', 'k');
    await write('mine/tree/y', 'y');
    await writeCatalog({ source: { directory: join(home, 'mine') }, files: TREE });
    expect(await pull()).toEqual({ 'os/linux': 'placed', 'os/tree/ (1 files)': 'placed' });
  });

  test('with a link that leads out is refused', async () => {
    await write('mine/linux', 'k');
    await write('mine/tree/y', 'y');
    await symlink('/etc/passwd', join(home, 'mine/tree/passwd'));
    await writeCatalog({ source: { directory: join(home, 'mine') }, files: TREE });
    expect(Object.values(await pull())).toEqual(['failed', 'failed']);
  });
});

test('a mirror directory stands for the publisher', async () => {
  const host = new URL(server.url).host;
  await write(`mirror/${host}/os/linux`, KERNEL);
  await write(`mirror/${host}/os/initrd`, INITRD);
  await write(`mirror/${host}/os/SUMS`, sums());
  expect(await pull({ mirror: join(home, 'mirror') })).toEqual({ 'os/linux': 'placed', 'os/initrd': 'placed' });
  expect(server.requests).toEqual([]);
});

test('downloads that nobody goes on with can go, and a version with a newer one beside it', async () => {
  server.faults.set('/os/initrd', [{ kind: 'cut', after: 100_000 }, ...dead(4)]);
  await pull();
  const [part = ''] = (await readdir(join(root, '.incoming'))).filter((name) => name.endsWith('initrd.part'));
  const old = new Date(Date.now() - 48 * 3600_000);
  await utimes(join(root, '.incoming', part), old, old);
  await writeCatalog({
    versions: ['2', '1'],
    source: { url: `${server.url}/os` },
    verify: { checksums: 'SUMS' },
    files: [{ from: 'linux', to: 'os/{version}/linux' }],
  });
  await pull({ references: ['os@1'], now: () => 1000 });
  await pull({ references: ['os@2'], now: () => 2000 });
  const unused = await findGarbage(root, () => false, Date.now());
  expect(unused.map(({ what }) => what)).toEqual([`.incoming/${part}`, 'os@1']);
  expect((await findGarbage(root, (path) => path === 'os/1/linux', Date.now())).map(({ kind }) => kind)).toEqual([
    'download',
  ]);
  await removeGarbage(root, unused);
  expect(await files()).toEqual(['os/2/linux']);
});

test('tells the bytes of each file as they come, and how far the check is', async () => {
  const told: PullProgress[] = [];
  await pullImages({ ...options(), onProgress: (event) => told.push(event) });
  const initrd = told.filter((event) => event.kind === 'bytes' && event.file === 'initrd');
  expect(initrd.at(-1)).toMatchObject({ phase: 'check', done: INITRD.length, total: INITRD.length });
  expect(initrd.find((event) => event.kind === 'bytes' && event.phase === 'fetch')).toMatchObject({
    total: INITRD.length,
  });
});

test('a job that is stopped keeps what came, and a job for the same images is not started twice', async () => {
  const events: string[] = [];
  const service = createImageService({
    imagesRoot: root,
    settings: { parallel: 2 },
    onChange: () => {},
    record: ({ kind, summary }) => events.push(`${kind} ${summary}`),
    now: () => 1,
    pullOptions: options(),
  });
  server.faults.set('/os/initrd', [{ kind: 'silence' }]);
  const job = await service.pull(['os'], false);
  expect((await service.pull(['os'], false)).id).toBe(job.id);
  await expect.poll(() => server.requests.includes('GET /os/initrd')).toBe(true);
  service.stop(job.id);
  await expect.poll(() => service.job(job.id)?.state).toBe('stopped');
  const again = await service.pull(['os'], false);
  await expect.poll(() => service.job(again.id)?.state).toBe('done');
  expect(service.job(again.id)?.outcomes.map(({ kind }) => kind)).toEqual(['placed', 'placed']);
  expect(events.at(-1)).toMatch(/^image.pulled os was pulled/);
  await expect(service.pull(['nothing'], false)).rejects.toMatchObject({ code: 'not-found' });
  await service.close();
});

const TREE = [
  { from: 'linux', to: 'os/linux' },
  { from: 'tree', to: 'os/tree', tree: true },
];

function sums(kernel = KERNEL, initrd = INITRD): string {
  return `${sha256(kernel)}  linux\n${sha256(initrd)} *initrd\n`;
}

function dead(times: number) {
  return Array.from({ length: times }, () => ({ kind: 'status' as const, status: 503 }));
}

async function tarCatalog(tar: Buffer): Promise<void> {
  server.files.set('/os.tar.gz', tar);
  server.files.set('/os.tar.gz.sha256', Buffer.from(sha256(tar)));
  await writeCatalog({
    source: { tar: `${server.url}/os.tar.gz` },
    verify: { checksums: 'os.tar.gz.sha256' },
    files: TREE,
  });
}

async function writeCatalog(entry: object): Promise<void> {
  const fixed = { name: 'os', kind: 'system', about: 'for tests', licence: 'MIT' };
  await write('catalog/test.yaml', stringify({ images: [{ ...fixed, ...entry }] }));
}

const packages: PackageSource = { findInstalled: async () => undefined, fetch: async () => new Map() };

function options(): PullOptions {
  return { imagesRoot: root, catalogDirectory: join(home, 'catalog'), references: ['os'], packages, pauseMs: () => 1 };
}

async function pull(more: Partial<PullOptions> = {}): Promise<Record<string, string>> {
  const { outcomes } = await pullImages({ ...options(), ...more });
  return Object.fromEntries(outcomes.map(({ to, kind }) => [to, kind]));
}

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(home, path)), { recursive: true });
  await writeFile(join(home, path), content);
}

const text = (to: string) => readFile(join(root, to), 'utf8');

/** What is served: every file below `boot-images/` that is not hidden. */
async function files(): Promise<string[]> {
  const names = await readdir(root, { recursive: true }).catch(() => []);
  const plain: string[] = [];
  for (const name of names.filter((one) => !one.startsWith('.'))) {
    if (!(await stat(join(root, name))).isDirectory()) plain.push(name);
  }
  return plain.sort();
}
