import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LOADER_FILES } from '../../src/boot/loaders.ts';
import type { AppError } from '../../src/errors.ts';
import { defaultBuild, findBuild } from '../../src/images/build.ts';
import { parseCatalog, readCatalog } from '../../src/images/catalog.ts';

/** Firmware for which Debian has no package at all: the operator brings these. */
const NOT_IN_DEBIAN = /ipxe\/.*(ia32|arm64)|grubnetia32|arm32|riscv64|loong64/;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hobnail-test-catalog-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('the shipped catalogue', () => {
  test('can fill every loader the decision table hands out, but for those the distribution lacks', async () => {
    const entries = await readCatalog(root);
    const provided = new Set(entries.flatMap(({ files }) => files.map(({ to }) => to)));
    const unfilled = LOADER_FILES.map(({ image }) => image).filter((image) => !provided.has(image));
    expect(unfilled.filter((image) => !NOT_IN_DEBIAN.test(image))).toEqual([]);
    expect([...provided].filter((to) => NOT_IN_DEBIAN.test(to) && !to.startsWith('memtest/'))).toEqual([]);
  });

  test('brings by default what BIOS and x64 machines need, and the modules PXELINUX asks for beside itself', async () => {
    const entries = (await readCatalog(root)).filter((entry) => entry.default);
    const provided = entries.flatMap(({ files }) => files.map(({ to }) => to));
    for (const name of ['ldlinux.c32', 'libcom32.c32', 'libutil.c32', 'menu.c32', 'vesamenu.c32', 'chain.c32']) {
      expect(provided).toContain(`pxelinux/${name}`);
    }
    expect(provided).toEqual(expect.arrayContaining(['ipxe/undionly.kpxe', 'ipxe/snponly.efi', 'grub/shimx64.efi']));
  });

  test.each([
    ...['ipxe', 'pxelinux', 'pxelinux-modules', 'grub-x64', 'grub-arm64', 'shim-x64', 'shim-arm64', 'memtest86'],
    ...['debian-12', 'debian-12-arm64', 'ubuntu', 'fedora', 'rocky', 'almalinux', 'opensuse-leap', 'alpine', 'arch'],
    ...['flatcar', 'fedora-coreos', 'talos', 'proxmox', 'systemrescue', 'clonezilla', 'netboot.xyz'],
  ])('has %s, with its licence, and no name left to be filled in', async (name) => {
    const entry = (await readCatalog(root)).find((one) => one.name === name);
    expect(entry?.licence).toBeTruthy();
    const build = entry && defaultBuild(entry);
    const { '{file}': _, ...rest } = { '{file}': '', ...build };
    expect(JSON.stringify([rest.source, rest.files])).not.toMatch(/\{\w+\}/);
  });
});

describe('a reference', () => {
  test.each([
    ['alpine', 'alpine@3.24.2/amd64', 'v3.24/releases/x86_64/alpine-netboot-3.24.2-x86_64.tar.gz'],
    ['alpine/arm64', 'alpine@3.24.2/arm64', 'v3.24/releases/aarch64/alpine-netboot-3.24.2-aarch64.tar.gz'],
    ['alpine@3.23.1', 'alpine@3.23.1/amd64', 'v3.23/releases/x86_64/alpine-netboot-3.23.1-x86_64.tar.gz'],
  ])('%s means %s, also of a version the catalogue does not list', async (reference, full, path) => {
    const build = findBuild(await readCatalog(root), reference);
    expect(build.reference).toBe(full);
    expect(JSON.stringify(build.source)).toContain(path);
  });

  test.each([
    ['alpin', 'not-found', 'Did you mean "alpine"?'],
    ['alpine@../../etc', 'request-invalid', 'cannot be a version'],
    ['alpine@-x', 'request-invalid', 'cannot be a version'],
    ['alpine/sparc', 'request-invalid', 'it has amd64, arm64'],
    ['ipxe@1', 'request-invalid', 'no versions'],
  ])('%s is refused with %s', async (reference, code, text) => {
    const entries = await readCatalog(root);
    expect(() => findBuild(entries, reference)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(text) }),
    );
  });
});

