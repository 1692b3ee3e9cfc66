/** Networks of either family: what they are written as and what is in them. */
import { describe, expect, it } from 'vitest';
import { formatIpNetwork, ipNetworkContains, parseIpNetwork } from '../../src/net/ip-network.ts';

describe('a network', () => {
  it.each([
    ['10.77.0.9/16', '10.77.0.0/16'],
    ['10.77.0.9', '10.77.0.9/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['fd00::/8', 'fd00:0:0:0:0:0:0:0/8'],
    ['2001:db8::1:2/65', '2001:db8:0:0:0:0:0:0/65'],
    ['::1', '0:0:0:0:0:0:0:1/128'],
    ['::ffff:10.0.0.1/128', '0:0:0:0:0:ffff:a00:1/128'],
  ])('%s is %s', (text, expected) => {
    const network = parseIpNetwork(text);
    expect(network && formatIpNetwork(network)).toBe(expected);
  });

  it.each(['', '10.0.0/8', '10.0.0.0/33', '010.0.0.1', 'fd00::/129', '1::2::3', '1:2:3', 'fe80::g', '10.0.0.0/8/8'])(
    'refuses "%s"',
    (text) => {
      expect(parseIpNetwork(text)).toBeUndefined();
    },
  );

  it.each([
    ['10.77.0.0/16', '10.77.255.255', true],
    ['10.77.0.0/16', '10.78.0.0', false],
    ['10.77.0.0/23', '10.77.1.4', true],
    ['10.77.0.0/16', '::ffff:10.77.0.1', true],
    ['0.0.0.0/0', '203.0.113.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['fe80::/10', 'fec0::1', false],
    ['fc00::/7', 'fdff::1', true],
  ])('%s and %s: %s', (text, address, expected) => {
    const network = parseIpNetwork(text);
    expect(network && ipNetworkContains(network, address)).toBe(expected);
  });
});
