import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Lease } from '../../src/boot/lease.ts';
import { decode } from '../../src/dhcp/packet.ts';
import { encodeReply } from '../../src/dhcp/reply.ts';
import type { Ipv4 } from '../../src/net/ipv4.ts';
import type { Mac } from '../../src/net/mac.ts';
import { CLIENTS, ipv4, mac, makeWorld, request, SERVER, type World } from '../support/dhcp-world.ts';

const HOSTS = { web: { macs: [mac(1), mac(2)], address: '10.77.0.101' } };
const ADDRESSES = [
  '0.0.0.0',
  '10.77.0.1',
  '10.77.0.99',
  '10.77.0.100',
  '10.77.0.101',
  '10.77.0.102',
  '192.168.0.9',
].map(ipv4);
const address = fc.constantFrom(...ADDRESSES);
const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });

/** Anything a client may say, sensible or not. */
const message = fc.record({
  kind: fc.constantFrom('DISCOVER', 'REQUEST', 'REQUEST', 'REQUEST', 'RELEASE', 'DECLINE', 'INFORM', undefined),
  who: fc.integer({ min: 1, max: 5 }),
  class: fc.constantFrom(...(Object.keys(CLIENTS) as (keyof typeof CLIENTS)[])),
  ciaddr: fc.oneof(fc.constant(ipv4('0.0.0.0')), address),
  wish: maybe(address),
  server: maybe(fc.constantFrom(SERVER, SERVER, ipv4('10.77.0.3'))),
  giaddr: fc.constantFrom(ipv4('0.0.0.0'), ipv4('0.0.0.0'), ipv4('10.77.0.254')),
  wait: fc.constantFrom(0, 0, 1000, 31_000, 700_000),
  restart: fc.integer({ max: 9, min: 0 }).map((n) => n === 0),
});

it.each([false, true])('whatever clients say, no two hold one address (authoritative: %s)', (authoritative) => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 50 }), (messages) => {
      const stored = new Map<string, Lease>();
      const network = { pools: ['10.77.0.100-10.77.0.102'], authoritative };
      const open = (now: number): World => {
        const fresh = makeWorld({ network, hosts: HOSTS, leases: [...stored.values()] });
        fresh.now = now;
        return fresh;
      };
      let world = open(1_700_000_000_000);
      const beliefs = new Map<Mac, { address: Ipv4; until: number }>();
      for (const one of messages) {
        if (one.restart) world = open(world.now);
        world.now += one.wait;
        const who = mac(one.who);
        const options = {
          ...CLIENTS[one.class],
          ...(one.wish && { 50: one.wish }),
          ...(one.server && { 54: one.server }),
        };
        const asked = request(one.kind, { mac: who, ciaddr: one.ciaddr, giaddr: one.giaddr, options });
        const outcome = world.ask(asked);
        const leases = 'leases' in outcome ? outcome.leases : [];
        for (const lease of leases) stored.set(lease.address, lease);
        if (outcome.kind === 'record') beliefs.delete(who);
        if (outcome.kind === 'reply') {
          const packet = decode(encodeReply(asked, outcome.packet).bytes);
          expect([packet.xid, packet.op]).toEqual([asked.xid, 2]);
          if (outcome.message === 'NAK') beliefs.delete(who);
          if (outcome.message === 'ACK' && one.kind === 'REQUEST') {
            expect(leases[0]).toMatchObject({ mac: who, address: packet.yiaddr, state: 'bound' });
            beliefs.set(who, { address: packet.yiaddr, until: leases[0]?.expiresAt ?? 0 });
          }
        }
        const held = [...beliefs.values()].filter(({ until }) => until > world.now).map((belief) => belief.address);
        expect(new Set(held).size).toBe(held.length);
        expect(held).not.toContain(SERVER);
      }
    }),
    { numRuns: 300 },
  );
});
