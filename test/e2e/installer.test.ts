/** Debian's own installer, from its package, up to the first screen it shows an operator. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONTROL, createTestLan, type TestLan } from './boot.ts';
import { INSTALLER_HOST } from './hosts.ts';
import { checkRequirements } from './requirements.ts';

// dnsmasq, the control, brings no images.
describe.skipIf(CONTROL || !(await checkRequirements('matrix')))('Debian’s installer', () => {
  let lan: TestLan;
  beforeAll(async () => {
    lan = await createTestLan({
      label: 'installer',
      hosts: [INSTALLER_HOST],
      images: ['debian-12'],
    });
  });
  afterAll(() => lan?.close());

  test.each(['bios-pxe', 'uefi-pxe'] as const)('shows its first screen after %s', async (boot) => {
    const { console, traffic } = await lan.watch(INSTALLER_HOST, /Select a language/, {
      boot,
      memoryMiB: 1024,
      timeoutMs: 280_000,
    });
    expect(console).toMatch(/Linux version .*Debian/);
    expect(traffic.http).toEqual(
      expect.arrayContaining(['GET /debian/installer/linux', 'GET /debian/installer/initrd.gz']),
    );
  });
});
