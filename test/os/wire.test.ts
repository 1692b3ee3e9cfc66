import { describe, expect, it } from 'vitest';
import type { Ipv4 } from '../../src/net/ipv4.ts';
import type { Mac } from '../../src/net/mac.ts';
import { linkAddress } from '../../src/os/libc-packets.ts';
import { buildUdpPacket } from '../../src/os/udp-frame.ts';
import { arpQuestion, readArp, readUdp } from '../../src/os/wire.ts';

const MAC = '52:54:00:00:00:01' as Mac;

describe('packets below UDP', () => {
  it('an ARP question names nobody as its sender, so that nobody learns from it', () => {
    expect(Buffer.from(arpQuestion(MAC, '10.1.0.5' as Ipv4)).toString('hex')).toBe(
      '0001080006040001525400000001000000000000000000000a010005',
    );
    expect(readArp(arpQuestion(MAC, '10.1.0.5' as Ipv4))).toEqual([]);
  });

  it('whoever answers or asks says what its address is', () => {
    const answer = arpQuestion(MAC, '10.1.0.1' as Ipv4);
    answer.set([10, 1, 0, 5], 14);
    expect(readArp(answer)).toEqual([{ address: '10.1.0.5', mac: MAC }]);
    for (let length = 0; length < answer.length; length++) expect(readArp(answer.subarray(0, length))).toEqual([]);
  });

  it('a UDP payload ends where the datagram says, not where the frame does', () => {
    const ends = { source: '10.1.0.9' as Ipv4, sourcePort: 67, destination: '10.1.0.1' as Ipv4, destinationPort: 68 };
    const packet = buildUdpPacket(ends, 1, Uint8Array.of(1, 2, 3));
    const padded = Uint8Array.of(...packet, 0, 0, 0, 0);
    expect(readUdp(padded)).toEqual([{ bytes: Uint8Array.of(1, 2, 3), from: '10.1.0.9' }]);
    for (let length = 0; length < 28; length++) expect(readUdp(packet.subarray(0, length))).toEqual([]);
  });

  it('struct sockaddr_ll has its fields where the kernel looks', () => {
    expect(Buffer.from(linkAddress(3, 0x0806, MAC)).toString('hex')).toBe('1100080603000000010000065254000000010000');
  });
});
