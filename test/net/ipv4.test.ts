import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  broadcastOf,
  cidrContains,
  formatCidr,
  type Ipv4,
  ipv4FromBytes,
  ipv4FromNumber,
  ipv4ToBytes,
  ipv4ToHex,
  ipv4ToNumber,
  netmaskOf,
  parseCidr,
  parseIpv4,
  parseRange,
  prefixOfNetmask,
  rangeContains,
} from '../../src/net/ipv4.ts';

const numbers = fc.integer({ min: 0, max: 0xffffffff });

describe('parseIpv4', () => {
  test.each(['0.0.0.0', '10.77.0.1', '255.255.255.255'])('reads %s', (text) => {
    expect(parseIpv4(text)).toBe(text);
  });

  test.each([
    '',
    '10.77.0',
    '10.77.0.1.2',
    '10.77.0.256',
    '010.0.0.1',
    '10.77.0.1 ',
    '10.77.0.-1',
    '1e1.0.0.1',
    '10.77.0.0x1',
  ])('refuses %j', (text) => {
    expect(parseIpv4(text)).toBeUndefined();
  });
});

test('text, number, bytes and hex are one address', () => {
  fc.assert(
    fc.property(numbers, (value) => {
      const address = ipv4FromNumber(value);
      expect(parseIpv4(address)).toBe(address);
      expect(ipv4ToNumber(address)).toBe(value);
      expect(ipv4FromBytes(ipv4ToBytes(address))).toBe(address);
      expect(Number.parseInt(ipv4ToHex(address), 16)).toBe(value);
      expect(ipv4ToHex(address)).toHaveLength(8);
    }),
  );
});

test('a network holds its first and its last address and nothing beside them', () => {
  fc.assert(
    fc.property(numbers, fc.integer({ min: 1, max: 32 }), (value, prefix) => {
      const cidr = parseCidr(`${ipv4FromNumber(value)}/${prefix}`);
      if (!cidr) throw new Error('not a network');
      expect(cidrContains(cidr, cidr.network)).toBe(true);
      expect(cidrContains(cidr, broadcastOf(cidr))).toBe(true);
      expect(prefixOfNetmask(netmaskOf(cidr))).toBe(prefix);
      const below = ipv4ToNumber(cidr.network) - 1;
      if (below >= 0) expect(cidrContains(cidr, ipv4FromNumber(below))).toBe(false);
      const above = ipv4ToNumber(broadcastOf(cidr)) + 1;
      if (above <= 0xffffffff) expect(cidrContains(cidr, ipv4FromNumber(above))).toBe(false);
    }),
  );
});

test('the default network holds everything', () => {
  const all = parseCidr('0.0.0.0/0');
  expect(all && cidrContains(all, '255.255.255.255' as Ipv4)).toBe(true);
});

test.each(['10.77.0.0', '10.77.0.0/33', '10.77.0.0/', '10.77.0.0/24/1', '10.77.0/24', '10.77.0.0/2 4'])(
  '%j is no network',
  (text) => {
    expect(parseCidr(text)).toBeUndefined();
  },
);

test('host bits are cleared', () => {
  const cidr = parseCidr('10.77.0.9/24');
  expect(cidr && formatCidr(cidr)).toBe('10.77.0.0/24');
});

test('255.0.255.0 is no netmask', () => {
  expect(prefixOfNetmask('255.0.255.0' as Ipv4)).toBeUndefined();
});

test('ranges hold both ends and refuse to run backwards', () => {
  const range = parseRange('10.77.0.100 - 10.77.0.200');
  expect(range && rangeContains(range, '10.77.0.100' as Ipv4)).toBe(true);
  expect(range && rangeContains(range, '10.77.0.200' as Ipv4)).toBe(true);
  expect(range && rangeContains(range, '10.77.0.201' as Ipv4)).toBe(false);
  expect(parseRange('10.77.0.200-10.77.0.100')).toBeUndefined();
  expect(parseRange('10.77.0.5')).toEqual({ first: '10.77.0.5', last: '10.77.0.5' });
});
