import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describePe, readPe } from '../../src/boot/pe.ts';
import { judgeKernel } from '../../src/boot/secure-boot.ts';
import { profileOf } from '../support/catalogs.ts';

/** A PE image of headers alone, laid out by the specification. */
function peImage({ machine = 0x8664, magic = 0x20b, start = 0x80, count = 16, at = 0, length = 0, size = 8192 } = {}) {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes.set([0x4d, 0x5a]);
  view.setUint32(0x3c, start, true);
  view.setUint32(start, 0x4550, true);
  view.setUint16(start + 4, machine, true);
  view.setUint16(start + 24, magic, true);
  const wide = magic === 0x20b;
  view.setUint32(start + 24 + (wide ? 108 : 92), count, true);
  view.setUint32(start + 24 + (wide ? 112 : 96) + 32, at, true);
  view.setUint32(start + 24 + (wide ? 112 : 96) + 36, length, true);
  return bytes;
}

describe('a PE image', () => {
  test.each<[string, Parameters<typeof peImage>[0], string]>([
    ['with a certificate', { at: 7000, length: 1000 }, 'signed, for x64'],
    ['without', {}, 'not signed, for x64'],
    ['with a table that lies outside of the file', { at: 8000, length: 1000 }, 'not signed, for x64'],
    ['with an empty table', { at: 7000, length: 8 }, 'not signed, for x64'],
    ['with too few directories to have one', { at: 7000, length: 1000, count: 4 }, 'not signed, for x64'],
    ['of 32 bits', { magic: 0x10b, machine: 0x14c, at: 7000, length: 1000 }, 'signed, for x86'],
    ['for ARM', { machine: 0xaa64 }, 'not signed, for arm64'],
    ['for a processor nobody knows', { machine: 0x1234 }, 'not signed, for 0x1234'],
    ['with its header beyond what was read', { start: 6000 }, 'no EFI program'],
  ])('%s is %s', (_, parts, text) => {
    const bytes = peImage(parts);
    expect(describePe(readPe(bytes.subarray(0, 4096), bytes.length))).toBe(text);
  });

  test.each([
    ['nothing', ''],
    ['a script', '#!ipxe\n'],
    ['two letters', 'MZ'],
  ])('is not made of %s', (_, text) => {
    expect(readPe(Buffer.from(text), text.length)).toEqual({ kind: 'other' });
  });

  test('whatever the bytes are, reading them ends in an answer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(), (tail, size) => {
        expect(['pe', 'other']).toContain(readPe(Uint8Array.from([0x4d, 0x5a, ...tail]), size).kind);
      }),
    );
  });
});

describe('a kernel for a host with Secure Boot', () => {
  const profile = profileOf('os', { kind: 'live', kernel: 'os/vmlinuz' });
  const images = (signed: boolean) => new Map([['os/vmlinuz', { kind: 'pe', machine: 'x64', signed } as const]]);

  test('that is not signed is named before it fails', () => {
    expect(judgeKernel({ secureBoot: true }, profile, { images: images(false) })).toEqual([
      {
        image: 'os/vmlinuz',
        good: false,
        because: 'os/vmlinuz is not signed, for x64: shim refuses it under Secure Boot ("bad shim signature")',
      },
    ]);
  });

  test('that is signed is good', () => {
    expect(judgeKernel({ secureBoot: true }, profile, { images: images(true) })[0]).toMatchObject({ good: true });
  });

  test('is nobody’s business on a host without', () => {
    expect(judgeKernel({}, profile, { images: images(false) })).toEqual([]);
  });
});
