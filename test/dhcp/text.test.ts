import { describe, expect, it } from 'vitest';
import { bytesFromHex, quote, textFromBytes, textToBytes } from '../../src/dhcp/text.ts';

describe('textFromBytes', () => {
  it.each<[string, number[], string]>([
    ['D-10: ends at a NUL', [0x61, 0, 0x62], 'a'],
    ['reads UTF-8', [0xc3, 0xa9], 'é'],
    ['keeps bytes that are not UTF-8, one character each', [0xff, 0x41], 'ÿA'],
    ['keeps a byte order mark', [0xef, 0xbb, 0xbf, 0x41], '\ufeffA'],
    ['is empty for nothing', [], ''],
  ])('%s', (_, bytes, expected) => {
    expect(textFromBytes(Uint8Array.from(bytes))).toBe(expected);
  });
});

it('ends a boot file name with a NUL for firmware that wants it', () => {
  expect([...textToBytes('a', { nul: true })]).toEqual([0x61, 0]);
  expect([...textToBytes('a')]).toEqual([0x61]);
});

it.each<[string, number[] | undefined]>([
  ['0x0102', [1, 2]],
  ['01:02', [1, 2]],
  ['01-02', [1, 2]],
  ['01 02', [1, 2]],
  ['0102', [1, 2]],
  ['', []],
  ['012', undefined],
  ['zz', undefined],
  ['01::02', undefined],
])('bytesFromHex(%j) is %j', (hex, expected) => {
  expect(bytesFromHex(hex)).toEqual(expected && Uint8Array.from(expected));
});

it('escapes what could forge a line or turn its direction', () => {
  expect(quote('a\n\u001b[31m\u202e\u2066\u0085"')).toBe('"a\\n\\u001b[31m\\u202e\\u2066\\u0085\\""');
});
