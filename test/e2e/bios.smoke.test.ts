/** The BIOS boot of `npm test`: SeaBIOS, QEMU's iPXE ROM, the host's own script, its kernel. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONTROL, createTestLan, type TestLan } from './boot.ts';
import { BIOS_HOST } from './hosts.ts';
import { checkRequirements } from './requirements.ts';

describe.skipIf(!(await checkRequirements('smoke')))('a BIOS machine', () => {
  let lan: TestLan;
  beforeAll(async () => {
    lan = await createTestLan({ label: 'bios-smoke', hosts: [BIOS_HOST] });
  });
  afterAll(() => lan?.close());

  test('whose ROM is iPXE gets its script and boots the kernel of its own profile', async () => {
    const { report, traffic } = await lan.boot(BIOS_HOST, { boot: 'bios-pxe' });
    expect(report.commandLine).toContain(`hobnail.host=${BIOS_HOST.name}`);
    expect(report.server).toBe('10.77.0.1');
    // What ends the ROM's wait for an IPv6 router is for this machine alone, and gives it nothing to route by.
    const told = { to: BIOS_HOST.mac.replaceAll(':', ''), lifetime: 0, optionBytes: 0 };
    if (!CONTROL) expect(traffic.routers[0]).toEqual(told);
    for (const one of traffic.routers) expect(one).toEqual(told);
  });
});
