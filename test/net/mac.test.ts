import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatMac,
  hasMacPrefix,
  type Mac,
  type MacForm,
  macFromBytes,
  macToBytes,
  parseMac,
  parseMacPrefix,
} from '../../src/net/mac.ts';

const FORMS: readonly MacForm[] = ['colon', 'hyphen', 'dot', 'raw', 'upper'];
const bytes = fc.uint8Array({ minLength: 6, maxLength: 6 });

describe('parseMac', () => {
  test.each(['52:54:00:aa:bb:cc', '52-54-00-AA-BB-CC', '5254.00aa.bbcc', '525400AABBCC'])('reads %s', (text) => {
    expect(parseMac(text)).toBe('52:54:00:aa:bb:cc');
  });

  test.each([
    '',
    '52:54:00:aa:bb',
    '52:54:00:aa:bb:cc:dd',
    '52:54-00:aa:bb:cc',
    '52:54:00:aa:bb:cg',
    '01-52-54-00-aa-bb-cc',
    ' 525400aabbcc',
  ])('refuses %j', (text) => {
    expect(parseMac(text)).toBeUndefined();
  });
});

test('every form is read back as the same address', () => {
  fc.assert(
    fc.property(bytes, fc.constantFrom(...FORMS), (address, form) => {
      const mac = macFromBytes(address) as Mac;
      expect(parseMac(formatMac(mac, form))).toBe(mac);
      expect(macToBytes(mac)).toEqual(address);
    }),
  );
});

test('chaddr’s padding is not part of the address, and five bytes are none', () => {
  expect(macFromBytes(Uint8Array.of(1, 2, 3, 4, 5, 6, 0, 0))).toBe('01:02:03:04:05:06');
  expect(macFromBytes(Uint8Array.of(1, 2, 3, 4, 5))).toBeUndefined();
});

test('PXELINUX puts Ethernet’s hardware type in front', () => {
  expect(formatMac('52:54:00:aa:bb:cc' as Mac, 'pxelinux')).toBe('01-52-54-00-aa-bb-cc');
});

test.each([
  ['b8:27:eb', 'b8:27:eb:01:02:03', true],
  ['B827EB', 'b8:27:eb:01:02:03', true],
  ['b8-27-ec', 'b8:27:eb:01:02:03', false],
  ['b8:27:eb:01:02:03', 'b8:27:eb:01:02:03', true],
])('whether %s begins %s: %s', (text, address, expected) => {
  const prefix = parseMacPrefix(text);
  const mac = parseMac(address);
  expect(prefix && mac && hasMacPrefix(mac, prefix)).toBe(expected);
});

test.each(['', 'b', 'b8:2', 'b8:27:eb:01:02:03:04', 'xx'])('%j begins no MAC', (text) => {
  expect(parseMacPrefix(text)).toBeUndefined();
});
