import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PullReport } from '../../src/images/outcome.ts';
import { createAptSource, type RunCommand } from '../../src/images/packages.ts';
import { type PullOptions, pullImages } from '../../src/images/pull.ts';
import { listImages, removeImage, verifyImages } from '../../src/images/stock.ts';

const CATALOG = `
images:
  - name: ipxe
    kind: loader
    default: true
    source: { deb: ipxe }
    licence: GPL-2.0-or-later
    about: for tests
    files:
      - { from: usr/lib/ipxe/undionly.kpxe, to: ipxe/undionly.kpxe }
      - { from: usr/lib/ipxe/snponly.efi, to: ipxe/snponly.efi }
  - name: grub
    kind: loader
    default: true
    source: { deb: grub-signed }
    licence: GPL-3.0-or-later
    about: for tests
    files:
      - { from: usr/lib/grub/grubnetx64.efi.signed, to: grub/grubnetx64.efi }
`;

let home: string;
let imagesRoot: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'hobnail-test-loaders-'));
  imagesRoot = join(home, 'boot-images');
  await write('catalog/loaders.yaml', CATALOG);
});

afterEach(() => rm(home, { recursive: true, force: true }));

describe('pulling packages', () => {
  test('copies the files of installed packages and asks apt for nothing then', async () => {
    await installAll();
    const report = await pull({ run: noApt });
    expect(kinds(report)).toEqual({
      'ipxe/undionly.kpxe': 'placed',
      'ipxe/snponly.efi': 'placed',
      'grub/grubnetx64.efi': 'placed',
    });
    expect(await text('ipxe/undionly.kpxe')).toBe('undionly v1');
    expect(report.advice).toBeUndefined();
  });

  test('fetches only the packages that are not installed', async () => {
    await write('system/usr/lib/ipxe/undionly.kpxe', 'undionly v1');
    await write('system/usr/lib/ipxe/snponly.efi', 'snponly v1');
    const apt = fakeApt({ 'grub-signed': { 'usr/lib/grub/grubnetx64.efi.signed': 'grub from apt' } });
    const report = await pull({ run: apt.run });
    expect(report.outcomes.at(-1)).toEqual({
      kind: 'placed',
      to: 'grub/grubnetx64.efi',
      image: 'grub',
      from: 'fetched',
      proof: 'package grub-signed, by apt',
    });
    expect(await text('grub/grubnetx64.efi')).toBe('grub from apt');
    expect(apt.calls.filter((call) => call.includes('download'))).toEqual(['apt-get -qq download grub-signed']);
  });

  test('a second run finds everything in place, without apt', async () => {
    const apt = fakeApt(everyPackage);
    await pull({ run: apt.run });
    expect(Object.values(kinds(await pull({ run: noApt })))).toEqual(['present', 'present', 'present']);
  });

  test('follows an installed package to its new version, because the old file was ours', async () => {
    await installAll();
    await pull({ run: noApt });
    await write('system/usr/lib/ipxe/undionly.kpxe', 'undionly v2');
    expect(kinds(await pull({ run: noApt }))['ipxe/undionly.kpxe']).toBe('placed');
    expect(await text('ipxe/undionly.kpxe')).toBe('undionly v2');
  });

  test.each<[string, () => Promise<void>]>([
    ['a file of the operator', () => write('boot-images/ipxe/undionly.kpxe', 'built by hand')],
    ['a link of the operator', () => link('built by hand', 'boot-images/ipxe/undionly.kpxe')],
  ])('%s is kept, and replaced with force only', async (_, prepare) => {
    await installAll();
    await prepare();
    const report = await pull({ run: noApt });
    expect(report.outcomes[0]).toMatchObject({ kind: 'kept', reason: expect.stringContaining('--force') });
    expect(await text('ipxe/undionly.kpxe')).toBe('built by hand');

    await pull({ run: fakeApt(everyPackage).run, force: true });
    expect(await text('ipxe/undionly.kpxe')).toBe('undionly from apt');
  });

  test('a file of ours which the operator changed afterwards is kept', async () => {
    await installAll();
    await pull({ run: noApt });
    await write('boot-images/ipxe/snponly.efi', 'patched');
    expect(kinds(await pull({ run: noApt }))['ipxe/snponly.efi']).toBe('kept');
  });

  test('without apt it says so, file by file, and what to do', async () => {
    const report = await pull({ run: noApt });
    expect(report.outcomes[0]).toEqual({
      kind: 'missing',
      to: 'ipxe/undionly.kpxe',
      image: 'ipxe',
      package: 'ipxe',
      reason: 'this system has no apt',
    });
    expect(report.advice).toContain('apt-get install --no-install-recommends ipxe grub-signed,');
    expect(report.advice).toContain(`under ${imagesRoot}: ipxe/undionly.kpxe, ipxe/snponly.efi, grub/grubnetx64.efi`);
  });

  test('one package that cannot be had does not keep the others away', async () => {
    const { 'grub-signed': _, ...rest } = everyPackage;
    const report = await pull({ run: fakeApt(rest).run });
    expect(kinds(report)).toEqual({
      'ipxe/undionly.kpxe': 'placed',
      'ipxe/snponly.efi': 'placed',
      'grub/grubnetx64.efi': 'missing',
    });
    expect(report.advice).toContain('--no-install-recommends grub-signed,');
  });

  test('fetches package lists of its own once when the system’s do not know a package', async () => {
    const apt = fakeApt(everyPackage, { systemListsAreEmpty: true });
    const report = await pull({ run: apt.run });
    expect(Object.values(kinds(report))).toEqual(['placed', 'placed', 'placed']);
    const updates = apt.calls.filter((call) => call.endsWith(' update'));
    expect(updates).toHaveLength(1);
    expect(updates[0]).toContain('Dir::State::Lists=');
  });

  test('a package without the file names the file', async () => {
    const report = await pull({ run: fakeApt({ ...everyPackage, ipxe: { 'usr/lib/ipxe/other': '' } }).run });
    expect(report.outcomes[0]).toMatchObject({
      kind: 'missing',
      reason: 'the package has no /usr/lib/ipxe/undionly.kpxe in this version',
    });
  });

  test('a link that leads out of a fetched package is not followed', async () => {
    await write('secret', 'the host’s own');
    const apt = fakeApt(everyPackage, {
      afterUnpack: async (directory) => {
        const file = join(directory, 'usr/lib/ipxe/undionly.kpxe');
        await rm(file, { force: true });
        await mkdir(dirname(file), { recursive: true });
        await symlink(join(home, 'secret'), file);
      },
    });
    expect(kinds(await pull({ run: apt.run }))['ipxe/undionly.kpxe']).toBe('missing');
  });

  test.each([
    ['an absolute link inside the package', '/boot/undionly.kpxe'],
    ['a relative link inside the package', '../../../boot/undionly.kpxe'],
    ['a link with more climbs than there are directories', '../../../../../../boot/undionly.kpxe'],
  ])('follows %s', async (_, target) => {
    const ipxe = { 'boot/undionly.kpxe': 'behind the link', 'usr/lib/ipxe/snponly.efi': 'snponly from apt' };
    const apt = fakeApt(
      { ...everyPackage, ipxe },
      {
        afterUnpack: async (directory) => {
          await mkdir(join(directory, 'usr/lib/ipxe'), { recursive: true });
          await symlink(target, join(directory, 'usr/lib/ipxe/undionly.kpxe'));
        },
      },
    );
    await pull({ run: apt.run });
    expect(await text('ipxe/undionly.kpxe')).toBe('behind the link');
  });

  test('a link to itself is no file', async () => {
    const apt = fakeApt(everyPackage, {
      afterUnpack: async (directory) => {
        await rm(join(directory, 'usr/lib/ipxe/undionly.kpxe'), { force: true });
        await mkdir(join(directory, 'usr/lib/ipxe'), { recursive: true });
        await symlink('undionly.kpxe', join(directory, 'usr/lib/ipxe/undionly.kpxe'));
      },
    });
    expect(kinds(await pull({ run: apt.run }))['ipxe/undionly.kpxe']).toBe('missing');
  });

  test('a file that cannot be written is reported with its reason, and nothing half-written stays', async () => {
    await installAll();
    await write('boot-images/ipxe', 'a file where the directory should be');
    const report = await pull({ run: noApt });
    expect(kinds(report)).toEqual({
      'ipxe/undionly.kpxe': 'failed',
      'ipxe/snponly.efi': 'failed',
      'grub/grubnetx64.efi': 'placed',
    });
    expect((await readdir(imagesRoot, { recursive: true })).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('files are readable by everybody, whatever the package says', async () => {
    await installAll();
    await chmod(join(home, 'system/usr/lib/ipxe/undionly.kpxe'), 0o600);
    await pull({ run: noApt });
    expect((await stat(join(imagesRoot, 'ipxe/undionly.kpxe'))).mode & 0o777).toBe(0o644);
  });

  test('leaves no work directory behind', async () => {
    const directories: string[] = [];
    const apt = fakeApt(everyPackage, { afterUnpack: async (directory) => void directories.push(directory) });
    await pull({ run: apt.run });
    expect(directories).not.toEqual([]);
    for (const directory of directories) await expect(readdir(directory)).rejects.toThrow('ENOENT');
  });

  test('tells each outcome as it happens', async () => {
    await installAll();
    const told: string[] = [];
    await pull({
      run: noApt,
      onProgress: (event) => told.push(event.kind === 'outcome' ? event.outcome.to : event.kind),
    });
    expect(told).toEqual(['ipxe/undionly.kpxe', 'ipxe/snponly.efi', 'grub/grubnetx64.efi']);
  });
});

test('the list says which files are there, what proved them, and how large they are', async () => {
  await installAll();
  await pull({ run: noApt });
  await rm(join(imagesRoot, 'ipxe/snponly.efi'));
  const [ipxe, grub] = await listImages({ imagesRoot, catalogDirectory: join(home, 'catalog') });
  expect(ipxe).toMatchObject({ state: 'part', proof: 'package ipxe, by apt', source: 'package ipxe' });
  expect(ipxe?.files).toEqual([
    { to: 'ipxe/undionly.kpxe', present: true },
    { to: 'ipxe/snponly.efi', present: false },
  ]);
  expect(grub).toMatchObject({ state: 'there', bytes: 'grub v1'.length });
});

test('files that were changed or taken away since are found, and a changed one is not removed unasked', async () => {
  await installAll();
  await pull({ run: noApt });
  await write('boot-images/ipxe/undionly.kpxe', 'patched');
  await rm(join(imagesRoot, 'ipxe/snponly.efi'));
  expect((await verifyImages(imagesRoot, [])).map(({ to, state }) => [to, state])).toEqual([
    ['ipxe/undionly.kpxe', 'changed'],
    ['ipxe/snponly.efi', 'gone'],
    ['grub/grubnetx64.efi', 'good'],
  ]);
  expect(await removeImage(imagesRoot, 'ipxe', false)).toEqual({
    removed: ['ipxe/snponly.efi'],
    kept: ['ipxe/undionly.kpxe'],
  });
  expect(await text('ipxe/undionly.kpxe')).toBe('patched');
  await expect(verifyImages(imagesRoot, ['ipxe'])).rejects.toThrow('No image "ipxe" was put there. There are: grub.');
});

test('a package of another architecture is looked for in lists of its own, with that architecture added', async () => {
  await write('catalog/loaders.yaml', CATALOG.replace('deb: grub-signed', 'deb: grub-signed:arm64'));
  const apt = fakeApt(
    { ...everyPackage, 'grub-signed:arm64': everyPackage['grub-signed'] ?? {} },
    { systemListsAreEmpty: true },
  );
  const report = await pull({ run: apt.run });
  expect(kinds(report)['grub/grubnetx64.efi']).toBe('placed');
  expect(apt.calls.find((call) => call.endsWith(' update'))).toContain('-o APT::Architectures::=arm64');
});

const everyPackage: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ipxe: { 'usr/lib/ipxe/undionly.kpxe': 'undionly from apt', 'usr/lib/ipxe/snponly.efi': 'snponly from apt' },
  'grub-signed': { 'usr/lib/grub/grubnetx64.efi.signed': 'grub from apt' },
};

async function installAll(): Promise<void> {
  await write('system/usr/lib/ipxe/undionly.kpxe', 'undionly v1');
  await write('system/usr/lib/ipxe/snponly.efi', 'snponly v1');
  await write('system/usr/lib/grub/grubnetx64.efi.signed', 'grub v1');
}

function pull(options: { run: RunCommand } & Partial<PullOptions>): Promise<PullReport> {
  const { run, ...rest } = options;
  const packages = createAptSource({ systemRoot: join(home, 'system'), run });
  return pullImages({ imagesRoot, catalogDirectory: join(home, 'catalog'), packages, ...rest });
}

const noApt: RunCommand = () => Promise.reject(Object.assign(new Error('spawn apt-get ENOENT'), { code: 'ENOENT' }));

/** apt-get and dpkg-deb over packages that are objects: path in the package → content. */
function fakeApt(
  packages: Readonly<Record<string, Readonly<Record<string, string>>>>,
  options: { systemListsAreEmpty?: boolean; afterUnpack?: (directory: string) => Promise<void> } = {},
): { readonly run: RunCommand; readonly calls: string[] } {
  const calls: string[] = [];
  const run: RunCommand = async (command, args, { cwd }) => {
    calls.push([command, ...args].join(' '));
    const last = args.at(-1) ?? '';
    if (command === 'apt-get' && last === 'update') return;
    if (command === 'apt-get') {
      const ownLists = args.some((argument) => argument.startsWith('Dir::State::Lists='));
      if (!packages[last] || (options.systemListsAreEmpty && !ownLists)) {
        throw new Error(`Unable to locate package ${last}`);
      }
      await writeFile(join(cwd, `${last}_1.0_all.deb`), '');
      return;
    }
    const [, deb = '', directory = ''] = args;
    for (const [path, content] of Object.entries(packages[deb.split('_')[0] ?? ''] ?? {})) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), content);
    }
    await options.afterUnpack?.(directory);
  };
  return { run, calls };
}

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(home, path)), { recursive: true });
  await writeFile(join(home, path), content);
}

async function link(content: string, path: string): Promise<void> {
  await write('elsewhere', content);
  await mkdir(dirname(join(home, path)), { recursive: true });
  await symlink(join(home, 'elsewhere'), join(home, path));
}

const text = (to: string) => readFile(join(imagesRoot, to), 'utf8');

function kinds(report: PullReport): Record<string, string> {
  return Object.fromEntries(report.outcomes.map(({ to, kind }) => [to, kind]));
}
