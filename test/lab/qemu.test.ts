import { describe, expect, test } from 'vitest';
import { boardOf, type MachineOptions, machineArguments } from '../../src/lab/qemu.ts';
import type { Mac } from '../../src/net/mac.ts';

const FILES = { console: '/run/a.console', capture: '/run/a.pcap', vars: '/run/a.vars.fd' };
const MACHINE: MachineOptions = {
  name: 'a',
  mac: '52:54:00:00:00:01' as Mac,
  boot: 'bios-pxe',
  directory: '/run',
};
const argumentsOf = (changes: Partial<MachineOptions>) =>
  machineArguments({ ...MACHINE, ...changes }, 'tap0', FILES).join(' ');

describe('the command line of a machine', () => {
  test('a BIOS machine keeps the ROM of its card and ends when nothing boots', () => {
    const line = argumentsOf({});
    expect(line).toContain('-machine pc,graphics=off,accel=tcg');
    expect(line).toMatch(/-device virtio-net-pci,netdev=card,mac=52:54:00:00:00:01,bootindex=0 -boot/);
    expect(line).toContain('reboot-timeout=');
    expect(line).not.toContain('pflash');
  });

  test('a UEFI machine has no ROM on its card, variables of its own and a source of random numbers', () => {
    const line = argumentsOf({ boot: 'uefi-pxe' });
    expect(line).toContain('bootindex=0,romfile= ');
    expect(line).toContain('unit=1,file=/run/a.vars.fd');
    expect(line).toContain('virtio-rng-pci');
    expect(line).not.toContain('IPv4PXESupport');
  });

  test('HTTP boot comes first when PXE and IPv6 are switched off', () => {
    const line = argumentsOf({ boot: 'uefi-http' });
    for (const feature of ['IPv4PXESupport', 'IPv6PXESupport', 'IPv6Support']) {
      expect(line).toContain(`name=opt/org.tianocore/${feature},string=n`);
    }
  });

  test('a disk comes after the network, and is not synced; processors are as many as asked for', () => {
    const line = argumentsOf({ diskPath: '/run/a.disk', processors: 2 });
    expect(line).toContain('format=raw,cache=unsafe,file=/run/a.disk -device virtio-blk-pci,drive=disk,bootindex=1');
    expect(line).toContain('-smp 2 ');
    expect(argumentsOf({})).toContain('-smp 1 ');
  });

  test('Secure Boot has firmware and keys of its own, and variables only the firmware may write', () => {
    const line = argumentsOf({ boot: 'uefi-pxe', secureBoot: true });
    expect(line).toContain('-machine q35,smm=on,');
    expect(line).toContain('property=secure,value=on');
    expect(line).toContain('OVMF_CODE_4M.ms.fd');
  });

  test('firmware of 32 bits runs on a processor of 64, on the board its protection wants', () => {
    const line = argumentsOf({ boot: 'uefi-pxe', processor: 'ia32' });
    expect(line).toContain('-machine q35,smm=on,');
    expect(line).toContain('OVMF32_CODE_4M.secboot.fd');
    expect(boardOf({ ...MACHINE, boot: 'uefi-pxe', processor: 'ia32' }).qemu).toBe('qemu-system-x86_64');
  });

  test('an ARM machine has a board, a processor and firmware of its own', () => {
    const line = argumentsOf({ boot: 'uefi-http', processor: 'arm64' });
    expect(line).toContain('-machine virt,accel=tcg -cpu cortex-a72');
    expect(line).toContain('AAVMF_CODE.fd');
    expect(line).not.toContain('graphics');
    expect(boardOf({ ...MACHINE, boot: 'uefi-http', processor: 'arm64' }).qemu).toBe('qemu-system-aarch64');
  });

  test('a relay stands between the card and the tap', () => {
    const line = argumentsOf({ relay: { machineSocket: '/run/m.sock', wireSocket: '/run/w.sock' } });
    expect(line).toContain('stream,id=card,server=off,addr.type=unix,addr.path=/run/m.sock');
    expect(line).toContain('stream,id=relay,server=off,addr.type=unix,addr.path=/run/w.sock');
    expect(line).toContain('hubport,id=hub-b,hubid=0,netdev=wire');
  });
});
