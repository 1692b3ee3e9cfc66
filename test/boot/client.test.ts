/** The architecture table against the registry's own words. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ARCHITECTURES,
  type Architecture,
  chooseArchitecture,
  findArchitecture,
  formatArchitecture,
} from '../../src/boot/client.ts';

const registry = readFileSync(join(import.meta.dirname, '../fixtures/iana/processor-architecture-types.txt'), 'utf8')
  .split('\n')
  .filter((line) => /^[0-9a-f]{2} /.test(line))
  .map((line) => ({ code: Number.parseInt(line.slice(0, 2), 16), text: line.slice(3) }));

/** The words of the registry that each value of our table stands for. */
const FIRMWARE: Readonly<Record<Architecture['firmware'], RegExp>> = {
  bios: /bios|PC98|Alpha|Arc|Lean/,
  uefi: /uefi|EBC|EFI|Itanium/i,
  uboot: /uboot|ePAPR/,
  openfirmware: /Open Firmware/,
  opal: /OPAL/,
  s390: /s390/,
  rpi: /rpiboot/,
};
const CPU: Partial<Record<Architecture['cpu'], RegExp>> = {
  x64: /x64|EBC/i,
  arm32: /arm.*32|Xscale/i,
  arm64: /arm.*64|rpiboot/i,
  riscv32: /RISC-V 32/,
  riscv64: /RISC-V 64/,
  riscv128: /RISC-V 128/,
  loong32: /LoongArch 32/,
  loong64: /LoongArch 64/,
  ppc: /POWER/i,
  s390: /s390/,
  ia64: /Itanium/,
};

describe('the architecture table (D-78)', () => {
  it('has exactly the codes of the registry', () => {
    expect(ARCHITECTURES.map(({ code }) => code)).toEqual(registry.map(({ code }) => code));
  });

  it.each(registry)('$code is what the registry calls "$text"', ({ code, text }) => {
    const architecture = findArchitecture(code);
    expect(architecture?.transport).toBe(/http/.test(text) ? 'http' : 'tftp');
    expect(architecture?.deprecated ?? false).toBe(/DEPRECATED/.test(text));
    expect(text.replace('x86 BIOS', 'bios')).toMatch(FIRMWARE[architecture?.firmware ?? 'bios']);
    expect(text).toMatch(CPU[architecture?.cpu ?? 'other'] ?? /./);
  });

  it('offers a loader to nobody whose build is another CPU’s', () => {
    for (const { target, cpu, firmware } of ARCHITECTURES) {
      if (target !== undefined) expect(target).toBe(firmware === 'bios' ? 'bios' : `uefi-${cpu}`);
    }
  });

  it('takes the first code of a list that has a loader', () => {
    expect(chooseArchitecture([12, 300, 7, 0])?.code).toBe(7);
    expect(chooseArchitecture([300, 12])?.code).toBe(12);
    expect(chooseArchitecture([300])).toBeUndefined();
  });

  it('shows decimal and hex side by side', () => {
    expect(formatArchitecture(16)).toBe('16 (0x10) x64 UEFI HTTP');
    expect(formatArchitecture(300)).toBe('300 (0x12c) unknown architecture');
  });
});
