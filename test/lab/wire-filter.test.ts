/** The firmware tests' own instruments: a filter that broke packets would make every other result worthless. */
import { describe, expect, test } from 'vitest';
import { splitCapture } from '../e2e/capture.ts';
import { removeDhcpOptions } from '../e2e/dhcp-frame.ts';
import { internetChecksum, replaceUdpPayload, tcpPayload, udpPayload } from '../e2e/frame.ts';
import { createDeframer } from '../e2e/wire-filter.ts';

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex');

/** 10.0.0.1:68 -> 10.0.0.2:67, made right by `replaceUdpPayload` itself, whose checksums the first test proves. */
function datagram(payload: Buffer, ports = '0044 0043'): Buffer {
  const empty = hex(
    `ffffffffffff 525400770001 0800  4500 0000 0001 0000 40 11 0000 0a000001 0a000002  ${ports} 0000 0000`,
  );
  return replaceUdpPayload(empty, 34, payload);
}

function dhcp(options: string, code = 0): Buffer {
  const fixed = Buffer.alloc(240, code);
  hex('63825363').copy(fixed, 236);
  return datagram(Buffer.concat([fixed, hex(options)]));
}

function checksumsHold(frame: Buffer): boolean {
  const length = frame.length - 34;
  const pseudo = Buffer.concat([frame.subarray(26, 34), Buffer.from([0, 17, length >> 8, length & 255])]);
  return (
    internetChecksum(frame.subarray(14, 34)) === 0 &&
    internetChecksum(Buffer.concat([pseudo, frame.subarray(34)])) === 0 &&
    frame.readUInt16BE(16) === frame.length - 14 &&
    frame.readUInt16BE(38) === length
  );
}

describe('a DHCP packet on its way through the filter', () => {
  test("a sum known from RFC 1071's example", () => {
    expect(internetChecksum(hex('0001 f203 f4f5 f6f7'))).toBe(~0xddf2 & 0xffff);
  });

  const CASES: readonly [name: string, given: string, expected: string | undefined][] = [
    [
      'loses 77 and 175 and keeps the order of the rest',
      '350101 4d0469505845 3902ffff af03b10101 ff',
      '350101 3902ffff ff',
    ],
    ['keeps the padding behind the end', '350101 4d0161 ff 000000', '350101 ff 000000'],
    ['keeps padding between options', '350101 0000 4d0161 ff', '350101 0000 ff'],
    ['is untouched when it holds neither', '350101 3c0141 ff', undefined],
    ['is untouched when 77 stands inside another option', '3c024d01 ff', undefined],
    ['loses an option whose length runs past the end', '350101 af50b1', '350101'],
  ];
  test.each(CASES)('%s', (_name, given, expected) => {
    const changed = removeDhcpOptions(dhcp(given), new Set([77, 175]));
    if (expected === undefined) expect(changed).toBeUndefined();
    else {
      expect(changed?.toString('hex')).toBe(dhcp(expected).toString('hex'));
      expect(changed && checksumsHold(changed)).toBe(true);
    }
  });

  test('an odd number of bytes has a right checksum too', () => {
    expect(checksumsHold(dhcp('350101 ff', 0xab))).toBe(true);
    expect(checksumsHold(dhcp('350101 ff 00', 0xab))).toBe(true);
  });

  test.each([
    ['ARP', hex(`ffffffffffff 525400770001 0806 ${'00'.repeat(300)}`)],
    ['a short frame', hex('ffffffffffff 525400770001 0800 4500')],
    ['a datagram too small for BOOTP', datagram(Buffer.alloc(60))],
  ])('%s passes as it is', (_name, frame) => {
    expect(removeDhcpOptions(frame, new Set([77]))).toBeUndefined();
  });
});

test('a later fragment has no ports', () => {
  const fragment = datagram(Buffer.alloc(20));
  fragment.writeUInt16BE(0x0010, 20);
  expect(udpPayload(fragment)).toBeUndefined();
});

test('the data of a TCP segment begins behind its options and ends with the IP packet', () => {
  const segment = hex(
    `ffffffffffff 525400770001 0800  4500 0037 0001 0000 40 06 0000 0a000001 0a000002
     1000 0050 00000001 00000001 8018 0000 0000 0000 ${'01'.repeat(12)} 474554 eeee`,
  );
  expect(tcpPayload(segment)?.toString()).toBe('GET');
});

test('frames are cut out of a stream wherever its chunks begin', () => {
  const stream = hex('00000003 010203 00000001 09 00000000');
  for (let at = 0; at <= stream.length; at++) {
    const frames: string[] = [];
    const push = createDeframer((frame) => frames.push(frame.toString('hex')));
    push(stream.subarray(0, at));
    push(stream.subarray(at));
    expect(frames).toEqual(['010203', '09', '']);
  }
});

test('a capture is read record by record, and a cut last one not at all', () => {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  const record = hex('00000000 00000000 02000000 02000000 abcd');
  const frames = [...splitCapture(Buffer.concat([header, record, record, hex('0000')]))];
  expect(frames.map((frame) => frame.toString('hex'))).toEqual(['abcd', 'abcd']);
});
