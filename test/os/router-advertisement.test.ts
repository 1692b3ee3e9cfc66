import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Mac, parseMac } from '../../src/net/mac.ts';
import { buildNoRouterAdvertisement, linkLocalOf } from '../../src/os/router-advertisement.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const US = '52:54:00:00:00:01' as Mac;
const CLIENT = '52:54:00:77:00:01' as Mac;

describe('the advertisement of somebody who is no router', () => {
  it('is byte for byte what tcpdump reads as "router lifetime 0s", with a checksum computed elsewhere', () => {
    expect(hex(buildNoRouterAdvertisement(US, CLIENT))).toBe(
      [
        // Version 6, payload 16 bytes, ICMPv6, hop limit 255.
        '6000000000103aff',
        'fe80000000000000505400fffe000001',
        'fe80000000000000505400fffe770001',
        // Type 134, code 0, checksum; hop limit 0, no flags, lifetime 0; no times; no options.
        '8600dd91000000000000000000000000',
      ].join(''),
    );
  });

  it('RFC 4861 §6.1.2: is valid between any two cards, and never says more than that there is no router', () => {
    const card = fc
      .uint8Array({ minLength: 6, maxLength: 6 })
      .map((bytes) => parseMac(hex(bytes)))
      .filter((mac) => mac !== undefined);
    fc.assert(
      fc.property(card, card, (from, to) => {
        const packet = Buffer.from(buildNoRouterAdvertisement(from, to));
        expect(packet.length).toBe(56);
        expect(packet[7]).toBe(255);
        expect(packet.subarray(8, 24)).toEqual(Buffer.from(linkLocalOf(from)));
        expect(packet.subarray(24, 40)).toEqual(Buffer.from(linkLocalOf(to)));
        expect(sumOf(packet)).toBe(0xffff);
        // Hop limit, flags, lifetime, reachable time, retransmission timer: nothing of them is set.
        expect(packet.subarray(44)).toEqual(Buffer.alloc(12));
      }),
    );
  });

  it('a link-local address turns the universal bit and puts ff:fe in the middle', () => {
    expect(hex(linkLocalOf('00:11:22:33:44:55' as Mac))).toBe('fe80000000000000021122fffe334455');
    expect(hex(linkLocalOf('02:11:22:33:44:55' as Mac))).toBe('fe80000000000000001122fffe334455');
  });
});

/** The sum over pseudo header and message, word by word: all ones when the checksum is right (RFC 1071). */
function sumOf(packet: Buffer): number {
  let sum = packet.readUInt16BE(4) + (packet[6] ?? 0);
  for (let at = 8; at < packet.length; at += 2) sum += packet.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}
