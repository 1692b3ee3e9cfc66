import { existsSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pullLoaders } from '../../src/images/loaders.ts';
import { createAptSource } from '../../src/images/packages.ts';

/** The real apt and the real packages, into a directory of the test: nothing of the system is used or changed. */
test.skipIf(!existsSync('/usr/bin/apt-get'))(
  'apt brings every loader of the shipped catalogue, and the packages still have them where the catalogue says',
  async () => {
    const imagesRoot = await mkdtemp(join(tmpdir(), 'hobnail-test-apt-'));
    try {
      const packages = createAptSource({ systemRoot: join(imagesRoot, 'an-empty-system') });
      const { outcomes, advice } = await pullLoaders({ imagesRoot, packages });
      expect(outcomes.filter(({ kind }) => kind !== 'placed')).toEqual([]);
      expect(advice).toBeUndefined();
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
