/** UEFI machines: the ways from EDK2 to the host's own kernel command line. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONTROL, createTestLan, type TestLan } from './boot.ts';
import { filesRead } from './capture.ts';
import { GRUB_HOST, SECURE_HOST, UEFI_HOST, UNTOLD_HOST } from './hosts.ts';
import { checkRequirements } from './requirements.ts';

describe.skipIf(!(await checkRequirements('matrix')))('a UEFI machine', () => {
  let lan: TestLan;
  beforeAll(async () => {
    lan = await createTestLan({ label: 'uefi', hosts: [UEFI_HOST, GRUB_HOST, SECURE_HOST, UNTOLD_HOST] });
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

  // dnsmasq, the control, has neither shim nor a GRUB that knows its address.
  test.skipIf(CONTROL)('gets by HTTP boot a GRUB that knows our address, and everything after it by HTTP', async () => {
    const { report, traffic } = await lan.boot(GRUB_HOST, { boot: 'uefi-http' });
    expect(traffic.http[1]).toBe('GET /grub/netx64.efi');
    expect(traffic.http).toContain('GET /grub/grub.cfg-01-52:54:00:77:00:12');
    expect(filesRead(traffic)).toEqual([]);
    expect(report.commandLine).toContain(`hobnail.host=${GRUB_HOST.name}`);
  });

  test.skipIf(CONTROL)('with Secure Boot gets shim, the signed GRUB and a signed kernel, which says so', async () => {
    const { report, traffic } = await lan.boot(SECURE_HOST, { boot: 'uefi-pxe', secureBoot: true });
    const files = filesRead(traffic);
    expect(files[0]).toBe('grub/shimx64.efi');
    expect(files).toContain('grub/grubx64.efi');
    expect(files).toContain('grub/grub.cfg-01-52:54:00:77:00:13');
    expect(report.secureBoot).toBe(true);
    expect(report.commandLine).toContain(`hobnail.host=${SECURE_HOST.name}`);
  });

  test.skipIf(CONTROL)(
    'with a Secure Boot we were not told of refuses the unsigned loader before it runs; told of it, we say what it needs',
    async () => {
      const refused = /failed to load Boot\d+ "UEFI PXEv4 .*: Access Denied/;
      const { console, traffic } = await lan.watch(UNTOLD_HOST, refused, { boot: 'uefi-pxe', secureBoot: true });
      expect(console).toContain('NBP file downloaded successfully.');
      expect(console).not.toContain('starting Boot');
      expect(filesRead(traffic)).toEqual(['ipxe/snponly.efi']);
      expect(traffic.http).toEqual([]);
      const name = UNTOLD_HOST.name;
      const arch = ['--mac', UNTOLD_HOST.mac, '--arch', '7'];
      expect(await lan.server.appliance?.hobnail('explain', ...arch)).toContain('ipxe: boot-images/ipxe/snponly.efi');
      await lan.server.appliance?.hobnail('host', 'set', name, '--secure-boot');
      const told = await lan.server.appliance?.hobnail('explain', ...arch);
      expect(told).toContain('is not signed, and the host has Secure Boot');
      expect(told).toContain('shim: boot-images/grub/shimx64.efi');
      expect(told).toContain('Secure Boot: guest/vmlinuz is signed, for x64');
    },
  );
});
