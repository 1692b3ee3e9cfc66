/** The UEFI boot of `npm test`: EDK2's PXE, iPXE, the host's own script, its kernel. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestLan, type TestLan } from './boot.ts';
import { UEFI_HOST } from './hosts.ts';
import { checkRequirements } from './requirements.ts';

describe.skipIf(!(await checkRequirements('smoke')))('a UEFI machine', () => {
  let lan: TestLan;
  beforeAll(async () => {
    lan = await createTestLan({ label: 'uefi-smoke', hosts: [UEFI_HOST] });
  });
  afterAll(() => lan?.close());

  test('gets iPXE by PXE, then its script, and boots the kernel of its own profile', async () => {
    const { report } = await lan.boot(UEFI_HOST, { boot: 'uefi-pxe' });
    expect(report.commandLine).toContain(`hobnail.host=${UEFI_HOST.name}`);
    expect(report.server).toBe('10.77.0.1');
  });
});
