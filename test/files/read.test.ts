/** The one reader: images confined to their root, rendered files, content frozen while it is open. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, renameSync, statSync, symlinkSync, truncateSync, utimesSync } from 'node:fs';
import { createServer } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Catalog } from '../../src/boot/catalog.ts';
import type { OpenContent, ReadOutcome } from '../../src/boot/content.ts';
import type { Deployment } from '../../src/boot/deployment.ts';
import { rewriteSchema } from '../../src/boot/routes-file.ts';
import { createReader, type DeploymentDesk } from '../../src/files/read.ts';
import { createTemplates } from '../../src/files/templates.ts';
import type { Mac } from '../../src/net/mac.ts';
import { type CatalogSketch, catalogOf } from '../support/catalogs.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const REQUESTER = { ip: '10.77.0.130', transport: 'tftp', localAddress: '10.77.0.1' } as const;

function setUp(
  files: Record<string, string | Uint8Array> = {},
  sketch: CatalogSketch = {},
  epochs = new Int32Array(new SharedArrayBuffer(4)),
  deployments?: DeploymentDesk,
  snapshotOf = (catalog: Catalog) => catalog,
) {
  const tree = temporaryTree({
    'boot-images/debian/linux': 'kernel',
    'secret/key': 'secret',
    'boot-images-evil/key': 'secret',
    ...files,
  });
  const catalog = catalogOf({ routes: [{ path: '*path', image: '*path' }], ...sketch });
  const open = createReader({
    snapshot: () => snapshotOf(catalog),
    epochs,
    templates: createTemplates({ root: tree.at('templates') }),
    imagesRoot: tree.at('boot-images'),
    uploadsRoot: tree.at('uploads'),
    networkOf: () => undefined,
    serverIdentity: (address) => ({ address, httpBase: `http://${address}`, tftpBase: `tftp://${address}` }),
    deployments,
    now: () => NOW,
  });
  return { tree, open: (path: string) => open(path, REQUESTER) };
}

async function content(outcome: Promise<{ kind: string }>): Promise<OpenContent> {
  const opened = await outcome;
  if (opened.kind !== 'content') throw new Error(JSON.stringify(opened));
  return opened as OpenContent;
}

async function textOf(opened: OpenContent): Promise<string> {
  const into = new Uint8Array(opened.size + 10);
  let length = 0;
  for (;;) {
    const count = await opened.read(into.subarray(length, length + 100_000), length);
    if (count === 0) break;
    length += count;
  }
  return new TextDecoder().decode(into.subarray(0, length));
}

/** Long after the files were written: they have settled. */
const NOW = 4_000_000_000_000;

