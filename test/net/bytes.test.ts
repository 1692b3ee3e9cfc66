import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter, WireError } from '../../src/net/bytes.ts';

test('what is written is read back', () => {
  fc.assert(
    fc.property(
      fc.nat(0xff),
      fc.nat(0xffff),
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.uint8Array(),
      (a, b, c, rest) => {
        const bytes = new ByteWriter(1).u8(a).u16(b).u32(c).put(rest).zeros(2).done();
        const reader = new ByteReader(bytes);
        expect([reader.u8('a'), reader.u16('b'), reader.u32('c')]).toEqual([a, b, c]);
        expect(reader.take(rest.length, 'rest')).toEqual(rest);
        expect(reader.take(2, 'zeros')).toEqual(Uint8Array.of(0, 0));
        expect(reader.remaining).toBe(0);
      },
    ),
  );
});

test('reading past the end says what was wanted and where', () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3));
  reader.u16('first');
  expect(() => reader.u32('xid')).toThrow(new WireError('truncated', 2, 'xid needs 4 bytes, 1 are left'));
  expect(reader.offset).toBe(2);
});

test('a reader of a part stops at its end', () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4), 1, 3);
  expect(reader.u16('part')).toBe(0x0203);
  expect(() => reader.u8('more')).toThrow(WireError);
});

test('a field is filled up with zeros and refuses what does not fit', () => {
  expect(new ByteWriter().field([1, 2], 4).done()).toEqual(Uint8Array.of(1, 2, 0, 0));
  expect(() => new ByteWriter().field([1, 2, 3], 2)).toThrow(RangeError);
});
