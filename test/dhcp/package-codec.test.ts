// @ts-expect-error the package has no types
import protocol from 'dhcp/lib/protocol.js';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { decodeOption, encodeOption } from '../../src/dhcp/options.ts';
import { decode, encode } from '../../src/dhcp/packet.ts';
import { ipv4FromNumber } from '../../src/net/ipv4.ts';
import { macToBytes, parseMac } from '../../src/net/mac.ts';

// The npm package's codec as a second opinion, on what it can read: Ethernet, no pads before END, each option once.
// Left out: what it has wrong (12, 20, 34, 36, 39, 45, 61, 68, 95, 119, 121, 249), lacks, or reads as lists of bytes.
const address = fc.nat(0xffffffff).map(ipv4FromNumber);
const addresses = fc.array(address, { minLength: 1, maxLength: 4 });
const word = fc.stringMatching(/^[a-z0-9./-]{1,40}$/);
const values: Record<number, fc.Arbitrary<unknown>> = {
  1: address,
  2: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  3: addresses,
  6: addresses,
  13: fc.nat(0xffff),
  15: word,
  17: word,
  22: fc.nat(0xffff),
  23: fc.nat(255),
  24: fc.nat(0xffffffff),
  25: fc.array(fc.nat(0xffff), { minLength: 1, maxLength: 8 }),
  28: address,
  42: addresses,
  50: address,
  51: fc.nat(0xffffffff),
  53: fc.integer({ min: 1, max: 8 }),
  54: address,
  55: fc.array(fc.nat(255), { minLength: 1, maxLength: 40 }),
  57: fc.nat(0xffff),
  60: word,
  66: word,
  67: word,
  145: fc.array(fc.nat(255), { minLength: 1, maxLength: 8 }),
  208: fc.nat(0xffffffff),
  209: word,
  211: fc.nat(0xffffffff),
};

const packets = fc.record({
  xid: fc.nat(0xffffffff),
  secs: fc.nat(0xffff),
  flags: fc.constantFrom(0, 0x8000),
  ciaddr: address,
  yiaddr: address,
  siaddr: address,
  giaddr: address,
  sname: fc.constantFrom('', 'boot.example'),
  file: word,
  chaddr: fc
    .uint8Array({ minLength: 6, maxLength: 6 })
    .map((bytes) => Array.from(bytes, (byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join('-')),
  options: fc.record(values, { requiredKeys: [], noNullPrototype: true }),
});

it('reads what the package writes, and writes what the package reads', () => {
  const complaints = vi.spyOn(console, 'error').mockImplementation(() => {});
  fc.assert(
    fc.property(packets, (fields) => {
      const written = protocol.format({ op: 2, htype: 1, hlen: 6, hops: 0, ...fields });
      const packet = decode(new Uint8Array(written._data.subarray(0, written._w)));
      const { chaddr, options, ...header } = fields;
      const mac = parseMac(chaddr);
      expect(packet).toMatchObject({ op: 2, htype: 1, hlen: 6, hops: 0, ...header, notes: [] });
      expect(mac && macToBytes(mac)).toEqual(packet.chaddr.subarray(0, 6));
      expect(valuesOf(packet.options)).toEqual(options);

      const ours = new Map(
        Object.entries(options).map(([code, value]) => [Number(code), encodeOption(Number(code), value)]),
      );
      const { bytes } = encode({ ...packet, options: ours }, { maxPayload: 1472 });
      const read = protocol.parse(Buffer.from(bytes));
      expect(read).toMatchObject({ op: 2, htype: 1, hlen: 6, hops: 0, ...fields });
    }),
  );
  expect(complaints).not.toHaveBeenCalled();
  complaints.mockRestore();
});

function valuesOf(options: ReadonlyMap<number, Uint8Array>): Record<string, unknown> {
  return Object.fromEntries([...options].map(([code, bytes]) => [code, decodeOption(code, bytes)]));
}
