/** Another server gives the addresses and knows nothing of booting; the boot information comes from the proxy beside it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONTROL, createTestLan, type TestLan } from './boot.ts';
import { NET } from './boot-server.ts';
import { filesRead } from './capture.ts';
import { BIOS_HOST, GRUB_HOST, MENU_HOST, SECURE_HOST, UEFI_HOST } from './hosts.ts';
import { checkRequirements } from './requirements.ts';
import { createWireFilter } from './wire-filter.ts';

describe.skipIf(!(await checkRequirements('matrix')))('beside an address-only DHCP server', () => {
  let lan: TestLan;
  beforeAll(async () => {
    lan = await createTestLan({ label: 'proxy', mode: 'proxy', hosts: [BIOS_HOST, UEFI_HOST, GRUB_HOST, MENU_HOST] });
  });
  afterAll(() => lan?.close());

  test('a BIOS machine with an iPXE ROM boots by the proxy, with the other server’s address', async () => {
    const { report, traffic } = await lan.boot(BIOS_HOST, { boot: 'bios-pxe' });
    expect(report.server).toBe('10.77.0.2');
    // The network is another server's: nobody is told anything about its routers.
    expect(traffic.routers).toEqual([]);
    expect(report.commandLine).toContain(`hobnail.host=${BIOS_HOST.name}`);
  });

  test('D-72: a BIOS machine with a plain PXE ROM shows the proxy’s menu and boots the line that was taken', async () => {
    const filter = await createWireFilter(MENU_HOST.name, lan.directory);
    try {
      const { report, traffic } = await lan.boot(MENU_HOST, { boot: 'bios-pxe', relay: filter, timeoutMs: 240_000 });
      expect(filesRead(traffic)[0]).toBe('pxelinux.0');
      expect(await lan.server.log()).toContain('it chose \\"Old kernels\\" of the PXE menu');
      expect(report.server).toBe('10.77.0.2');
    } finally {
      await filter.close();
    }
  });

  test('D-63: a UEFI machine boots by the proxy’s port 4011, with the other server’s address', async () => {
    const { report, traffic } = await lan.boot(UEFI_HOST, { boot: 'uefi-pxe' });
    expect(filesRead(traffic)[0]).toBe('ipxe/snponly.efi');
    expect(report.server).toBe('10.77.0.2');
    expect(report.commandLine).toContain(`hobnail.host=${UEFI_HOST.name}`);
  });

  // dnsmasq, the control, answers HTTP boot as a DHCP server only.
  test.skipIf(CONTROL)('a UEFI machine boots by HTTP from the proxy, with the other server’s address', async () => {
    const { report, traffic } = await lan.boot(UEFI_HOST, { boot: 'uefi-http' });
    expect(traffic.http[1]).toBe('GET /ipxe/snponly.efi');
    expect(report.server).toBe('10.77.0.2');
    expect(report.commandLine).toContain(`hobnail.host=${UEFI_HOST.name}`);
  });

  test('D-82a: GRUB finds its file by the address inside it, though the other server’s reply names another server', async () => {
    const { report, traffic } = await lan.boot(GRUB_HOST, { boot: 'uefi-pxe' });
    expect(filesRead(traffic)).toEqual(['grub/netx64.efi']);
    expect(traffic.http).toContain('GET /grub/grub.cfg-01-52:54:00:77:00:12');
    expect(report.server).toBe('10.77.0.2');
    expect(report.commandLine).toContain(`hobnail.host=${GRUB_HOST.name}`);
  });
});

// dnsmasq, the control, has no shim.
const canRun = !CONTROL && (await checkRequirements('matrix'));
describe.skipIf(!canRun)('beside a DHCP server that names us as the next server, and no file', () => {
  let lan: TestLan;
  beforeAll(async () => {
    const nextServer = NET.server.replace(/\/.*/, '');
    lan = await createTestLan({ label: 'proxy-next', mode: 'proxy', nextServer, hosts: [SECURE_HOST] });
  });
  afterAll(() => lan?.close());

  test('a machine with Secure Boot gets shim, the signed GRUB, its own file and a signed kernel', async () => {
    const { report, traffic } = await lan.boot(SECURE_HOST, { boot: 'uefi-pxe', secureBoot: true });
    const files = filesRead(traffic);
    expect(files[0]).toBe('grub/shimx64.efi');
    expect(files).toContain('grub/grubx64.efi');
    expect(files).toContain('grub/grub.cfg-01-52:54:00:77:00:13');
    expect(report.secureBoot).toBe(true);
    expect(report.server).toBe('10.77.0.2');
    expect(report.commandLine).toContain(`hobnail.host=${SECURE_HOST.name}`);
  });
});
