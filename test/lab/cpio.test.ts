import { describe, expect, test } from 'vitest';
import { encodeCpio } from '../../src/lab/cpio.ts';

describe('a newc archive', () => {
  test('is padded to four bytes after each name and each body, and ends with the trailer', () => {
    const archive = encodeCpio([{ kind: 'file', path: 'abc', mode: 0o644, data: Buffer.from('hello') }]);
    expect(archive.toString('latin1', 0, 6)).toBe('070701');
    // Header of 110 bytes, name with its NUL: 114, padded to 116.
    expect(archive.toString('latin1', 110, 116)).toBe('abc\0\0\0');
    expect(archive.toString('latin1', 116, 124)).toBe('hello\0\0\0');
    expect(archive.indexOf('TRAILER!!!')).toBe(124 + 110);
    expect(archive.length % 4).toBe(0);
  });

  test('gives each kind of entry its type and permissions, and a device its numbers', () => {
    const archive = encodeCpio([
      { kind: 'directory', path: 'bin' },
      { kind: 'file', path: 'bin/run', mode: 0o755, data: Buffer.from('#!/bin/sh\n') },
      { kind: 'link', path: 'init', target: 'bin/run' },
      { kind: 'device', path: 'console', major: 5, minor: 1 },
    ]);
    expect(listEntries(archive)).toEqual([
      { name: 'bin', mode: 0o040755, body: '', device: [0, 0] },
      { name: 'bin/run', mode: 0o100755, body: '#!/bin/sh\n', device: [0, 0] },
      { name: 'init', mode: 0o120777, body: 'bin/run', device: [0, 0] },
      { name: 'console', mode: 0o020600, body: '', device: [5, 1] },
    ]);
  });
});

/** Reads an archive by the kernel's description of the format: thirteen fields of eight hex digits behind the magic. */
function listEntries(archive: Buffer): { name: string; mode: number; body: string; device: number[] }[] {
  const entries = [];
  let at = 0;
  for (;;) {
    const field = (index: number) =>
      Number.parseInt(archive.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    const [mode, size, major, minor, nameSize] = [field(1), field(6), field(9), field(10), field(11)];
    const name = archive.toString('latin1', at + 110, at + 110 + nameSize - 1);
    if (name === 'TRAILER!!!') return entries;
    const body = at + Math.ceil((110 + nameSize) / 4) * 4;
    entries.push({ name, mode, body: archive.toString('latin1', body, body + size), device: [major, minor] });
    at = body + Math.ceil(size / 4) * 4;
  }
}
