/** Every entry that comes by address, from a local server with its publisher's layout. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCatalog } from '../../src/images/catalog.ts';
import { remoteOf } from '../../src/images/entry.ts';
import type { PackageSource } from '../../src/images/packages.ts';
import { pullImages } from '../../src/images/pull.ts';
import { makeIso } from './archives.ts';
import { type FileServer, sha256, startFileServer } from './file-server.ts';
import { makePublishers, type Publisher } from './publishers.ts';

const ready = existsSync('/usr/bin/xorriso') && existsSync('/usr/bin/gpg') && existsSync('/usr/bin/gpgv');
const ARCH = 'arch@2026.09.01/amd64';

describe.skipIf(!ready)('a publisher’s layout', () => {
  let home: string;
  let server: FileServer;
  let publishers: Readonly<Record<string, Publisher>>;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'hobnail-test-publishers-'));
    publishers = await makePublishers();
    const layouts = Object.values(publishers).map(({ layout }) => layout);
    server = await startFileServer(
      Object.fromEntries(
        layouts.flatMap((layout) => Object.entries(layout)).map(([path, content]) => [`/${path}`, content]),
      ),
    );
  });
  afterAll(async () => {
    await server?.close();
    await rm(home, { recursive: true, force: true });
  });

  const noPackages: PackageSource = { findInstalled: async () => undefined, fetch: async () => new Map() };
  const pull = (reference: string, packages = noPackages) =>
    pullImages({ imagesRoot: join(home, 'boot-images'), references: [reference], mirror: server.url, packages });

  test('every entry by address is tried', async () => {
    const remote = (await readCatalog(home))
      .filter(({ source }) => remoteOf(source) !== undefined)
      .map(({ name }) => name);
    const tried = [...Object.keys(publishers), ARCH].map((reference) => reference.replace(/[@/].*/, ''));
    expect(tried.sort()).toEqual(remote.sort());
  });

  test('all are pulled, and hold what the publisher has', async () => {
    for (const [reference, { expected, proof }] of Object.entries(publishers)) {
      const { outcomes } = await pull(reference);
      expect(outcomes, reference).toEqual(
        outcomes.map((one) => expect.objectContaining({ kind: 'placed', to: one.to })),
      );
      const [first] = outcomes;
      expect(first?.kind === 'placed' && first.proof, reference).toContain(proof);
      for (const [to, content] of Object.entries(expected)) {
        expect(await readFile(join(home, 'boot-images', to), 'utf8'), to).toBe(content);
      }
    }
  });

  test('a second pull finds them there and asks the publisher for nothing', async () => {
    const before = server.requests.length;
    const { outcomes } = await pull('talos@1.10.5/arm64');
    expect(outcomes.map(({ kind }) => kind)).toEqual(['present', 'present']);
    expect(server.requests.length).toBe(before);
  });

  describe('Arch Linux, signed', () => {
    let keyring: string;
    let iso: Buffer;
    const base = '/archive.archlinux.org/iso/2026.09.01';
    const name = 'archlinux-2026.09.01-x86_64.iso';
    beforeAll(async () => {
      iso = await makeIso({
        'arch/boot/x86_64/vmlinuz-linux': 'arch kernel',
        'arch/boot/x86_64/initramfs-linux.img': 'arch initramfs',
        'arch/x86_64/airootfs.sfs': 'arch root',
        'arch/x86_64/airootfs.sfs.cms.sig': 'cms',
      });
      const own = await makeKey(join(home, 'gnupg'));
      keyring = own.keyring;
      server.files.set(`${base}/${name}`, iso);
      server.files.set(`${base}/sha256sums.txt`, Buffer.from(`${sha256(iso)}  ${name}\n`));
      server.files.set(`${base}/${name}.sig`, await sign(own.gnupg, iso));
    });
    const withKeys = (): PackageSource => ({ ...noPackages, findInstalled: async () => keyring });

    test('is pulled when list and signature hold, with its tree', async () => {
      const { outcomes } = await pull(ARCH, withKeys());
      expect(outcomes[0]).toMatchObject({
        kind: 'placed',
        proof: expect.stringMatching(/list of the mirror; signed by [0-9A-F]{40}/),
      });
      expect(outcomes[2]?.to).toBe('arch/2026.09.01/arch/x86_64/ (2 files)');
      expect(await readFile(join(home, 'boot-images/arch/2026.09.01/arch/x86_64/airootfs.sfs'), 'utf8')).toBe(
        'arch root',
      );
    });

    test('by another key is refused, even when the list fits', async () => {
      const stranger = await makeKey(join(home, 'stranger'));
      server.files.set(`${base}/${name}.sig`, await sign(stranger.gnupg, iso));
      await rm(join(home, 'boot-images/arch'), { recursive: true });
      const { outcomes } = await pull(ARCH, withKeys());
      expect(outcomes[0]).toMatchObject({
        kind: 'failed',
        code: 'image-unproved',
        reason: expect.stringContaining('the keyring does not have'),
      });
      expect(existsSync(join(home, 'boot-images/arch'))).toBe(false);
    });

    test('of other bytes is refused', async () => {
      server.files.set(`${base}/${name}.sig`, await sign(join(home, 'gnupg'), Buffer.from('another')));
      const { outcomes } = await pull(ARCH, withKeys());
      expect(outcomes[0]).toMatchObject({
        kind: 'failed',
        reason: expect.stringContaining('what was signed is not what was fetched'),
      });
    });
  });
});

const exec = promisify(execFile);

async function makeKey(gnupg: string): Promise<{ readonly gnupg: string; readonly keyring: string }> {
  await exec('mkdir', ['-p', '-m', '700', gnupg]);
  const gpg = ['--homedir', gnupg, '--batch', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', ''];
  await exec('gpg', [...gpg, '--quick-gen-key', 'Test <test@example.net>', 'ed25519', 'sign', 'never']);
  const keyring = join(gnupg, 'public.gpg');
  // Armoured, as publishers offer it: it has to be unpacked for gpgv.
  await exec('gpg', [...gpg, '--armor', '--output', keyring, '--export']);
  return { gnupg, keyring };
}

async function sign(gnupg: string, content: Buffer): Promise<Buffer> {
  const work = await mkdtemp(join(tmpdir(), 'hobnail-test-sign-'));
  try {
    const file = join(work, 'signed');
    await writeFile(file, content);
    await exec('gpg', ['--homedir', gnupg, '--batch', '--quiet', '--detach-sign', file]);
    return await readFile(`${file}.sig`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
