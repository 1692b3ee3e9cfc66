/** The distribution's grub-mkimage makes our GRUB, and the reader finds the place for the address in it. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPe } from '../../src/boot/pe.ts';
import { fillServer } from '../../src/files/fill-server.ts';
import { pullImages } from '../../src/images/pull.ts';

test.skipIf(!existsSync('/usr/bin/apt-get')).each([
  ['grub-net-x64', 'grub/netx64.efi', 'x64'],
  ['grub-net-ia32', 'grub/netia32.efi', 'x86'],
  ['grub-net-arm64', 'grub/netaa64.efi', 'arm64'],
])(
  '%s is an unsigned EFI program for its processor, with one place to fill',
  async (reference, to, machine) => {
    const imagesRoot = await mkdtemp(join(tmpdir(), 'hobnail-test-grub-'));
    try {
      const { outcomes } = await pullImages({ imagesRoot, references: [reference] });
      expect(outcomes).toMatchObject([{ kind: 'placed', to, from: 'made' }]);
      const image = await readFile(join(imagesRoot, to));
      expect(readPe(image, image.length)).toEqual({ kind: 'pe', machine, signed: false });
      // The reader keeps what is small in memory, and fills only that.
      expect(image.length).toBeLessThan(1024 * 1024);
      const filled = Buffer.from(fillServer(image, 'http://10.77.0.1:8080') ?? []);
      expect(filled.length).toBe(image.length);
      expect(filled.indexOf("set root='http,10.77.0.1:8080' ")).toBeGreaterThan(0);
    } finally {
      await rm(imagesRoot, { recursive: true, force: true });
    }
  },
  180_000,
);
