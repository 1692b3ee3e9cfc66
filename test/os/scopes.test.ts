import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { createScopeNames, scopeIndex } from '../../src/os/scopes.ts';

const info = (family: 'IPv4' | 'IPv6', scopeid: number) => ({ family, scopeid }) as NetworkInterfaceInfo;
const interfaces = () => ({ lo: [info('IPv6', 0)], eth0: [info('IPv4', 0), info('IPv6', 0), info('IPv6', 3)] });

describe('scopes of link-local addresses', () => {
  it('T-54 are an interface by its name, or its number', () => {
    expect(['eth0', '3', '17'].map((scope) => scopeIndex(scope, interfaces))).toEqual([3, 3, 17]);
  });

  it.each(['lo', 'eth1', ''])('T-54 are not %j, which has no link-local address here', (scope) => {
    expect(() => scopeIndex(scope, interfaces)).toThrow(expect.objectContaining({ code: 'ENODEV' }));
  });

  it('T-54 are written as the name, and looked up again for a number that is new', () => {
    let read = 0;
    let all = interfaces();
    const name = createScopeNames(() => {
      read++;
      return all;
    });
    expect([name(3), name(3)]).toEqual(['eth0', 'eth0']);
    expect(read).toBe(1);
    all = { lo: [info('IPv6', 0)], eth0: [info('IPv6', 4)] };
    expect([name(4), name(9)]).toEqual(['eth0', '9']);
  });
});
