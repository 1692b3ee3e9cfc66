/** UEFI machines whose firmware has 32 bits on a processor of 64, as small boxes and tablets have. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestLan, type TestLan } from './boot.ts';
import { filesRead } from './capture.ts';
import { IA32_HOST } from './hosts.ts';
import { checkRequirements } from './requirements.ts';

describe.skipIf(!(await checkRequirements('ia32')))('a UEFI machine with firmware of 32 bits', () => {
  let lan: TestLan;
  beforeAll(async () => {
    lan = await createTestLan({ label: 'ia32', hosts: [IA32_HOST], images: ['grub-net-ia32'] });
  });
  afterAll(() => lan?.close());

  test('gets by PXE a GRUB of 32 bits that knows our address, then its own kernel, which has 64', async () => {
    const { report, traffic } = await lan.boot(IA32_HOST, { boot: 'uefi-pxe', processor: 'ia32' });
    expect(filesRead(traffic)).toEqual(['grub/netia32.efi']);
    expect(traffic.http).toContain('GET /grub/grub.cfg-01-52:54:00:77:00:22');
    expect(report.commandLine).toContain(`hobnail.host=${IA32_HOST.name}`);
  });
});
