/** UEFI machines: the ways from EDK2 to the host's own kernel command line. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONTROL, createTestLan, type TestLan } from './boot.ts';
import { filesRead } from './capture.ts';
import { GRUB_HOST, UEFI_HOST } from './hosts.ts';
import { checkRequirements } from './requirements.ts';

describe.skipIf(!(await checkRequirements('matrix')))('a UEFI machine', () => {
  let lan: TestLan;
  beforeAll(async () => {
    lan = await createTestLan({ label: 'uefi', hosts: [UEFI_HOST, GRUB_HOST] });
  });
  afterAll(() => lan?.close());

  test('gets iPXE by PXE, in the window of four blocks it asks for, then its script', async () => {
    const { report, traffic } = await lan.boot(UEFI_HOST, { boot: 'uefi-pxe' });
    expect(filesRead(traffic)[0]).toBe('ipxe/snponly.efi');
    const granted = traffic.tftp.filter((message) => message.kind === 'oack').map(({ options }) => options.windowsize);
    // dnsmasq, the control, knows no windowsize.
    if (!CONTROL) expect(granted).toContain('4');
    expect(report.commandLine).toContain(`hobnail.host=${UEFI_HOST.name}`);
  });

  test('gets GRUB by PXE, and GRUB the file of its MAC', async () => {
    const { report, traffic } = await lan.boot(GRUB_HOST, { boot: 'uefi-pxe' });
    const files = filesRead(traffic);
    expect(files[0]).toBe('grub/grubnetx64.efi');
    expect(files).toContain('grub/grub.cfg-01-52:54:00:77:00:12');
    expect(report.commandLine).toContain(`hobnail.host=${GRUB_HOST.name}`);
  });

  test('gets iPXE by HTTP boot, then its script, and nothing by TFTP before that', async () => {
    const { report, traffic } = await lan.boot(UEFI_HOST, { boot: 'uefi-http' });
    expect(traffic.http[0]).toBe('HEAD /ipxe/snponly.efi');
    expect(traffic.http[1]).toBe('GET /ipxe/snponly.efi');
    expect(filesRead(traffic).filter((file) => file.endsWith('.efi'))).toEqual([]);
    expect(report.commandLine).toContain(`hobnail.host=${UEFI_HOST.name}`);
  });
});
