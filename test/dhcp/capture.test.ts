import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../src/dhcp/capture.ts';
import { WireError } from '../../src/net/bytes.ts';
import { clientBytes } from '../support/dhcp-clients.ts';
import { cooked, ethernet, ipv4Udp, pcap, pcapng } from '../support/pcap.ts';

const DISCOVER = clientBytes('edk2-pxe-x64');
const OFFER = clientBytes('offer-proxy-menu');
const discover = ipv4Udp(DISCOVER, [68, 67]);
const offer = ipv4Udp(OFFER, [4011, 4011]);
const dns = ipv4Udp(Uint8Array.of(1, 2, 3), [5353, 53]);
const text = (source: string) => new TextEncoder().encode(source);
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('capture files', () => {
  it.each<[string, Uint8Array]>([
    ['pcap, little-endian', pcap([ethernet(dns), ethernet(discover), ethernet(offer)])],
    [
      'pcap, big-endian, nanoseconds',
      pcap([ethernet(dns), ethernet(discover), ethernet(offer)], { little: false, nanoseconds: true }),
    ],
    ['pcapng', pcapng([ethernet(dns), ethernet(discover), ethernet(offer)])],
    ['pcapng, big-endian', pcapng([ethernet(dns), ethernet(discover), ethernet(offer)], { little: false })],
  ])('%s: gives the DHCP payloads with frame number, ports and time', (_, file) => {
    const packets = readCapture(file);
    expect(packets.map(({ number, at }) => ({ number, at }))).toEqual([
      { number: 2, at: 1_700_000_000_003 },
      { number: 3, at: 1_700_000_000_004 },
    ]);
    expect(packets.map(({ bytes }) => hexOf(bytes))).toEqual([hexOf(DISCOVER), hexOf(OFFER)]);
    expect(packets[0]?.frame).toMatchObject({
      source: '10.77.0.1',
      sourcePort: 68,
      destination: '255.255.255.255',
      destinationPort: 67,
    });
  });

  it.each<[string, Uint8Array]>([
    ['a VLAN tag', pcap([ethernet(discover, [0x8100])])],
    ['two VLAN tags', pcap([ethernet(discover, [0x88a8, 0x8100])])],
    ['Linux cooked', pcap([cooked(discover, 1)], { linkType: 113 })],
    ['Linux cooked, version 2', pcapng([cooked(discover, 2)], { linkType: 276 })],
    ['raw IP', pcap([discover], { linkType: 101 })],
    ['BSD loopback', pcap([Uint8Array.of(2, 0, 0, 0, ...discover)], { linkType: 0 })],
    ['IP options', pcap([ethernet(ipv4Udp(DISCOVER, [68, 67], { options: 8 }))])],
    ['simple packet blocks', pcapng([ethernet(discover)], { kind: 'simple' })],
    ['bytes behind the datagram', pcap([Uint8Array.of(...ethernet(discover), 1, 2, 3)])],
  ])('reads through %s', (_, file) => {
    expect(readCapture(file).map(({ bytes }) => hexOf(bytes))).toEqual([hexOf(DISCOVER)]);
  });

  it('leaves out later fragments, other protocols and frames too short for a header', () => {
    const fragment = ipv4Udp(DISCOVER, [68, 67], { fragment: 100 });
    const ipv6 = Uint8Array.of(...Array<number>(12).fill(0), 0x86, 0xdd, ...discover);
    expect(readCapture(pcap([ethernet(fragment), ipv6, Uint8Array.of(1, 2), new Uint8Array()]))).toEqual([]);
  });

  it('keeps the frames before the one that is cut off', () => {
    const frames = [ethernet(discover), ethernet(offer)];
    for (const file of [pcap(frames), pcapng(frames)])
      expect(readCapture(file.subarray(0, file.length - 30))).toHaveLength(1);
  });

  it.each<[string, Uint8Array, string]>([
    ['a link type nobody can read', pcap([], { linkType: 127 }), 'link type 127 is not one of'],
    ['a cut header', pcap([]).subarray(0, 20), 'the pcap header is cut off'],
    [
      'a block without length',
      Uint8Array.of(...pcapng([]), 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
      'a pcapng block of 0 bytes',
    ],
  ])('refuses %s', (_, file, message) => {
    expect(() => readCapture(file)).toThrow(WireError);
    expect(() => readCapture(file)).toThrow(message);
  });
});

describe('hex text', () => {
  const rows = (bytes: Uint8Array, row: (offset: number, part: Uint8Array) => string) =>
    Array.from({ length: Math.ceil(bytes.length / 16) }, (_, n) =>
      row(n * 16, bytes.subarray(n * 16, n * 16 + 16)),
    ).join('\n');
  const spaced = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const offset = (value: number, width: number) => value.toString(16).padStart(width, '0');
  const letters = (bytes: Uint8Array) =>
    Array.from(bytes, (byte) => (byte > 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
  const words = (bytes: Uint8Array) => spaced(bytes).replace(/(..) (..)/g, '$1$2');

  it.each<[string, string]>([
    ['plain digits', hexOf(DISCOVER)],
    ['digits in lines', (hexOf(DISCOVER).match(/.{1,60}/g) ?? []).join('\n')],
    ['colons', spaced(DISCOVER).replaceAll(' ', ':')],
    ['C literals', Array.from(DISCOVER, (byte) => `0x${offset(byte, 2)}`).join(', ')],
    ['comments and blank lines', `# a DISCOVER\r\n\r\n${spaced(DISCOVER)} # the end: ff\r\n`],
    [
      'four bytes a line with comments',
      (hexOf(DISCOVER).match(/.{1,8}/g) ?? []).map((row) => `${row}  # field`).join('\n'),
    ],
    ['upper case', spaced(DISCOVER).toUpperCase()],
    [
      'hexdump -C',
      rows(
        DISCOVER,
        (at, part) =>
          `${offset(at, 8)}  ${spaced(part.subarray(0, 8))}  ${spaced(part.subarray(8))} |${letters(part)}|`,
      ),
    ],
    ['xxd', rows(DISCOVER, (at, part) => `${offset(at, 8)}: ${words(part).padEnd(39)}  ${letters(part)}`)],
    ['Wireshark', rows(DISCOVER, (at, part) => `${offset(at, 4)}   ${spaced(part).padEnd(47)}   ${letters(part)}`)],
    ['tcpdump -x of the IP datagram', rows(discover, (at, part) => `\t0x${offset(at, 4)}:  ${words(part)}`)],
    [
      'od with its last line',
      `${rows(DISCOVER, (at, part) => `${offset(at, 6)}  ${spaced(part)}`)}\n${offset(DISCOVER.length, 6)}`,
    ],
    [
      'tcpdump -XX of the frame',
      rows(ethernet(discover), (at, part) => `\t0x${offset(at, 4)}:  ${words(part).padEnd(39)}  ${letters(part)}`),
    ],
  ])('reads %s', (_, source) => {
    expect(readCapture(text(source)).map(({ bytes }) => hexOf(bytes))).toEqual([hexOf(DISCOVER)]);
  });

  it('separates packets by a line of dashes and by offsets that start again', () => {
    const dump = (bytes: Uint8Array) => rows(bytes, (at, part) => `${offset(at, 4)}: ${spaced(part)}`);
    const expected = [DISCOVER, OFFER].map(hexOf);
    for (const source of [`${hexOf(DISCOVER)}\n---\n${hexOf(OFFER)}`, `${dump(DISCOVER)}\n${dump(OFFER)}`]) {
      expect(readCapture(text(source)).map(({ bytes }) => hexOf(bytes))).toEqual(expected);
    }
  });

  it('reads nothing as no packet', () => {
    expect(readCapture(text(''))).toEqual([]);
    expect(readCapture(text('# nothing\n'))).toEqual([]);
  });

  it.each([
    ['a word', '01 01\n06 boo', 'line 2: "boo" is not pairs of hex digits'],
    ['a lone digit', '01 1 06', 'line 1: "1" is not pairs of hex digits'],
  ])('refuses %s with its line', (_, source, message) => {
    expect(() => readCapture(text(source))).toThrow(WireError);
    expect(() => readCapture(text(source))).toThrow(message);
  });
});

it('throws nothing but WireError on any file', () => {
  const heads = [pcap([]), pcapng([]), pcapng([], { little: false }), new Uint8Array()];
  fc.assert(
    fc.property(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 300 }), (head, tail) => {
      try {
        readCapture(Uint8Array.of(...head, ...tail));
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }),
    { numRuns: 500 },
  );
});
