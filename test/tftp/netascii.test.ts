import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNetasciiDecoder, encodeNetascii } from '../../src/tftp/netascii.ts';
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

function decodePieces(pieces: readonly Uint8Array[]): Uint8Array {
  const decoder = createNetasciiDecoder();
  return Uint8Array.from([...pieces.flatMap((piece) => [...decoder.decode(piece)]), ...decoder.end()]);
}

describe('netascii received', () => {
  it.each([
    ['CR LF', 'a\r\nb', 'a\nb'],
    ['CR NUL', 'a\r\0b', 'a\rb'],
    ['LF alone', 'a\nb', 'a\nb'],
    ['NUL alone', 'a\0b', 'a\0b'],
    ['CR and another, both kept', 'a\rb', 'a\rb'],
    ['CR CR LF', '\r\r\n', '\r\n'],
    ['CR at the end', 'a\r', 'a\r'],
  ])('T-44 translates %s', (_name, translated, octets) => {
    expect(decodePieces([latin(translated)])).toEqual(latin(octets));
  });

  it('T-45 gives back what was translated, wherever it is cut', () => {
    const octets = fc.uint8Array().map((bytes) => bytes.map((b) => (b < 100 ? 10 : b < 180 ? 13 : b)));
    fc.assert(
      fc.property(octets, fc.integer({ min: 1, max: 9 }), (bytes, size) => {
        const whole = encodeNetascii(bytes);
        const pieces = Array.from({ length: Math.ceil(whole.length / size) }, (_, index) =>
          whole.subarray(index * size, (index + 1) * size),
        );
        expect(decodePieces(pieces)).toEqual(bytes);
      }),
    );
  });
});
