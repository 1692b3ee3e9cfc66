import { describe, expect, it } from 'vitest';
import {
  decodeOption,
  encodeOption,
  formatOption,
  messageTypeOf,
  OPTION_TYPES,
  optionType,
} from '../../src/dhcp/options.ts';
import { ascii, bytesOfHex } from '../support/dhcp-hex.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('values with one meaning, both ways', () => {
  it.each<[string, number, string, unknown, string]>([
    ['an address', 1, 'ffffff00', '255.255.255.0', '255.255.255.0'],
    ['a negative time offset', 2, 'ffffc7c0', -14400, '-14400'],
    ['addresses (D-50)', 6, '0a000001 0a000002', ['10.0.0.1', '10.0.0.2'], '10.0.0.1, 10.0.0.2'],
    ['text', 15, ascii('lab.example'), 'lab.example', '"lab.example"'],
    ['true', 19, '01', true, 'true'],
    ['pairs of addresses', 33, '0a010000 0a0000fe', ['10.1.0.0', '10.0.0.254'], '10.1.0.0 10.0.0.254'],
    ['a table of numbers', 25, '0044 05dc', [68, 1500], '68, 1500'],
    ['a lease time', 51, '00000e10', 3600, '3600 s'],
    ['a lease without end', 51, 'ffffffff', 0xffffffff, 'infinite'],
    ['a message type', 53, '05', 5, 'ACK'],
    ['0 inside option 55 is data', 55, '01 00 43', [1, 0, 67], '1, 0, 67'],
    ['bare user class of iPXE', 77, ascii('iPXE'), 'iPXE', '"iPXE"'],
    ['user classes of RFC 3004', 77, `04${ascii('iPXE')}`, ['iPXE'], '["iPXE"]'],
    ['rapid commit', 80, '', true, 'yes'],
    [
      'a full name',
      81,
      '05 0000 046e6f6465 036c6162 00',
      { flags: 5, rcode1: 0, rcode2: 0, name: 'node.lab.' },
      '"node.lab." flags SE',
    ],
    ['a partial name', 81, '04 0000 046e6f6465', { flags: 4, rcode1: 0, rcode2: 0, name: 'node' }, '"node" flags E'],
    [
      'an ASCII name',
      81,
      `00 ffff ${ascii('n.lab')}`,
      { flags: 0, rcode1: 255, rcode2: 255, name: 'n.lab' },
      '"n.lab"',
    ],
    ['architectures', 93, '0007 0010', [7, 16], '7 (0x07) x64 UEFI, 16 (0x10) x64 UEFI HTTP'],
    ['UNDI', 94, '01 03 10', { type: 1, major: 3, minor: 16 }, 'UNDI 3.16'],
    [
      'a UUID with its first fields turned',
      97,
      '00 33221100 5544 7766 8899 aabbccddeeff',
      '00112233-4455-6677-8899-aabbccddeeff',
      '00112233-4455-6677-8899-aabbccddeeff',
    ],
    ['SIP addresses', 120, '01 0a000001', ['10.0.0.1'], '10.0.0.1'],
    ['SIP names', 120, '00 03736970 00', ['sip'], 'sip'],
    ['PXELINUX magic (D-51)', 208, 'f100747e', 0xf100747e, '0xf100747e'],
    ['a search list', 119, '036c6162 00 03636f6d 00', ['lab', 'com'], 'lab, com'],
  ])('%s (%i)', (_, code, wire, value, words) => {
    const bytes = bytesOfHex(wire);
    expect(decodeOption(code, bytes)).toEqual(value);
    expect(hex(encodeOption(code, value))).toBe(hex(bytes));
    expect(formatOption(code, bytes)).toBe(words);
  });

  it.each([
    ['0.0.0.0/0', '00 0a000001', 'default via 10.0.0.1'],
    ['/8 keeps one octet', '08 0a 0a000001', '10.0.0.0/8 via 10.0.0.1'],
    ['/23 keeps three octets', '17 0a0102 0a000001', '10.1.2.0/23 via 10.0.0.1'],
    ['/32 keeps four octets', '20 0a010203 0a000001', '10.1.2.3/32 via 10.0.0.1'],
  ])('D-47: routes by RFC 3442: %s', (_, wire, words) => {
    for (const code of [121, 249]) {
      expect(formatOption(code, bytesOfHex(wire))).toBe(words);
      expect(hex(encodeOption(code, [words]))).toBe(hex(bytesOfHex(wire)));
      expect(hex(encodeOption(code, decodeOption(code, bytesOfHex(wire))))).toBe(hex(bytesOfHex(wire)));
    }
  });
});

