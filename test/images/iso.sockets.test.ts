/** ISO images as xorriso makes them, and such as were tampered with. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { planIsoImport } from '../../src/images/import-iso.ts';
import { type IsoEntry, openIso } from '../../src/images/iso9660.ts';
import { IsoError } from '../../src/images/iso9660-record.ts';
import { pullBuilds } from '../../src/images/pull.ts';
import { type IsoTree, makeIso } from './archives.ts';

describe.skipIf(!existsSync('/usr/bin/xorriso'))('an ISO image', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'hobnail-test-iso-'));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  const TREE: IsoTree = {
    'casper/vmlinuz': 'kernel',
    'casper/initrd': Buffer.alloc(5000, 7),
    'A long name, with spaces & Ümläuts.txt': 'x',
    'a/b/c/d/e/f/g/h/i/deep': 'deep',
    'dists/stable': { link: 'bookworm' },
    'dists/bookworm/Release': 'release',
    'here/self': { link: '.' },
    empty: '',
  };

  test.each<[string, string[], string, string]>([
    ['Rock Ridge', ['-R'], 'A long name, with spaces & Ümläuts.txt', 'casper/initrd'],
    ['Joliet', ['-J'], 'A long name, with spaces & Ümläuts.txt', 'casper/initrd'],
    ['both', ['-R', '-J'], 'A long name, with spaces & Ümläuts.txt', 'casper/initrd'],
    ['neither', ['-iso-level', '3'], 'empty', 'casper/initrd'],
  ])('with %s names is read', async (_, extensions, name, file) => {
    const links = Object.fromEntries(
      Object.entries(TREE).filter(
        ([, content]) => extensions.includes('-R') || typeof content === 'string' || Buffer.isBuffer(content),
      ),
    );
    const iso = await open(await makeIso(links, extensions, 'LABEL'));
    expect(iso.label).toBe('LABEL');
    expect((await iso.find(name))?.kind).toBe('file');
    expect(await iso.find(file)).toMatchObject({ kind: 'file', size: 5000 });
    expect((await iso.find('a/b/c/d/e/f/g/h/i/deep'))?.kind).toBe('file');
    expect(await iso.find('nothing/there')).toBeUndefined();
  });

  test('has its links followed inside, and listed as links', async () => {
    const iso = await open(await makeIso(TREE));
    expect(await iso.find('dists/stable/Release')).toMatchObject({ kind: 'file', path: 'dists/bookworm/Release' });
    expect(await iso.find('here/self/self/self')).toMatchObject({ kind: 'directory', path: 'here' });
    const all: IsoEntry[] = [];
    for await (const entry of iso.walk('')) all.push(entry);
    expect(all.find(({ path }) => path === 'dists/stable')).toEqual({
      kind: 'link',
      path: 'dists/stable',
      target: 'bookworm',
    });
    expect(all.filter(({ kind }) => kind === 'file')).toHaveLength(6);
  });

  test('of a known layout is imported: kernel, initrd, and the whole tree where that is wanted', async () => {
    const file = join(home, 'installer.iso');
    await writeFile(file, await makeIso(TREE, ['-R'], 'Ubuntu 24.04'));
    const plan = await planIsoImport({ file, tree: true });
    expect(plan).toMatchObject({
      family: 'Ubuntu live',
      label: 'Ubuntu 24.04',
      kernel: 'ubuntu-24.04/vmlinuz',
      initrd: ['ubuntu-24.04/initrd'],
    });
    const root = join(home, 'boot-images');
    const { outcomes } = await pullBuilds([plan.build], { imagesRoot: root });
    expect(outcomes.map(({ kind }) => kind)).toEqual(['placed', 'placed', 'placed']);
    expect(await readFile(join(root, 'ubuntu-24.04/vmlinuz'), 'utf8')).toBe('kernel');
    expect(await readFile(join(root, 'ubuntu-24.04/tree/dists/stable/Release'), 'utf8')).toBe('release');
    expect((await readdir(join(root, '.incoming'))).filter((name) => !name.endsWith('.lock'))).toEqual([]);
  });

  test('without a kernel where distributions keep one says what it has, and takes a path', async () => {
    const file = join(home, 'odd.iso');
    await writeFile(file, await makeIso({ 'kernels/mine': 'k', readme: 'x' }));
    await expect(planIsoImport({ file })).rejects.toMatchObject({
      code: 'image-invalid',
      message: expect.stringMatching(/It has: kernels\/ readme.*--kernel/),
    });
    const plan = await planIsoImport({ file, name: 'odd', kernel: 'kernels/mine' });
    expect(plan.build.files).toEqual([{ from: 'kernels/mine', to: 'odd/vmlinuz', tree: false }]);
  });

  test('with a link that leads out of the tree is refused, and nothing is installed', async () => {
    const file = join(home, 'evil.iso');
    await writeFile(file, await makeIso({ ...TREE, 'pool/x': { link: '../../../../etc/passwd' } }));
    const plan = await planIsoImport({ file, name: 'evil', tree: true });
    const root = join(home, 'boot-images');
    const { outcomes } = await pullBuilds([plan.build], { imagesRoot: root });
    expect(outcomes[0]).toMatchObject({
      kind: 'failed',
      code: 'image-invalid',
      reason: expect.stringContaining('leads out'),
    });
    expect(await readdir(root)).toEqual(['.incoming']);
  });

  test.each([
    ['a parent', 'aaaaaaaa', '../../xx'],
    ['a directory separator', 'aaaaaaaa', 'aaa/bbbb'],
    ['a NUL', 'aaaaaaaa', 'aaa\0bbbb'],
  ])('with %s in a name is refused', async (_, name, evil) => {
    const bytes = await makeIso({ [name]: 'x', 'casper/vmlinuz': 'k', 'casper/initrd': 'i' }, ['-R']);
    for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at + 1)) bytes.write(evil, at, 'latin1');
    const iso = await open(bytes);
    await expect(iso.find('casper/vmlinuz')).rejects.toThrow('would lead out of it');
  });

  test('that is cut short, or no ISO at all, is an IsoError and nothing worse', async () => {
    const whole = await makeIso(TREE);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(whole.length - 1),
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 40 }),
        async (length, patches) => {
          const bytes = Buffer.from(whole);
          // Where the structures are: the rest is content.
          for (const [at, value] of patches) bytes[32_768 + (at % 40_000)] = value;
          try {
            const iso = await open(bytes.subarray(0, Math.max(length, 33_000)));
            let count = 0;
            for await (const entry of iso.walk('')) {
              expect(entry.path.split('/')).not.toContain('..');
              if (++count > 2000) break;
            }
            await iso.find('dists/stable/Release');
          } catch (error) {
            expect(error).toBeInstanceOf(IsoError);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

function open(bytes: Buffer) {
  return openIso(async (position, length) => bytes.subarray(position, position + length));
}
