import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WireError } from '../../src/net/bytes.ts';
import { answerable, dataHeader, decode, encode, encodeError, type TftpPacket } from '../../src/tftp/packet.ts';

/** `\0` in the text is a NUL; everything else is Latin-1. */
function bytesOf(opcode: number, text: string): Uint8Array {
  return Uint8Array.of(0, opcode, ...Buffer.from(text, 'latin1'));
}

function requestOf(text: string, opcode = 1) {
  const packet = decode(bytesOf(opcode, text));
  if (packet.kind !== 'rrq' && packet.kind !== 'wrq') throw new Error(`decoded as ${packet.kind}`);
  return packet;
}

function errorOf(bytes: Uint8Array): WireError {
  try {
    decode(bytes);
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
  throw new Error('decoded without an error');
}

describe('requests', () => {
  it('T-2 are name, mode and options, each ended by NUL', () => {
    const packet = requestOf('pxelinux.0\0octet\0tsize\x000\0blksize\x001408\0');
    expect(packet).toMatchObject({ kind: 'rrq', path: 'pxelinux.0', mode: 'octet', repeated: [] });
    expect([...packet.options]).toEqual([
      ['tsize', '0'],
      ['blksize', '1408'],
    ]);
  });

  it.each([
    ['T-2 without any NUL', false, 'pxelinux.0'],
    ['T-2 without an end of the mode', true, 'pxelinux.0\0octet'],
    ['T-2 without a name', true, '\0octet\0'],
    ['T-3 in mail mode', true, 'pxelinux.0\0mail\0'],
    ['T-3 in an unknown mode', true, 'pxelinux.0\0octets\0'],
  ])('%s are malformed; answered: %s', (_name, answered, text) => {
    expect(answerable(errorOf(bytesOf(1, text)))).toBe(answered);
  });

  it.each([
    ['OCTET', 'octet'],
    ['Binary', 'octet'],
    ['NetASCII', 'netascii'],
  ])('T-3 take the mode %s as %s', (written, mode) => {
    expect(requestOf(`a\0${written}\0BlkSize\x008\0`)).toMatchObject({ mode, options: new Map([['blksize', '8']]) });
  });

  it.each([
    ['an option without a value', 'a\0octet\0blksize\x00512\0tsize\0'],
    ['a value without an end', 'a\0octet\0blksize\x00512\0tsize\x000'],
    ['a name without an end', 'a\0octet\0blksize\x00512\0tsi'],
    ['padding', 'a\0octet\0blksize\x00512\0\0\0\0\0'],
  ])('T-4 keep the complete pairs before %s', (_name, text) => {
    expect([...requestOf(text).options]).toEqual([['blksize', '512']]);
  });

  it('T-4 may be longer than 512 bytes', () => {
    expect(requestOf(`${'d/'.repeat(400)}f\0octet\0tsize\x000\0`).options.get('tsize')).toBe('0');
  });

  it('are refused when no client would send one so long', () => {
    const error = errorOf(bytesOf(1, `${'a'.repeat(2048)}\0octet\0`));
    expect(error.code).toBe('bad-text');
    expect(answerable(error)).toBe(true);
  });

  it('T-5 keep the first of a repeated option and name it', () => {
    const packet = requestOf('a\0octet\0blksize\x00512\0BLKSIZE\x001024\0');
    expect(packet.options.get('blksize')).toBe('512');
    expect(packet.repeated).toEqual(['blksize']);
  });

  it('are WRQ with opcode 2', () => {
    expect(requestOf('a\0octet\0', 2).kind).toBe('wrq');
  });
});

describe('other packets', () => {
  it.each([
    ['nothing', []],
    ['one byte', [0]],
    ['T-63 two bytes', [0, 4]],
    ['three bytes', [0, 4, 0]],
  ])('T-1 under four bytes are dropped: %s', (_name, bytes) => {
    const error = errorOf(Uint8Array.from(bytes));
    expect(error.code).toBe('truncated');
    expect(answerable(error)).toBe(false);
  });

  it.each([0, 7, 256, 0x0100 + 1])('T-1 of opcode %i are none of TFTP', (opcode) => {
    expect(errorOf(Uint8Array.of(opcode >>> 8, opcode & 255, 0, 0, 0)).code).toBe('bad-opcode');
  });

  it('T-63 an ACK may have bytes behind it', () => {
    expect(decode(Uint8Array.of(0, 4, 0xff, 0xfe, 9, 9, 9))).toEqual({ kind: 'ack', block: 0xfffe });
  });

  it('an ERROR may lack its NUL or its text', () => {
    expect(decode(bytesOf(5, '\0\x08User aborted'))).toEqual({ kind: 'error', code: 8, text: 'User aborted' });
    expect(decode(Uint8Array.of(0, 5, 0, 1))).toEqual({ kind: 'error', code: 1, text: '' });
  });

  it('T-11 an OACK has one NUL after each string and nothing behind', () => {
    const options = new Map([
      ['blksize', '1432'],
      ['tsize', '0'],
    ]);
    expect(encode({ kind: 'oack', options })).toEqual(bytesOf(6, 'blksize\x001432\0tsize\x000\0'));
  });

  it('T-49 the text of an ERROR is short printable ASCII', () => {
    const bytes = encodeError(2, `no\n${'ä'.repeat(1000)}`);
    expect(bytes.length).toBe(4 + 500 + 1);
    expect(decode(bytes)).toEqual({ kind: 'error', code: 2, text: `no?${'?'.repeat(497)}` });
  });

  it('a DATA header is what stands before the payload', () => {
    const payload = Uint8Array.of(1, 2, 3);
    const header = new Uint8Array(4);
    new DataView(header.buffer).setUint32(0, dataHeader(0xabcd));
    expect(Uint8Array.from([...header, ...payload])).toEqual(encode({ kind: 'data', block: 0xabcd, payload }));
  });
});

describe('the codec', () => {
  const text = fc.string({ unit: 'binary' }).map((s) => s.replaceAll('\0', '').toWellFormed());
  const name = text.filter((s) => s !== '');
  const u16 = fc.integer({ min: 0, max: 0xffff });
  const options = fc.uniqueArray(fc.tuple(name, text), { selector: ([key]) => key.toLowerCase() }).map((pairs) => {
    return new Map(pairs.map(([key, value]) => [key.toLowerCase(), value]));
  });
  const packet: fc.Arbitrary<TftpPacket> = fc.oneof(
    fc.record({
      kind: fc.constantFrom('rrq' as const, 'wrq' as const),
      path: name,
      mode: fc.constantFrom('octet' as const, 'netascii' as const),
      options,
      repeated: fc.constant([]),
    }),
    fc.record({ kind: fc.constant('data' as const), block: u16, payload: fc.uint8Array() }),
    fc.record({ kind: fc.constant('ack' as const), block: u16 }),
    fc.record({ kind: fc.constant('error' as const), code: u16, text: fc.string({ maxLength: 500 }) }),
    fc.record({ kind: fc.constant('oack' as const), options: options.filter((map) => map.size > 0) }),
  );

  it('reads what it writes', () => {
    fc.assert(
      fc.property(packet, (value) => {
        expect(decode(encode(value))).toEqual(value);
      }),
    );
  });

  it('T-75 throws nothing but WireError, whatever comes', () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      fc.tuple(fc.integer({ min: 0, max: 8 }), fc.uint8Array()).map(([op, rest]) => Uint8Array.of(0, op, ...rest)),
    );
    fc.assert(
      fc.property(anything, (bytes) => {
        try {
          decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