describe('an operator’s own catalogue', () => {
  const own = (name: string, to: string) =>
    `images: [{ name: ${name}, kind: tool, about: x, licence: MIT, source: { directory: /srv }, files: [{ from: a, to: ${to} }] }]`;

  test('stands beside the shipped one, and replaces an entry of the same name', async () => {
    await write('catalog/mine.yaml', own('mine', 'mine/a'));
    await write('catalog/talos.yaml', own('talos', 'talos/a'));
    const entries = await readCatalog(root);
    expect(entries.find(({ name }) => name === 'mine')?.files[0]?.to).toBe('mine/a');
    expect(entries.filter(({ name }) => name === 'talos')).toHaveLength(1);
    expect(entries.find(({ name }) => name === 'talos')?.source).toEqual({ directory: '/srv' });
  });

  test('two entries for one place are refused, naming both', async () => {
    await write('catalog/mine.yaml', own('mine', 'ipxe/snponly.efi'));
    const error = await readCatalog(root).catch((caught: AppError) => caught);
    expect((error as AppError).problems[0]?.message).toBe('ipxe and mine both go to ipxe/snponly.efi');
  });

  test('one name in two files is refused', async () => {
    await write('catalog/a.yaml', own('mine', 'a/a'));
    await write('catalog/b.yaml', own('mine', 'b/a'));
    await expect(readCatalog(root)).rejects.toMatchObject({
      problems: [{ message: '"mine" stands in a.yaml already' }],
    });
  });
});

describe('parseCatalog', () => {
  const entry = (files: string, more = 'source: { deb: xx }') =>
    `images:\n  - { name: x, kind: tool, licence: MIT, about: x, ${more}, files: [${files}] }`;
  const url = (more: string) => entry('{ from: a, to: b }', `source: { url: 'https://example.net/x/' }${more}`);

  test.each<[string, string, string]>([
    ['broken YAML', 'images: [', 'Flow sequence'],
    ['a target that climbs out', entry('{ from: a, to: ../b }'), 'not a relative path'],
    ['a target with a climb inside', entry('{ from: a, to: a/../../b }'), 'not a relative path'],
    ['an absolute source', entry('{ from: /etc/shadow, to: b }'), 'not a relative path'],
    ['a hidden target', entry('{ from: a, to: .placed.json }'), 'not a relative path'],
    [
      'a package name with an option in it',
      entry('{ from: a, to: b }', 'source: { deb: --help }'),
      'not a package name',
    ],
    ['an unknown key', entry('{ from: a, to: b, mode: 7 }'), 'Unrecognized key'],
    ['no file at all', entry(''), 'Too small'],
    ['an address that nothing proves', url(''), 'needs checksums, a signature, or sha256'],
    ['a signature without keys', url(", verify: { signature: '{file}.sig' }"), 'only with the keys'],
    ['keys without a signature', url(', verify: { checksums: S, keyring: { file: /k } }'), 'nothing to check'],
    ['a digest that is none', entry('{ from: a, to: b, sha256: abc }'), 'not a SHA-256'],
    ['a tree of a package', entry('{ from: a, to: b, tree: true }'), 'can be a tree only inside'],
  ])('refuses %s', (_, text, message) => {
    const { problems } = parseCatalog('x.yaml', text);
    expect(problems.map((problem) => problem.message).join('\n')).toContain(message);
    expect(problems[0]).toMatchObject({ file: 'x.yaml', line: expect.any(Number) });
  });
});

test('a shipped catalogue that is not there is said by name', async () => {
  await expect(readCatalog(root, '/nonexistent')).rejects.toThrow('/nonexistent');
});

async function write(path: string, text: string): Promise<void> {
  await mkdir(join(root, path, '..'), { recursive: true });
  await writeFile(join(root, path), text);
}
