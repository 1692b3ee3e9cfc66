/** BIOS machines: the ways from a boot ROM to the host's own kernel command line. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestLan, type TestLan } from './boot.ts';
import { filesRead } from './capture.ts';
import { BIOS_HOST, LPXELINUX_HOST, MENU_HOST, PXELINUX_HOST } from './hosts.ts';
import { checkRequirements } from './requirements.ts';
import { createWireFilter } from './wire-filter.ts';

describe.skipIf(!(await checkRequirements('matrix')))('a BIOS machine', () => {
  let lan: TestLan;
  beforeAll(async () => {
    lan = await createTestLan({ label: 'bios', hosts: [BIOS_HOST, PXELINUX_HOST, LPXELINUX_HOST, MENU_HOST] });
  });
  afterAll(() => lan?.close());

  test('whose ROM is iPXE goes straight to its script, without a loader', async () => {
    const { report, traffic } = await lan.boot(BIOS_HOST, { boot: 'bios-pxe' });
    expect(report.commandLine).toContain(`hobnail.host=${BIOS_HOST.name}`);
    expect(filesRead(traffic).filter((file) => /undionly|pxelinux/.test(file))).toEqual([]);
  });

  test('with a plain PXE ROM gets PXELINUX and the file of its MAC', async () => {
    const { report, traffic } = await bootAsPlainRom(PXELINUX_HOST);
    expect(filesRead(traffic).slice(0, 3)).toEqual(['pxelinux.0', 'ldlinux.c32', 'pxelinux.cfg/01-52-54-00-77-00-02']);
    expect(report.commandLine).toContain(`hobnail.host=${PXELINUX_HOST.name}`);
  });

  test('with a plain PXE ROM gets lpxelinux.0, which fetches the rest by HTTP', async () => {
    const { report, traffic } = await bootAsPlainRom(LPXELINUX_HOST);
    expect(filesRead(traffic)).toEqual(['lpxelinux.0']);
    expect(traffic.http).toContain('GET /pxelinux.cfg/01-52-54-00-77-00-03');
    expect(report.commandLine).toContain(`hobnail.host=${LPXELINUX_HOST.name}`);
  });

  test('with a plain PXE ROM gets undionly.kpxe once, then its script', async () => {
    const { report, traffic } = await bootAsPlainRom(BIOS_HOST);
    expect(filesRead(traffic)[0]).toBe('ipxe/undionly.kpxe');
    expect(report.commandLine).toContain(`hobnail.host=${BIOS_HOST.name}`);
  });

  test('D-72: with a plain PXE ROM shows its menu, asks for the line that was taken, and boots that', async () => {
    const { report, traffic } = await bootAsPlainRom(MENU_HOST);
    expect(filesRead(traffic).slice(0, 3)).toEqual(['pxelinux.0', 'ldlinux.c32', 'pxelinux.cfg/01-52-54-00-77-00-04']);
    expect(await lan.server.log()).toContain('it chose \\"Old kernels\\" of the PXE menu');
    expect(report.commandLine).toContain(`hobnail.host=${MENU_HOST.name}`);
  });

  async function bootAsPlainRom(host: typeof BIOS_HOST) {
    const filter = await createWireFilter(host.name, lan.directory);
    try {
      const booted = await lan.boot(host, { boot: 'bios-pxe', relay: filter, timeoutMs: 240_000 });
      expect(filter.changed(), 'DHCP packets of the ROM which lost options 77 and 175').toBeGreaterThan(1);
      return booted;
    } finally {
      await filter.close();
    }
  }
});
