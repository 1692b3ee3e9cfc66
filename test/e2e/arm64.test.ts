/** ARM machines of 64 bits: EDK2 by PXE and by HTTP boot to the first lines of a kernel of their own. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestLan, type TestLan } from './boot.ts';
import { filesRead } from './capture.ts';
import { ARM_HOST } from './hosts.ts';
import { checkRequirements } from './requirements.ts';

describe.skipIf(!(await checkRequirements('arm64')))('an ARM machine of 64 bits', () => {
  let lan: TestLan;
  beforeAll(async () => {
    lan = await createTestLan({
      label: 'arm64',
      hosts: [ARM_HOST],
      images: ['grub-arm64', 'grub-net-arm64', 'debian-12-arm64'],
    });
  });
  afterAll(() => lan?.close());

  const FIRST_LINES = /Linux version .*\n(?:.*\n)*.*Kernel command line: .*hobnail\.host=arm64-grub/;

  test('gets the signed GRUB by PXE, GRUB the file of its MAC, and starts its kernel', async () => {
    const { traffic, console } = await lan.watch(ARM_HOST, FIRST_LINES, {
      boot: 'uefi-pxe',
      processor: 'arm64',
      timeoutMs: 280_000,
    });
    expect(filesRead(traffic)[0]).toBe('grub/grubnetaa64.efi');
    expect(console).toContain('Kernel command line');
  });

  test('gets by HTTP boot a GRUB that knows our address, and everything after it by HTTP', async () => {
    const { traffic } = await lan.watch(ARM_HOST, FIRST_LINES, {
      boot: 'uefi-http',
      processor: 'arm64',
      timeoutMs: 280_000,
    });
    expect(traffic.http[1]).toBe('GET /grub/netaa64.efi');
    expect(filesRead(traffic)).toEqual([]);
  });
});
