import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeNetascii } from '../../src/tftp/netascii.ts';
import { decodeNetascii } from '../support/netascii.ts';

const latin = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));

describe('netascii', () => {
  it.each([
    ['nothing', '', ''],
    ['LF', 'a\nb', 'a\r\nb'],
    ['CR', 'a\rb', 'a\r\0b'],
    ['CR LF', 'a\r\nb', 'a\r\0\r\nb'],
    ['LF at the end', 'a\n', 'a\r\n'],
    ['octets above 127 and NUL', '\xff\0', '\xff\0'],
  ])('T-44 translates %s', (_name, octets, expected) => {
    expect(encodeNetascii(latin(octets))).toEqual(latin(expected));
  });

  it('T-45 translates pieces as it translates the whole', () => {
    const octets = fc.uint8Array().map((bytes) => bytes.map((b) => (b < 100 ? 10 : b < 180 ? 13 : b)));
    fc.assert(
      fc.property(octets, fc.nat(), (bytes, at) => {
        const cut = at % (bytes.length + 1);
        const whole = encodeNetascii(bytes);
        expect([...encodeNetascii(bytes.subarray(0, cut)), ...encodeNetascii(bytes.subarray(cut))]).toEqual([...whole]);
        expect(decodeNetascii(whole)).toEqual(bytes);
      }),
    );
  });
});
