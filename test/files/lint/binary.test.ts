/** Files of boot-images, known by how they begin. */
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Binary, HEAD_BYTES, readBinary } from '../../../src/files/lint/binary.ts';

/** Bytes at offsets. */
function file(parts: Readonly<Record<number, readonly number[]>>): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES);
  for (const [at, part] of Object.entries(parts)) bytes.set(part, Number(at));
  return bytes;
}

const HDRS = [0x48, 0x64, 0x72, 0x53];
const text = (value: string) => [...new TextEncoder().encode(value)];

describe('a file', () => {
  it.each<[string, Uint8Array, Binary]>([
    [
      'a bzImage for 64 bits',
      file({ 0: [0x4d, 0x5a], 510: [0x55, 0xaa], 514: HDRS, 518: [0x0f, 2], 566: [0x3f, 0] }),
      { kind: 'program', format: 'Linux bzImage', cpus: ['x64'] },
    ],
    [
      'a bzImage for 32 bits',
      file({ 510: [0x55, 0xaa], 514: HDRS, 518: [0x0f, 2], 566: [0, 0] }),
      { kind: 'program', format: 'Linux bzImage', cpus: ['x86', 'x64'] },
    ],
    ['an Image of ARM64', file({ 56: text('ARMd') }), { kind: 'program', format: 'Linux Image', cpus: ['arm64'] }],
    [
      'an EFI program of ARM64',
      file({ 0: [0x4d, 0x5a], 60: [0x80], 128: [0x50, 0x45, 0, 0, 0x64, 0xaa], 152: [0x0b, 2] }),
      { kind: 'program', format: 'EFI program', cpus: ['arm64'] },
    ],
    [
      'an ELF program of RISC-V',
      file({ 0: [0x7f, 0x45, 0x4c, 0x46, 2, 1], 18: [0xf3, 0] }),
      { kind: 'program', format: 'ELF program', cpus: ['riscv64'] },
    ],
    [
      'a big-endian ELF program',
      file({ 0: [0x7f, 0x45, 0x4c, 0x46, 2, 2], 18: [0, 21] }),
      { kind: 'program', format: 'ELF program', cpus: ['ppc'] },
    ],
    ['gzip', file({ 0: [0x1f, 0x8b] }), { kind: 'archive', format: 'gzip' }],
    ['cpio', Uint8Array.from(text('070701')), { kind: 'archive', format: 'cpio' }],
    ['a page', Uint8Array.from(text('\n<!DOCTYPE html>')), { kind: 'page' }],
    ['nothing', new Uint8Array(), { kind: 'empty' }],
    ['an MZ that goes nowhere', file({ 0: [0x4d, 0x5a], 60: [0xff, 0xff, 0xff, 0xff] }), { kind: 'other' }],
    ['anything else', Uint8Array.from([1]), { kind: 'other' }],
  ])('is %s', (_, bytes, expected) => {
    expect(readBinary(bytes)).toEqual(expected);
  });

  it('of any bytes is something', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => typeof readBinary(bytes).kind === 'string'));
  });

  it.runIf(existsSync('/proc/self/exe'))('is a program: the one that runs this', () => {
    expect(readBinary(readFileSync('/proc/self/exe').subarray(0, HEAD_BYTES))).toMatchObject({ format: 'ELF program' });
  });
});
