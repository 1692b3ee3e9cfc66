import { describe, expect, it } from 'vitest';
import { decode, encode, maxPayloadOf, type Packet } from '../../src/dhcp/packet.ts';
import { ANY_ADDRESS, type Ipv4 } from '../../src/net/ipv4.ts';
import { ascii, bytesOfHex, hexPacket } from '../support/dhcp-hex.ts';

const bytes = (length: number, fill = 7) => new Uint8Array(length).fill(fill);

function reply(options: Iterable<[number, Uint8Array]>, changes: Partial<Packet> = {}): Packet {
  return {
    op: 2,
    htype: 1,
    hlen: 6,
    hops: 0,
    xid: 0xfedcba98,
    secs: 0,
    flags: 0x8000,
    ciaddr: ANY_ADDRESS,
    yiaddr: '10.77.0.130' as Ipv4,
    siaddr: '10.77.0.1' as Ipv4,
    giaddr: ANY_ADDRESS,
    chaddr: Uint8Array.of(0x52, 0x54, 0, 0, 0x77, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    sname: '',
    file: '',
    options: new Map(options),
    ...changes,
  };
}

/** Codes in the order they stand in the option field, read without our decoder. */
function codesOnWire(packet: Uint8Array, start = 240, end = packet.length): number[] {
  const found: number[] = [];
  for (let at = start; at < end && packet[at] !== 255; ) {
    const code = packet[at] ?? 0;
    if (code !== 0) found.push(code);
    at += code === 0 ? 1 : 2 + (packet[at + 1] ?? 0);
  }
  return found;
}

describe('encode', () => {
  it('writes every header field where RFC 2131 has it', () => {
    const packet = reply([[53, Uint8Array.of(5)]], { sname: 'boot', file: 'pxelinux.0', hops: 3, secs: 258 });
    const expected = hexPacket({
      op: '02',
      hops: '03',
      xid: 'fedcba98',
      secs: '0102',
      flags: '8000',
      yiaddr: '0a4d0082',
      siaddr: '0a4d0001',
      sname: ascii('boot'),
      file: ascii('pxelinux.0'),
      options: [[53, '05']],
      size: 300,
    });
    expect(encode(packet).bytes).toEqual(bytesOfHex(expected));
  });

  it('D-5: pads to 300 bytes behind END', () => {
    const { bytes: wire } = encode(reply([[53, Uint8Array.of(2)]]));
    expect(wire).toHaveLength(300);
    expect([...wire.subarray(240, 244)]).toEqual([53, 1, 2, 255]);
    expect(wire.subarray(244).every((byte) => byte === 0)).toBe(true);
  });

  it('D-7, D-8: writes 53, 54, 51 first, then addresses, boot options, the request list, the rest, and 82 last', () => {
    const codes = [82, 12, 252, 43, 42, 67, 6, 1, 51, 15, 54, 53, 60];
    const { bytes: wire } = encode(reply(codes.map((code) => [code, bytes(4)])), { order: [15, 42, 12, 12, 99] });
    expect(codesOnWire(wire)).toEqual([53, 54, 51, 1, 6, 60, 67, 43, 15, 42, 12, 252, 82]);
  });

  it('D-3: splits over 255 bytes into adjacent pieces', () => {
    const value = Uint8Array.from({ length: 600 }, (_, index) => index & 255);
    const { bytes: wire } = encode(
      reply([
        [43, value],
        [53, Uint8Array.of(2)],
      ]),
      { maxPayload: 1472 },
    );
    expect(codesOnWire(wire)).toEqual([53, 43, 43, 43]);
    expect(decode(wire).options.get(43)).toEqual(value);
  });

  it('keeps an option of exactly 255 bytes whole, and one without bytes', () => {
    const { bytes: wire } = encode(
      reply([
        [43, bytes(255)],
        [80, new Uint8Array()],
      ]),
      { maxPayload: 1472 },
    );
    expect(codesOnWire(wire)).toEqual([43, 80]);
  });

  it('D-7: opens file, then sname, when the option field is full and they are free', () => {
    const options = new Map([
      [53, Uint8Array.of(5)],
      [54, bytes(4)],
      [15, bytes(200)],
      [17, bytes(90)],
      [12, bytes(40)],
      [82, bytes(20)],
    ]);
    const { bytes: wire, overload, dropped } = encode(reply(options));
    expect({ overload, dropped }).toEqual({ overload: 1, dropped: [] });
    expect(codesOnWire(wire)).toEqual([53, 54, 52, 15, 12, 82]);
    expect(codesOnWire(wire, 108, 236)).toEqual([17]);
    expect(decode(wire)).toMatchObject({ overload: 1, file: '', options });
  });

  // 548 - 240 = 308 bytes of option field: 53 (3), 52 (3), END (1) and 301 left for 17 with the headers of its two pieces.
  it.each<[string, number, number[]]>([
    ['what fits beside it opens file', 297, []],
    ['one byte more leaves no room for it, so 12 is lost', 298, [12]],
  ])('counts option 52 itself: %s', (_, length, expected) => {
    const options: [number, Uint8Array][] = [
      [53, Uint8Array.of(5)],
      [17, bytes(length)],
      [12, bytes(100)],
    ];
    const { bytes: wire, dropped } = encode(reply(options));
    expect(wire.length).toBeLessThanOrEqual(548);
    expect(dropped).toEqual(expected);
  });

  it('D-57: leaves a used file field alone and opens sname only', () => {
    const options: [number, Uint8Array][] = [
      [53, Uint8Array.of(5)],
      [15, bytes(250)],
      [12, bytes(60)],
    ];
    const { bytes: wire, overload, dropped } = encode(reply(options, { file: 'pxelinux.0' }));
    expect({ overload, dropped }).toEqual({ overload: 2, dropped: [] });
    expect(codesOnWire(wire, 44, 108)).toEqual([12]);
    expect(decode(wire).file).toBe('pxelinux.0');
  });

  it('drops from the tail what fits nowhere and says so, but keeps 82', () => {
    const options: [number, Uint8Array][] = [
      [82, bytes(30)],
      [252, bytes(100)],
      [17, bytes(100)],
      [15, bytes(120)],
      [53, Uint8Array.of(5)],
      [3, bytes(4)],
    ];
    const { bytes: wire, dropped } = encode(reply(options, { file: 'a', sname: 'b' }), { order: [15, 17, 252] });
    expect(dropped).toEqual([252]);
    expect(codesOnWire(wire)).toEqual([53, 3, 15, 17, 82]);
  });

  it.each([
    ['D-55: a file of 127 bytes stays in the header', 'f'.repeat(127), { file: 'f'.repeat(127), option: undefined }],
    ['D-55: a file of 128 bytes moves to option 67', 'f'.repeat(128), { file: '', option: 'f'.repeat(128) }],
    ['a file name counts its UTF-8 bytes', 'é'.repeat(64), { file: '', option: 'é'.repeat(64) }],
  ])('%s', (_, file, expected) => {
    const packet = decode(encode(reply([], { file })).bytes);
    const option = packet.options.get(67);
    expect({ file: packet.file, option: option && new TextDecoder().decode(option) }).toEqual(expected);
  });

  it('does not replace a given option 67 by a long file', () => {
    const packet = decode(encode(reply([[67, bytes(3, 65)]], { file: 'f'.repeat(200) })).bytes);
    expect(packet).toMatchObject({ file: '', options: new Map([[67, bytes(3, 65)]]) });
  });

  it.each([
    ['maxPayload under 300', () => encode(reply([]), { maxPayload: 299 })],
    ['option 0', () => encode(reply([[0, bytes(1)]]))],
    ['option 255', () => encode(reply([[255, bytes(1)]]))],
    ['chaddr over 16 bytes', () => encode(reply([], { chaddr: bytes(17) }))],
  ])('refuses %s as a bug of the caller', (_, call) => {
    expect(call).toThrow(RangeError);
  });
});

describe('maxPayloadOf', () => {
  it.each([
    ['no option 57: 576 bytes of datagram', undefined, undefined, 548],
    ['under 576 counts as 576', 300, undefined, 548],
    ['1472 leaves 1444', 1472, undefined, 1444],
    ['the 65280 of EDK2 is held to the path', 65280, undefined, 1472],
    ['a small path', 1500, 1400, 1372],
    ['a path under 576 must still carry 576', 1500, 200, 548],
  ])('%s', (_, option57, mtu, expected) => {
    expect(maxPayloadOf(option57, mtu)).toBe(expected);
  });
});
