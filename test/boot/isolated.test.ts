import { describe, expect, it } from 'vitest';
import { planIsolated } from '../../src/boot/isolated.ts';
import type { Ipv4 } from '../../src/net/ipv4.ts';

const facts = (address: string, prefix: number) => [
  { name: 'eth1', lan: true, ipv6: false, addresses: [{ address: address as Ipv4, prefix }] },
];

describe('a network made from an interface', () => {
  it.each([
    ['10.77.0.1', 24, '10.77.0.2', '10.77.0.254'],
    ['10.77.0.254', 24, '10.77.0.1', '10.77.0.253'],
    ['10.77.0.200', 24, '10.77.0.1', '10.77.0.199'],
    ['192.168.5.1', 30, '192.168.5.2', '192.168.5.2'],
    ['10.0.0.1', 8, '10.0.0.2', '10.0.16.1'],
  ])('%s/%i has the pool %s-%s', (address, prefix, first, last) => {
    expect(planIsolated('eth1', facts(address, prefix))).toMatchObject({
      kind: 'network',
      network: { mode: 'server', authoritative: true, isolated: true, pools: [{ first, last }] },
    });
  });

  it.each([
    ['eth2', facts('10.77.0.1', 24), 'there is no interface eth2; known: eth1'],
    ['eth1', facts('10.77.0.1', 32), 'ip addr add 10.77.0.1/24 dev eth1'],
    ['eth1', [{ name: 'eth1', lan: false, ipv6: false, addresses: [] }], 'has no IPv4 address'],
  ])('%s of %j is none', (name, interfaces, reason) => {
    expect(planIsolated(name, interfaces)).toMatchObject({ kind: 'none', reason: expect.stringContaining(reason) });
  });
});