describe('images', () => {
  it('are read with size, type, origin and a validator that changes with the file', async () => {
    const { open, tree } = setUp({ 'boot-images/ipxe/snponly.efi': 'efi' });
    const first = await content(open('/ipxe//snponly.efi'));
    expect(first).toMatchObject({ size: 3, contentType: 'application/efi', origin: 'image ipxe/snponly.efi' });
    expect(await textOf(first)).toBe('efi');
    tree.write('boot-images/ipxe/snponly.efi', 'efi2');
    const second = await content(open('ipxe/snponly.efi'));
    expect(await textOf(second)).toBe('efi2');
    expect(second.etag).not.toBe(first.etag);
  });

  it('are answered from the same memory when small', async () => {
    const { open } = setUp();
    const [first, second] = [await content(open('debian/linux')), await content(open('debian/linux'))];
    expect(first.bytes).toBeDefined();
    expect(second.bytes).toBe(first.bytes);
  });

  it('T-33 stay what they were while they are open, also when another file takes their place', async () => {
    const big = 'a'.repeat(1024 * 1024 + 1);
    const { open, tree } = setUp({ 'boot-images/big': big, 'boot-images/next': 'b'.repeat(big.length) });
    const opened = await content(open('big'));
    expect(opened.bytes).toBeUndefined();
    renameSync(tree.at('boot-images/next'), tree.at('boot-images/big'));
    expect(await textOf(opened)).toBe(big);
    await opened.close();
    await opened.close();
  });

  it.each<[string, (file: string) => void]>([
    ['grows', (file) => appendFileSync(file, 'more')],
    ['is cut', (file) => truncateSync(file, 1024 * 1024)],
    ['has other bytes of the same number', (file) => utimesSync(file, 1, 1)],
  ])('T-33 are no longer read once the open file %s: never half of one and half of another', async (_, write) => {
    const { open, tree } = setUp({ 'boot-images/big': 'a'.repeat(1024 * 1024 + 1) });
    const opened = await content(open('big'));
    expect(await opened.read(Buffer.alloc(1000), 0)).toBe(1000);
    write(tree.at('boot-images/big'));
    await expect(opened.read(Buffer.alloc(1000), 1000)).rejects.toMatchObject({
      code: 'file-changed',
      message: expect.stringContaining('boot-images/big was written to'),
    });
    await opened.close();
  });

  it.each([
    '../secret/key',
    '/../secret/key',
    'debian/../../secret/key',
    '..\\secret\\key',
    'debian\\..\\..\\secret\\key',
    'C:\\..\\secret\\key',
    '../boot-images-evil/key',
    'debian/linux\0.txt',
    '..%2fsecret%2fkey',
    '%2e%2e/secret/key',
    '..%5csecret%5ckey',
    '%252e%252e%252fsecret/key',
    '..%c0%afsecret/key',
    '\uff0e\uff0e/secret/key',
    '..\u2215secret\u2215key',
    './.././secret/key',
    '//../secret/key',
    '....//secret/key',
    'debian/linux/../../../secret/key',
    '/secret/key',
    `${'a/'.repeat(3000)}x`,
    'x'.repeat(300),
  ])('T-9 do not leave the root by %j', async (path) => {
    const { open } = setUp();
    expect((await open(path)).kind).toMatch(/^(?:absent|refused)$/);
  });

  it('T-9 do not leave the root by links, but follow those that stay inside', async () => {
    const { open, tree } = setUp();
    symlinkSync('../secret', tree.at('boot-images/out'));
    symlinkSync(tree.at('secret/key'), tree.at('boot-images/absolute'));
    symlinkSync('../boot-images-evil/key', tree.at('boot-images/evil'));
    symlinkSync('debian', tree.at('boot-images/stable'));
    symlinkSync('loop', tree.at('boot-images/loop'));
    symlinkSync('nowhere', tree.at('boot-images/dangling'));
    for (const path of ['out/key', 'absolute', 'evil', 'loop']) expect((await open(path)).kind, path).toBe('refused');
    expect((await open('dangling')).kind).toBe('absent');
    expect(await textOf(await content(open('stable/linux')))).toBe('kernel');
  });

  it('T-9 are regular files and nothing else', async () => {
    const { open, tree } = setUp();
    execFileSync('mkfifo', [tree.at('boot-images/fifo')]);
    symlinkSync('/dev/null', tree.at('boot-images/device'));
    const server = createServer().listen(tree.at('boot-images/socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    for (const path of ['fifo', 'device', 'socket', 'debian']) expect((await open(path)).kind, path).toBe('refused');
    server.close();
  });

  it('that are missing are absent, below a file as well', async () => {
    const { open } = setUp();
    expect(await open('debian/initrd')).toEqual({ kind: 'absent', reason: 'boot-images: there is no debian/initrd' });
    expect((await open('debian/linux/x')).kind).toBe('absent');
  });
});

describe('rendered files', () => {
  const sketch: CatalogSketch = {
    hosts: { web: { macs: ['52:54:00:00:00:01'], profile: 'menu', vars: { a: 'host' } } },
    profiles: {
      menu: { kind: 'menu', vars: { a: 'menu' } },
      good: {
        kind: 'live',
        menu: true,
        kernel: 'linux',
        args: ['a={{vars.b}}', '{{#if vars.none}}x{{/if}}'],
        vars: { b: 'good' },
      },
      bad: { kind: 'live', menu: true, kernel: 'linux', args: ['a={{vars.nowhere}}'] },
    },
    routes: [
      { path: ':mac.txt', template: 'm.txt.hbs' },
      { path: ':mac.own', template: 'm.txt.hbs', contentType: 'text/x-own' },
    ],
  };
  const template =
    '{{host.name}} {{vars.a}} {{server.httpBase}}{{#each boot.entries}} {{name}}[{{join args ","}}]{{/each}}';

  it('have exact size, type, validator and the host they are for', async () => {
    const { open } = setUp({ 'templates/m.txt.hbs': template }, sketch);
    const opened = await content(open('52-54-00-00-00-01.txt'));
    expect(await textOf(opened)).toBe('web host http://10.77.0.1 good[a=good]');
    expect(opened).toMatchObject({ size: 38, contentType: 'text/plain; charset=utf-8', host: 'web', modifiedAt: NOW });
    expect((await content(open('52-54-00-00-00-01.txt'))).etag).toBe(opened.etag);
    expect((await content(open('52-54-00-00-00-01.own'))).contentType).toBe('text/x-own');
  });

  it('are an error, not silence, when the template is missing', async () => {
    const { open } = setUp({}, sketch);
    await expect(open('52-54-00-00-00-01.txt')).rejects.toMatchObject({ code: 'template-missing' });
  });
});

describe('uploads', () => {
  const routes = [
    { path: 'readable/*name', upload: 'kept/*name', readable: true },
    { path: 'one/*name', upload: 'one/*name', policy: 'overwrite', readable: true },
    { path: 'written/*name', upload: 'kept/*name' },
  ] as const;
  const files = {
    'uploads/kept/r1.20260314T092653Z-9': 'ninth',
    'uploads/kept/r1.20260314T092653Z-10': 'tenth',
    'uploads/kept/r1.20250314T092653Z-99': 'older',
    'uploads/kept/r1.20270314T092653Z-1.txt': 'of another name',
    'uploads/one/r1': 'only',
  };

  it('are read where their row says so, of versions the newest', async () => {
    const { open } = setUp(files, { routes });
    const opened = await content(open('readable/r1'));
    expect(await textOf(opened)).toBe('tenth');
    expect(opened.origin).toBe('upload kept/r1.20260314T092653Z-10');
    await opened.close();
    const only = await content(open('one/r1'));
    expect(await textOf(only)).toBe('only');
    await only.close();
  });

  it.each(['written/r1', 'readable/r2', 'one/../kept/r1', 'uploads/one/r1', 'kept/r1'])(
    'are not read as %s',
    async (path) => {
      const { open } = setUp(files, { routes });
      expect((await open(path)).kind).not.toBe('content');
    },
  );
});

describe('names', () => {
  const rule = (text: object) => rewriteSchema.parse(text);

  it('T-7 are found in any case when the table says so, exact names first', async () => {
    const files = { 'boot-images/Boot/BCD': 'upper', 'boot-images/Boot/bcd': 'lower', 'boot-images/a/B/c.WIM': 'wim' };
    const { open, tree } = setUp(files, { ignoreCase: true });
    expect(await textOf(await content(open('\\Boot\\BCD')))).toBe('upper');
    expect(await textOf(await content(open('\\BOOT\\bcd')))).toBe('lower');
    expect(await content(open('boot/Bcd'))).toMatchObject({ origin: 'image Boot/BCD' });
    expect(await content(open('A/b/C.wim'))).toMatchObject({ origin: 'image a/B/c.WIM', size: 3 });
    expect(await open('a/b/d.wim')).toMatchObject({ kind: 'absent' });
    tree.write('boot-images/a/B/D.wim', 'new');
    expect(await content(open('a/b/d.wim'))).toMatchObject({ origin: 'image a/B/D.wim' });
  });

  it('are taken as they are without that', async () => {
    const { open } = setUp({ 'boot-images/Boot/BCD': 'x' });
    expect(await open('boot/bcd')).toMatchObject({ kind: 'absent' });
  });

  it('in any case lead out of the root no more than others', async () => {
    const { open, tree } = setUp({}, { ignoreCase: true });
    symlinkSync(tree.at('secret'), tree.at('boot-images/Out'));
    expect(await open('OUT/KEY')).toMatchObject({ kind: 'refused' });
  });

  it('are looked for in the directory of the machine, then in the common one', async () => {
    const { open } = setUp(
      { 'boot-images/10.77.0.130/a': 'own', 'boot-images/a': 'common', 'boot-images/b': 'common' },
      {
        rewrites: [rule({ replace: ':ip/$0' }), rule({ match: '^[0-9.]+/(.*)$', whenAbsent: true, replace: '$1' })],
      },
    );
    expect(await textOf(await content(open('a')))).toBe('own');
    expect(await textOf(await content(open('b')))).toBe('common');
    expect(await open('c')).toMatchObject({ kind: 'absent', reason: expect.stringContaining('10.77.0.130/c') });
  });
});

it('a small image that many ask for at once is read once', async () => {
  const { open } = setUp();
  const all = await Promise.all(Array.from({ length: 50 }, () => content(open('debian/linux'))));
  expect(new Set(all.map(({ bytes }) => bytes)).size).toBe(1);
});

describe('what is the same for everybody', () => {
  /** Longer than the tick by which the kernel stamps files. */
  const settle = () => new Promise((resolve) => setTimeout(resolve, 40));

  it('is told of a small image, with the file as it looked and the snapshot it was found by', async () => {
    const { open, tree } = setUp();
    await settle();
    const { common } = await content(open('debian/linux'));
    const { ino, size, mtimeMs } = statSync(tree.at('boot-images/debian/linux'));
    expect(common).toMatchObject({ file: tree.at('boot-images/debian/linux'), look: { ino, size, mtimeMs }, epoch: 0 });
  });

  it('is not told of a file that was written a moment ago: it may be written again and look the same', async () => {
    const { open, tree } = setUp();
    tree.write('boot-images/debian/linux', 'kerne2');
    // The clock stands still: how long a busy machine takes to come here must not matter.
    const { ctimeMs } = statSync(tree.at('boot-images/debian/linux'));
    const clock = vi.spyOn(Date, 'now').mockReturnValue(ctimeMs + 5);
    onTestFinished(() => clock.mockRestore());
    expect((await content(open('debian/linux'))).common).toBeUndefined();
  });

  it('is not told of what comes under a token: the token ends, and its boot has to be noticed', async () => {
    const deployments = { hostOf: () => 'web01', tokenOf: () => '', fetching: async () => {} };
    const sketch = { hosts: { web01: { macs: ['52:54:00:aa:bb:cc'] } } };
    const { open } = setUp({}, sketch, undefined, deployments);
    await settle();
    const opened = await content(open('t/aaaaaaaaaaaaaaaaaaaaaaaaa/debian/linux'));
    expect(opened).toMatchObject({ origin: 'image debian/linux' });
    expect(opened.common).toBeUndefined();
  });

  describe('and may be said again', () => {
    const mac = '52:54:00:aa:bb:cc' as Mac;
    const held = async (open: (path: string) => Promise<ReadOutcome>) => {
      await settle();
      // Whether the file system answers at once is learnt beside the first requests.
      await expect.poll(async () => (await content(open('debian/linux'))).holdsFor?.(REQUESTER)).toBe(true);
      return content(open('debian/linux'));
    };

    it('while its file looks the same', async () => {
      const { open, tree } = setUp();
      const opened = await held(open);
      tree.write('boot-images/debian/linux', 'kerne2');
      expect(opened.holdsFor?.(REQUESTER)).toBe(false);
      expect(await textOf(await content(open('debian/linux')))).toBe('kerne2');
    });

    it('while the snapshot is the one it was found by', async () => {
      let moved = false;
      const { open } = setUp({}, {}, undefined, undefined, (catalog) => (moved ? { ...catalog } : catalog));
      const opened = await held(open);
      moved = true;
      expect(opened.holdsFor?.(REQUESTER)).toBe(false);
    });

    it('without keeping the snapshot, which may be one of thousands of machines', async () => {
      setFlagsFromString('--expose-gc');
      const collect = runInNewContext('gc') as () => void;
      let current: Catalog | undefined;
      const { open } = setUp({}, {}, undefined, undefined, (catalog) => (current ??= { ...catalog }));
      const opened = await held(open);
      const former = new WeakRef(current ?? expect.fail('it was asked for'));
      current = undefined;
      await turn();
      collect();
      expect(former.deref()).toBeUndefined();
      expect(opened.holdsFor?.(REQUESTER)).toBe(false);
    });

    it('not to a machine whose boot is followed: what it fetches has to be noticed', async () => {
      const find = (host: string) => (host === 'web01' ? ({ host } as Deployment) : undefined);
      const { open } = setUp({}, { hosts: { web01: { macs: [mac] } }, deployments: { find } });
      const opened = await held(open);
      expect(opened.holdsFor?.({ ...REQUESTER, mac: '52:54:00:aa:bb:dd' as Mac })).toBe(true);
      expect(opened.holdsFor?.({ ...REQUESTER, mac })).toBe(false);
    });
  });

  it('is not told where a rule looks at who asks, nor of a large file', async () => {
    const rewrites = [rewriteSchema.parse({ match: '^z', replace: 'y', networks: ['10.0.0.0/8'] })];
    const { open } = setUp({}, { rewrites });
    await settle();
    expect((await content(open('debian/linux'))).common).toBeUndefined();
    const large = setUp({ 'boot-images/large': new Uint8Array(2 * 1024 * 1024) });
    await settle();
    const opened = await content(large.open('large'));
    expect(opened.common).toBeUndefined();
    await opened.close();
  });
});
