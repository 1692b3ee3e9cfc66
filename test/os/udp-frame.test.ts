import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Ipv4, ipv4FromNumber } from '../../src/net/ipv4.ts';
import { buildUdpPacket, internetChecksum, type UdpEndpoints } from '../../src/os/udp-frame.ts';

const ENDS: UdpEndpoints = {
  source: '10.91.3.1' as Ipv4,
  sourcePort: 67,
  destination: '10.91.3.77' as Ipv4,
  destinationPort: 68,
};

it('writes the headers of RFC 791 and RFC 768', () => {
  const packet = Buffer.from(buildUdpPacket(ENDS, 0x1234, Buffer.from('OFFER')));
  expect(packet.toString('hex')).toBe(
    '45000021123400004011' +
      '4d95' +
      '0a5b03010a5b034d' +
      '00430044000d' +
      'fcbd' +
      Buffer.from('OFFER').toString('hex'),
  );
});

it('computes the checksum of the example in RFC 1071 §3', () => {
  expect(internetChecksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7))).toBe(~0xddf2 & 0xffff);
});

it('never writes a zero UDP checksum, which would mean none', () => {
  const ends = { source: '0.0.0.0' as Ipv4, sourcePort: 0, destination: '0.0.0.0' as Ipv4, destinationPort: 0 };
  // 17 (protocol) + 2 × 10 (length) + data = 0xffff, whose complement is zero.
  const packet = buildUdpPacket(ends, 0, Uint8Array.of(0xff, 0xff - 17 - 20));
  expect(Buffer.from(packet).readUInt16BE(26)).toBe(0xffff);
});

it('refuses what does not fit a datagram', () => {
  expect(() => buildUdpPacket(ENDS, 0, new Uint8Array(65_508))).toThrow(RangeError);
  expect(buildUdpPacket(ENDS, 0, new Uint8Array(65_507))).toHaveLength(65_535);
});

it('makes packets whose checksums a receiver finds right, for any addresses, ports and data', () => {
  const address = fc.integer({ min: 0, max: 0xffffffff }).map(ipv4FromNumber);
  const port = fc.integer({ min: 0, max: 65535 });
  const ends = fc.record({ source: address, sourcePort: port, destination: address, destinationPort: port });
  fc.assert(
    fc.property(ends, port, fc.uint8Array({ maxLength: 700 }), (from, identification, data) => {
      const packet = buildUdpPacket(from, identification, data);
      const pseudo = Buffer.alloc(12);
      pseudo.set(packet.subarray(12, 20));
      pseudo[9] = 17;
      pseudo.writeUInt16BE(packet.length - 20, 10);
      expect(internetChecksum(packet.subarray(0, 20))).toBe(0);
      expect(internetChecksum(Buffer.concat([pseudo, packet.subarray(20)]))).toBe(0);
      expect(Buffer.from(packet.subarray(28))).toEqual(Buffer.from(data));
    }),
  );
});
