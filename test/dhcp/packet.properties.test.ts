import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeOption, formatOption } from '../../src/dhcp/options.ts';
import { type DecodedPacket, decode, encode, type Packet } from '../../src/dhcp/packet.ts';
import { describePacket } from '../../src/dhcp/summary.ts';
import { WireError } from '../../src/net/bytes.ts';
import { ipv4FromNumber } from '../../src/net/ipv4.ts';
import { CLIENT_PACKET_NAMES, clientBytes } from '../support/dhcp-clients.ts';

const address = fc.nat(0xffffffff).map(ipv4FromNumber);
const u8 = fc.nat(255);
const fieldText = (most: number) =>
  fc.string({ unit: 'grapheme', maxLength: most }).filter((text) => !text.includes('\0') && utf8(text).length <= most);
const options = (largest: number) =>
  fc
    .uniqueArray(
      fc.tuple(
        fc.integer({ min: 1, max: 254 }).filter((code) => code !== 52),
        fc.uint8Array({ maxLength: largest }),
      ),
      { selector: ([code]) => code, maxLength: 30 },
    )
    .map((entries) => new Map(entries));

const packets = (largestOption: number): fc.Arbitrary<Packet> =>
  fc.record({
    op: fc.constantFrom(1, 2),
    htype: u8,
    hlen: fc.nat(16),
    hops: fc.nat(16),
    xid: fc.nat(0xffffffff),
    secs: fc.nat(0xffff),
    flags: fc.nat(0xffff),
    ciaddr: address,
    yiaddr: address,
    siaddr: address,
    giaddr: address,
    chaddr: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    sname: fieldText(63),
    file: fieldText(127),
    options: options(largestOption),
  });

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function decodeOrRefuse(bytes: Uint8Array): DecodedPacket | undefined {
  try {
    return decode(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
    return undefined;
  }
}

describe('decode', () => {
  it('throws nothing but WireError on any bytes, and what it reads can be described', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), (bytes) => {
        const packet = decodeOrRefuse(bytes);
        if (packet) describePacket(packet);
      }),
    );
  });

  it('throws nothing but WireError on any option bytes behind a sound header', () => {
    const header = clientBytes('edk2-pxe-x64').subarray(0, 240);
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 500 }),
        fc.uint8Array({ minLength: 192, maxLength: 192 }),
        (tail, names) => {
          const bytes = Uint8Array.of(...header, ...tail);
          bytes.set(names, 44);
          const packet = decodeOrRefuse(bytes);
          expect(packet).toBeDefined();
          if (packet) expect(describePacket(packet)).toContain('xid');
        },
      ),
    );
  });

  it.each(CLIENT_PACKET_NAMES)(
    'takes %s cut at every byte: refused in the header, read with a note behind it',
    (name) => {
      const whole = clientBytes(name);
      for (let length = 0; length < whole.length; length++) {
        const packet = decodeOrRefuse(whole.subarray(0, length));
        expect(packet !== undefined, `cut at ${length}`).toBe(length >= 240);
        const end = whole.lastIndexOf(255);
        if (packet && length <= end) expect(packet.notes, `cut at ${length}`).toHaveLength(1);
      }
    },
  );

  it('is undone by encode: nothing is lost while it fits', () => {
    fc.assert(
      fc.property(packets(600), fc.array(u8), (packet, order) => {
        const { bytes, dropped, overload } = encode(packet, { maxPayload: 65507, order });
        expect(dropped).toEqual([]);
        expect(decode(bytes)).toEqual({ ...packet, overload, notes: [] });
      }),
    );
  });
});

describe('encode', () => {
  it('never exceeds the maximum, never falls under 300, and loses only what it says it dropped', () => {
    fc.assert(
      fc.property(packets(300), fc.integer({ min: 300, max: 1472 }), fc.array(u8), (packet, maxPayload, order) => {
        const { bytes, dropped, overload } = encode(packet, { maxPayload, order });
        expect(bytes.length).toBeLessThanOrEqual(maxPayload);
        expect(bytes.length).toBeGreaterThanOrEqual(300);
        const kept = new Map([...packet.options].filter(([code]) => !dropped.includes(code)));
        expect(decode(bytes)).toEqual({ ...packet, options: kept, overload, notes: [] });
      }),
    );
  });

  it('never loses 82 when another option could go', () => {
    fc.assert(
      fc.property(packets(200), fc.uint8Array({ maxLength: 50 }), (packet, relay) => {
        const { dropped } = encode({ ...packet, options: new Map([...packet.options, [82, relay]]) });
        expect(dropped).not.toContain(82);
      }),
    );
  });
});

describe('options', () => {
  it('decodes and shows any bytes of any code without throwing', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.uint8Array({ maxLength: 300 }), (code, bytes) => {
        decodeOption(code, bytes);
        expect([...formatOption(code, bytes)].every((character) => character >= ' ')).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