describe('sub-options', () => {
  it('D-71: writes PXE options by name, closed with 255', () => {
    const value = {
      'discovery-control': 3,
      'boot-servers': [{ type: 1, addresses: ['10.0.0.1', '10.0.0.2'] }],
      'boot-menu': [
        { type: 0, text: 'Disk' },
        { type: 1, text: 'Net' },
      ],
      'menu-prompt': { timeoutSeconds: 5, text: 'F8' },
      'boot-item': { type: 0x8000, layer: 0 },
    };
    const wire = `060103 080b 0001 02 0a000001 0a000002 090d 0000 04 ${ascii('Disk')} 0001 03 ${ascii('Net')} 0a03 05 ${ascii('F8')} 4704 80000000 ff`;
    expect(hex(encodeOption(43, value))).toBe(hex(bytesOfHex(wire)));
    expect(hex(encodeOption(43, decodeOption(43, bytesOfHex(wire))))).toBe(hex(bytesOfHex(wire)));
  });

  it('writes iPXE options by name without an end', () => {
    expect(hex(encodeOption(175, { 'no-pxedhcp': 1, priority: -5, version: '1.21.1' }))).toBe(
      hex(bytesOfHex('b00101 0101fb eb03011501')),
    );
  });

  it('reads 0 and 255 as codes in option 82 and as pad and end in option 43', () => {
    expect(decodeOption(82, bytesOfHex('0001aa ff01bb'))).toEqual([
      { code: 0, bytes: Uint8Array.of(0xaa) },
      { code: 255, bytes: Uint8Array.of(0xbb) },
    ]);
    expect(decodeOption(43, bytesOfHex('00 060108 ff 0101'))).toEqual([{ code: 6, bytes: Uint8Array.of(8) }]);
  });

  it('gives the sub-options of another vendor no PXE names', () => {
    expect(formatOption(43, bytesOfHex('01040a000001'), { vendorClass: 'ubnt' })).toBe('1: 0a 00 00 01');
    expect(formatOption(43, bytesOfHex('01040a000001'), { vendorClass: 'PXEClient:Arch:00000' })).toBe(
      '1 mtftp-address: 10.0.0.1',
    );
    expect(formatOption(43, bytesOfHex('ffee'), { vendorClass: 'MSFT 5.0' })).toBe('ff ee');
  });
});

describe('names in DNS form', () => {
  it.each([
    ['a label over 63 bytes', 119, `40${'61'.repeat(64)}00`],
    ['a name over 253 characters', 119, `${`3f${'61'.repeat(63)}`.repeat(4)}00`],
    ['a pointer to itself', 119, 'c000'],
    ['a pointer forward', 119, '0161 c005 0162 00'],
    ['a name without end', 119, '036c6162'],
    ['an empty name', 119, '00'],
    ['a dot inside a label', 119, '03612e62 00'],
  ])('refuses %s', (_, code, wire) => {
    expect(decodeOption(code, bytesOfHex(wire))).toBeUndefined();
    expect(formatOption(code, bytesOfHex(wire))).toContain('(malformed)');
  });

  it('follows pointers backwards', () => {
    expect(decodeOption(119, bytesOfHex('036c6162 03636f6d 00 0162 c004'))).toEqual(['lab.com', 'b.com']);
  });
});

describe('the table', () => {
  it('has each code and each name once', () => {
    expect(new Set(OPTION_TYPES.map(({ code }) => code)).size).toBe(OPTION_TYPES.length);
    expect(new Set(OPTION_TYPES.map(({ name }) => name)).size).toBe(OPTION_TYPES.length);
    for (const { name } of OPTION_TYPES) expect(name).toMatch(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/);
  });

  it('has all of RFC 2132 and what boot clients ask for', () => {
    const codes = new Set(OPTION_TYPES.map(({ code }) => code));
    const rfc2132 = Array.from({ length: 76 }, (_, index) => index + 1);
    const boot = [
      77, 81, 82, 93, 94, 97, 100, 101, 108, 114, 118, 119, 120, 121, 124, 125, 128, 129, 130, 131, 132, 133,
    ];
    const more = [134, 135, 138, 150, 175, 176, 177, 203, 208, 209, 210, 211, 249, 252];
    expect([...rfc2132, ...boot, ...more].filter((code) => !codes.has(code))).toEqual([]);
  });

  it('takes a code without a row as text or bytes', () => {
    expect(optionType(230).name).toBe('option-230');
    expect(formatOption(230, bytesOfHex(ascii('abc')))).toBe('"abc"');
    expect(formatOption(230, bytesOfHex('0001'))).toBe('00 01');
  });

  it('says what a value must be when the program made a wrong one', () => {
    expect(() => encodeOption(6, ['10.0.0.300'])).toThrow('option 6 (domain-name-server) must be IPv4 addresses');
  });
});

describe('messageTypeOf', () => {
  it.each([
    ['01', 'DISCOVER'],
    ['08', 'INFORM'],
    ['00', undefined],
    ['63', undefined],
    ['0101', undefined],
    ['', undefined],
  ])('option 53 of %s is %s', (wire, expected) => {
    expect(messageTypeOf({ options: new Map([[53, bytesOfHex(wire)]]) })).toBe(expected);
  });

  it('is undefined without option 53', () => {
    expect(messageTypeOf({ options: new Map() })).toBeUndefined();
  });
});
