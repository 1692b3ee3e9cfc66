import { describe, expect, test } from 'vitest';
import { findDigest, findInIndex } from '../../src/images/checksums.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const LONG = 'c'.repeat(128);

describe('a publisher’s list', () => {
  test.each<[string, string, string, string | undefined]>([
    ['coreutils, text mode', `${A}  x.iso\n${B}  y.iso\n`, 'y.iso', B],
    ['coreutils, binary mode', `${A} *x.iso\n`, 'x.iso', A],
    ['a name with ./', `${A}  ./boot/linux\n`, 'boot/linux', A],
    ['names without directories', `${A}  linux\n`, 'boot/linux', A],
    ['names with more directories', `${A}  oss/boot/linux\n`, 'boot/linux', A],
    ['BSD', `# comment\nSHA256 (x.iso) = ${A}\n`, 'x.iso', A],
    ['.treeinfo', `[checksums]\nimages/pxeboot/vmlinuz = sha256:${A}\n`, 'images/pxeboot/vmlinuz', A],
    ['one hash alone', `${A}\n`, 'x.iso', A],
    ['upper case and CRLF', `${A.toUpperCase()}  x.iso\r\n`, 'x.iso', A],
    [
      'Flatcar: several kinds, the strongest is taken',
      `# MD5 HASH\n${'0'.repeat(32)}  x\n# SHA512 HASH\n${LONG}  x\n`,
      'x',
      LONG,
    ],
    ['only MD5', `${'0'.repeat(32)}  x\n`, 'x', undefined],
    ['only SHA-1', `${'0'.repeat(40)}  x\n`, 'x', undefined],
    ['another file', `${A}  other\n`, 'x', undefined],
    ['two that differ', `${A}  x\n${B}  x\n`, 'x', undefined],
    ['two that agree', `${A}  x\n${A}  x\n`, 'x', A],
    ['a name that only ends alike', `${A}  not-x.iso\n`, 'x.iso', undefined],
    ['an empty list', '', 'x', undefined],
  ])('%s', (_, list, path, hex) => {
    expect(findDigest(list, path)?.hex).toBe(hex);
  });

  test('an exact path wins over one that only ends alike', () => {
    expect(findDigest(`${B}  other/linux\n${A}  boot/linux\n`, 'boot/linux')?.hex).toBe(A);
  });
});

describe('an index', () => {
  const index = {
    pxe: { kernel: { location: 'https://example.net/k', sha256: A }, odd: { location: 'x', sha256: 'short' } },
  };

  test('gives location and digest at a dotted path', () => {
    expect(findInIndex(index, 'pxe.kernel')).toEqual({
      location: 'https://example.net/k',
      digest: { algorithm: 'sha256', hex: A },
    });
  });

  test.each(['pxe', 'pxe.none', 'pxe.odd', 'pxe.kernel.location', '__proto__.x', 'constructor'])(
    'has nothing at %s',
    (path) => {
      expect(findInIndex(index, path)).toBeUndefined();
    },
  );
});
