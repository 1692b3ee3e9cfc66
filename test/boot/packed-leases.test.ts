import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lease } from '../../src/boot/lease.ts';
import { LEASE_STATES, packLeases } from '../../src/boot/packed-leases.ts';
import { ipv4FromNumber, ipv4ToNumber } from '../../src/net/ipv4.ts';
import { macFromNumber, macToNumber } from '../../src/net/mac.ts';

/** Few machines and addresses, so that they meet; far apart, so that all 48 and 32 bits count. */
const MACS = [0, 1, 0xffff_ffff, 0x1_0000_0000, 0xffff_ffff_ffff, 0x5254_0077_0101].map(macFromNumber);
const ADDRESSES = [0x0a00_0001, 0x0a00_0002, 0xffff_fffe, 0x8000_0000, 0x7fff_ffff].map(ipv4FromNumber);

const lease: fc.Arbitrary<Lease> = fc.record(
  {
    network: fc.constant('lab'),
    address: fc.constantFrom(...ADDRESSES),
    mac: fc.constantFrom(...MACS),
    state: fc.constantFrom(...LEASE_STATES),
    startsAt: fc.integer({ min: 0, max: 2e12 }),
    expiresAt: fc.integer({ min: 0, max: 2e12 }),
    clientId: fc.constantFrom('01525400770101', 'ff'.repeat(200)),
    hostname: fc.constantFrom('web-1', 'größe'),
    heardAt: fc.integer({ min: 1, max: 2e12 }),
    port: fc.constantFrom('10.0.0.1 aabb', '10.0.0.2 00'),
  },
  { requiredKeys: ['network', 'address', 'mac', 'state', 'startsAt', 'expiresAt'] },
);

describe('packed leases', () => {
  it('are the leases they were made of, the last of each address', () => {
    fc.assert(
      fc.property(fc.array(lease, { maxLength: 30 }), (leases) => {
        const newest = new Map(leases.map((one) => [one.address, one]));
        const packed = packLeases('lab', leases);
        expect(packed.size).toBe(newest.size);
        expect([...packed]).toEqual([...newest.values()]);
        for (const address of ADDRESSES) {
          const number = ipv4ToNumber(address);
          expect(packed.has(number)).toBe(newest.has(address));
          expect(packed.find(number)).toEqual(newest.get(address));
        }
        const ports = new Map<number, string>();
        packed.eachPort((address, port) => ports.set(address, port));
        const written = [...newest.values()].filter(({ port }) => port !== undefined);
        expect(ports).toEqual(new Map(written.map((one) => [ipv4ToNumber(one.address), one.port])));
        const ends = new Map<number, number>();
        const bound = new Set<number>();
        packed.eachLease((address, until, isBound) => {
          ends.set(address, until);
          if (isBound) bound.add(address);
        });
        const held = [...newest.values()].filter(({ state }) => state === 'bound');
        expect(bound).toEqual(new Set(held.map((one) => ipv4ToNumber(one.address))));
        expect(ends).toEqual(new Map([...newest.values()].map((one) => [ipv4ToNumber(one.address), one.expiresAt])));
      }),
    );
  });

  it('know the address a machine holds longest, and leave declined ones out', () => {
    fc.assert(
      fc.property(fc.array(lease, { maxLength: 30 }), (leases) => {
        const packed = packLeases('lab', leases);
        const held = [...packed].filter(({ state }) => state !== 'declined');
        for (const mac of MACS) {
          const own = held.filter((one) => one.mac === mac);
          const address = packed.addressOf(mac);
          if (own.length === 0) expect(address).toBeUndefined();
          else {
            const latest = Math.max(...own.map(({ expiresAt }) => expiresAt));
            expect(own.find((one) => ipv4ToNumber(one.address) === address)?.expiresAt).toBe(latest);
          }
        }
      }),
    );
  });

  it('are found among a hundred thousand', () => {
    const many = Array.from({ length: 100_000 }, (_, index): Lease => {
      const address = ipv4FromNumber(0x0a00_0000 + index);
      return {
        network: 'lab',
        address,
        mac: macFromNumber(0x0200_0000_0000 + index),
        state: 'bound',
        startsAt: 0,
        expiresAt: index,
      };
    });
    const packed = packLeases('lab', many);
    for (const one of many) {
      const number = ipv4ToNumber(one.address);
      if (packed.addressOf(one.mac) !== number || packed.find(number)?.mac !== one.mac) throw new Error(one.address);
    }
    expect(packed.find(0x0b00_0000)).toBeUndefined();
    expect(macToNumber(macFromNumber(0x0200_0001_869f))).toBe(0x0200_0001_869f);
  });
});
