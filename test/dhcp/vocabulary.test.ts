import catalogue from 'dhcp/lib/options.js';
import { describe, expect, it } from 'vitest';
import { encodeNamedOption, findOption, OPTION_DEFINITIONS } from '../../src/dhcp/vocabulary.ts';
import { ascii } from '../support/dhcp-hex.ts';

const hex = (result: ReturnType<typeof encodeNamedOption>) =>
  'problem' in result ? result.problem : `${result.code} ${Buffer.from(result.bytes).toString('hex')}`;

describe('findOption', () => {
  it.each<[string | number, number | undefined]>([
    ['tftp-server-name', 66],
    ['tftpServer', 66],
    ['TFTP server name', 66],
    ['TFTP_SERVER_NAME', 66],
    ['bootFile', 67],
    ['clientId', 61],
    ['routers', 3],
    ['router', 3],
    [150, 150],
    ['150', 150],
    [' 43 ', 43],
    ['230', 230],
    ['0', undefined],
    ['255', undefined],
    ['1001', undefined],
    ['static', undefined],
    ['randomIP', undefined],
    ['', undefined],
    ['-1', undefined],
    ['constructor', undefined],
  ])('%j is option %s', (asked, code) => {
    expect(findOption(asked)?.code).toBe(code);
  });

  it('gives the words of both tables', () => {
    expect(findOption(42)).toEqual({
      code: 42,
      name: 'ntp-server',
      label: 'Network Time Protocol Servers',
      configKey: 'ntpServer',
      kind: 'ips',
      expects: 'IPv4 addresses such as [10.0.0.1, 10.0.0.2]',
    });
    expect(findOption(230)).toMatchObject({ name: 'option-230', label: 'Option 230', kind: 'data' });
  });
});

describe('encodeNamedOption', () => {
  it.each<[string, string | number, unknown, string]>([
    ['one address', 'router', '10.0.0.1', '3 0a000001'],
    ['addresses in one text', 'dns', '10.0.0.1, 10.0.0.2', '6 0a0000010a000002'],
    ['addresses as a list', '150', ['10.0.0.1'], '150 0a000001'],
    ['text', 'tftpServer', '10.0.0.1', `66 ${ascii('10.0.0.1')}`],
    ['a number where text is wanted', 'hostname', 7, '12 37'],
    ['a number as text', 'mtu', '1400', '26 0578'],
    ['a hex number', 208, '0xF100747E', '208 f100747e'],
    ['true', 'ip-forwarding', true, '19 01'],
    ['a name of a value', 'netbios-node-type', 'h-node', '46 08'],
    ['search list', 'domain-search', 'lab.example', '119 036c6162076578616d706c6500'],
    ['routes', 'classlessRoute', ['default via 10.0.0.1'], '121 000a000001'],
    ['sub-options', 'ipxe', { 'no-pxedhcp': 1 }, '175 b00101'],
    ['a phone text', 242, 'HTTPSRVR=10.0.0.1', `242 ${ascii('HTTPSRVR=10.0.0.1')}`],
    ['a phone value as hex', 132, '00:64', '132 0064'],
    ['four digits are text', 132, '0064', `132 ${ascii('0064')}`],
    ['any option as hex', 150, { hex: '01 02' }, '150 0102'],
    ['any option as text', 150, { text: 'http://p/' }, `150 ${ascii('http://p/')}`],
    ['an option without a name', 230, 'abc', `230 ${ascii('abc')}`],
  ])('takes %s', (_, name, value, expected) => {
    expect(hex(encodeNamedOption(name, value))).toBe(expected);
  });

  it.each<[string, string | number, unknown, string]>([
    [
      'an octal address',
      'router',
      '010.0.0.1',
      'option 3 (router) must be IPv4 addresses such as [10.0.0.1, 10.0.0.2]; "010.0.0.1" is not',
    ],
    ['an empty list', 'router', [], 'option 3 (router) must be IPv4 addresses such as [10.0.0.1, 10.0.0.2]; [] is not'],
    ['a number too large', 'mtu', 70000, 'option 26 (interface-mtu) must be a number 0–65535; 70000 is not'],
    ['a fraction', 'mtu', 1.5, 'option 26 (interface-mtu) must be a number 0–65535; 1.5 is not'],
    ['a word for a bool', 19, 'yes', 'option 19 (ip-forwarding) must be true or false; "yes" is not'],
    ['an empty text', 66, '', 'option 66 (tftp-server-name) must be text; "" is not'],
    ['nothing', 66, null, 'option 66 (tftp-server-name) must be text; null is not'],
    [
      'an odd number of digits',
      43,
      { hex: '012' },
      'option 43 (vendor-options): "hex" must be pairs of hex digits such as "01:02:03"; "012" is not',
    ],
    ['a number for text', 150, { text: 5 }, 'option 150 (tftp-server-address): "text" must be a text in quotes'],
    ['what the codec writes', 53, 1, 'option 53 (message-type) cannot be set: it is the kind of the message'],
    [
      'the lease time',
      'leaseTime',
      60,
      'option 51 (lease-time) cannot be set: set "leaseSeconds" of the network instead',
    ],
    ['a misspelt name', 'tftp-sever-name', 'x', '"tftp-sever-name" is not an option. Did you mean "tftp-server-name"?'],
    ['a misspelt key', 'bootFle', 'x', '"bootFle" is not an option. Did you mean "bootFile"?'],
    [
      'a far name',
      'qqqqqqqqqqqq',
      'x',
      '"qqqqqqqqqqqq" is not an option. Use a number from 1 to 254 for an option without a name.',
    ],
    ['a number too high', '999', 'x', '999 is not an option number: they go from 1 to 254'],
  ])('refuses %s and says why', (_, name, value, problem) => {
    expect(encodeNamedOption(name, value)).toEqual({ problem });
  });

  it('takes or refuses any JSON value of any option without throwing', () => {
    const odd = [
      null,
      true,
      -1,
      1e20,
      '',
      'x',
      '\0',
      [],
      [null],
      {},
      { a: 1 },
      { hex: 1 },
      [[]],
      [{}],
      { '300': '00' },
    ];
    for (const { code } of OPTION_DEFINITIONS) {
      for (const value of odd) expect(encodeNamedOption(code, value)).toBeTypeOf('object');
    }
  });
});

