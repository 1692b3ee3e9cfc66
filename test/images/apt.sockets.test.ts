import { existsSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readCatalog } from '../../src/images/catalog.ts';
import { createAptSource } from '../../src/images/packages.ts';
import { pullImages } from '../../src/images/pull.ts';
import { verifyImages } from '../../src/images/stock.ts';

/** The real apt and the real packages, into a directory of the test: nothing of the system is used or changed. */
test.skipIf(!existsSync('/usr/bin/apt-get'))(
  'apt brings everything of the shipped catalogue that packages hold, for both architectures, where the catalogue says',
  async () => {
    const imagesRoot = await mkdtemp(join(tmpdir(), 'hobnail-test-apt-'));
    try {
      const packages = createAptSource({ systemRoot: join(imagesRoot, 'an-empty-system') });
      const references = (await readCatalog(imagesRoot))
        .filter(({ source }) => 'deb' in source)
        .map(({ name }) => name);
      const { outcomes, advice } = await pullImages({ imagesRoot, packages, references });
      expect(outcomes.filter(({ kind }) => kind !== 'placed')).toEqual([]);
      expect(advice).toBeUndefined();
      expect((await verifyImages(imagesRoot, [])).every(({ state }) => state === 'good')).toBe(true);
      expect(await firstBytes(join(imagesRoot, 'grub/grubnetaa64.efi'), 2)).toBe('4d5a');
      expect(await firstBytes(join(imagesRoot, 'debian/installer-arm64/initrd.gz'), 2)).toBe('1f8b');
      // UEFI loaders are PE files; pxelinux.0 starts with a far jump.
      expect(await firstBytes(join(imagesRoot, 'ipxe/snponly.efi'), 2)).toBe('4d5a');
      expect(await firstBytes(join(imagesRoot, 'grub/grubnetx64.efi'), 2)).toBe('4d5a');
      expect(await firstBytes(join(imagesRoot, 'pxelinux/pxelinux.0'), 1)).toBe('ea');
    } finally {
      await rm(imagesRoot, { recursive: true, force: true });
    }
  },
  180_000,
);

async function firstBytes(path: string, count: number): Promise<string> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(count), 0, count, 0);
    return buffer.toString('hex');
  } finally {
    await file.close();
  }
}