// What the package calls a wire type, and the shapes of ours that mean the same bytes.
const SAME: Readonly<Record<string, readonly string[]>> = {
  IP: ['ip'],
  IPs: ['ips', 'ip-pairs'],
  ASCII: ['text'],
  UInt8: ['u8', 'bool', 'overload', 'message-type', 'node-type', 'auto-configure'],
  UInt8s: ['u8s', 'pxe-options'],
  UInt16: ['u16'],
  UInt16s: ['u16s'],
  UInt32: ['u32', 'seconds', 'hex32'],
  Int32: ['i32'],
  Bool: ['flag'],
};

// Where we differ from the package on purpose.
const DIFFERENT: Readonly<Record<number, string>> = {
  20: 'one byte, 0 or 1 (RFC 2132 §4.2); the package writes none',
  34: 'one byte (RFC 2132 §6.1)',
  36: 'one byte (RFC 2132 §6.3)',
  39: 'one byte (RFC 2132 §7.3)',
  45: 'a list of addresses (RFC 2132 §8.6)',
  61: 'bytes: as 7-bit text different identities become the same',
  68: 'a list of addresses (RFC 2132 §8.13), possibly empty',
  95: 'a URL in the field; no RFC gives it addresses',
  119: 'names in DNS form (RFC 3397)',
  121: 'prefixes of their own length (RFC 3442)',
  249: 'as 121',
};

describe('our table and the package', () => {
  const packaged = Object.entries(catalogue.opts)
    .map(([code, option]) => ({ code: Number(code), ...option }))
    .filter(({ code }) => code < 255);

  it('knows every option of the package, by its key and by its label', () => {
    expect(packaged.length).toBeGreaterThanOrEqual(85);
    for (const { code, name, config, attr } of packaged) {
      expect(findOption(name)?.code, name).toBe(code);
      const key = config ?? attr;
      if (key) expect(findOption(key)?.code, key).toBe(code);
    }
  });

  it('agrees on the wire type, but for the differences listed with their reasons', () => {
    const differing = packaged.filter(({ code, type = '' }) => !SAME[type]?.includes(findOption(code)?.kind ?? ''));
    expect(differing.map(({ code }) => code)).toEqual(Object.keys(DIFFERENT).map(Number));
  });

  it('gives the same names to the values of 53', () => {
    for (const [value, name] of Object.entries(catalogue.opts['53']?.enum ?? {})) {
      expect(findOption(53)?.expects).toContain(`${value} (${name.replace('DHCP', '')})`);
    }
  });

  it('adds what the package lacks', () => {
    const known = new Set(packaged.map(({ code }) => code));
    const added = OPTION_DEFINITIONS.map(({ code }) => code).filter((code) => !known.has(code));
    expect(added).toEqual(
      expect.arrayContaining([77, 82, 93, 94, 97, 100, 101, 108, 114, 120, 124, 125, 150, 175, 203, 224]),
    );
  });
});
