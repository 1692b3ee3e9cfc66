import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lease } from '../../src/boot/lease.ts';
import type { AddressPlan } from '../../src/dhcp/address-plan.ts';
import { createAddressBook, MAX_DECLINES, OFFER_HOLD_MS, QUARANTINE_MS } from '../../src/dhcp/lease.ts';
import type { Ipv4 } from '../../src/net/ipv4.ts';
import { parseCidr, parseRange } from '../../src/net/ipv4.ts';
import type { Mac } from '../../src/net/mac.ts';
import { ipv4, mac } from '../support/dhcp-world.ts';

const T = 1_000_000;

function plan(pool: string, parts: { reserved?: string[]; excluded?: string[] } = {}): AddressPlan {
  const subnet = parseCidr('10.0.0.0/24');
  const range = parseRange(pool);
  if (!subnet || !range) throw new Error(pool);
  return {
    subnet,
    pools: [range],
    reserved: new Set((parts.reserved ?? []).map(ipv4)),
    excluded: new Set((parts.excluded ?? []).map(ipv4)),
  };
}

function lease(address: string, owner: Mac, expiresAt: number, state: Lease['state'] = 'bound'): Lease {
  return { network: 'lab', address: ipv4(address), mac: owner, state, startsAt: 0, expiresAt };
}

describe('the order in which an address is chosen (D-25)', () => {
  const [a, b] = [mac(1), mac(2)];
  const cases: [string, { leases?: Lease[]; reserved?: string; asks?: string }, [string, string]][] = [
    [
      'a reservation first',
      { leases: [lease('10.0.0.11', a, T + 1)], reserved: '10.0.0.5' },
      ['10.0.0.5', 'reservation'],
    ],
    [
      'then its current lease',
      { leases: [lease('10.0.0.12', a, T + 1)], asks: '10.0.0.11' },
      ['10.0.0.12', 'current lease'],
    ],
    ['then its last lease', { leases: [lease('10.0.0.12', a, T - 1)], asks: '10.0.0.11' }, ['10.0.0.12', 'last lease']],
    ['a released one as well', { leases: [lease('10.0.0.12', a, T - 1, 'released')] }, ['10.0.0.12', 'last lease']],
    ['then what it asks for', { asks: '10.0.0.11' }, ['10.0.0.11', 'asked for']],
    ['not what another has', { leases: [lease('10.0.0.11', b, T + 1)], asks: '10.0.0.11' }, ['10.0.0.10', 'free']],
    ['not what is outside the pool', { asks: '10.0.0.99' }, ['10.0.0.10', 'free']],
    ['not what is reserved for another', { asks: '10.0.0.13' }, ['10.0.0.10', 'free']],
    ['not the router', { asks: '10.0.0.14' }, ['10.0.0.10', 'free']],
    ['then one nobody had', { leases: [lease('10.0.0.10', b, T - 99)] }, ['10.0.0.11', 'free']],
    [
      'then the one that expired first',
      { leases: [lease('10.0.0.10', b, T - 5), lease('10.0.0.11', mac(3), T - 9), lease('10.0.0.12', mac(4), T - 1)] },
      ['10.0.0.11', 'oldest expired'],
    ],
  ];
  it.each(cases)('%s', (_, given, [address, because]) => {
    const book = createAddressBook(
      'lab',
      plan('10.0.0.10-10.0.0.14', { reserved: ['10.0.0.13', '10.0.0.5'], excluded: ['10.0.0.14'] }),
      given.leases,
    );
    const claimant = { mac: a, ...(given.reserved && { reserved: ipv4(given.reserved) }) };
    expect(book.choose(claimant, given.asks === undefined ? undefined : ipv4(given.asks), T)).toEqual({
      address,
      because,
    });
  });

  it('falls back to the pool and says so while another client has the reserved address (D-26)', () => {
    const book = createAddressBook('lab', plan('10.0.0.10-10.0.0.12'), [lease('10.0.0.12', b, T + 1000)]);
    const claimant = { mac: a, reserved: ipv4('10.0.0.12') };
    expect(book.choose(claimant, undefined, T)).toEqual({
      address: '10.0.0.10',
      because: 'free',
      reservationTaken: true,
    });
    book.bind(claimant, ipv4('10.0.0.10'), 600, T);
    expect(book.standing(claimant, ipv4('10.0.0.10'), T + 2000)).toBe('move');
    const moved = book.bind(claimant, ipv4('10.0.0.12'), 600, T + 2000);
    expect(moved.map(({ address, state }) => [address, state])).toEqual([
      ['10.0.0.12', 'bound'],
      ['10.0.0.10', 'released'],
    ]);
  });
});

describe('offers', () => {
  const book = () => createAddressBook('lab', plan('10.0.0.10-10.0.0.11'));

  it('are held: two clients never get the same one, and a repeated DISCOVER gets the same again (D-42)', () => {
    const one = book();
    expect(one.offer({ mac: mac(1) }, undefined, T)?.address).toBe('10.0.0.10');
    expect(one.offer({ mac: mac(2) }, undefined, T)?.address).toBe('10.0.0.11');
    expect(one.offer({ mac: mac(1) }, ipv4('10.0.0.11'), T + 1)?.address).toBe('10.0.0.10');
    expect(one.offer({ mac: mac(3) }, undefined, T + 2)).toBeUndefined();
  });

  it('lapse, and then serve others', () => {
    const one = book();
    one.offer({ mac: mac(1) }, undefined, T);
    one.offer({ mac: mac(2) }, undefined, T);
    expect(one.offer({ mac: mac(3) }, undefined, T + OFFER_HOLD_MS)?.address).toBe('10.0.0.10');
    expect(one.standing({ mac: mac(1) }, ipv4('10.0.0.10'), T + OFFER_HOLD_MS)).toBe('taken');
  });

  it('are given back when the client chooses another server (D-28)', () => {
    const one = book();
    one.offer({ mac: mac(1) }, undefined, T);
    one.offer({ mac: mac(2) }, undefined, T);
    one.withdraw({ mac: mac(1) });
    expect(one.offer({ mac: mac(3) }, undefined, T + 1)?.address).toBe('10.0.0.10');
  });
});

describe('declined addresses (D-34)', () => {
  it('are left alone until the quarantine ends', () => {
    const book = createAddressBook('lab', plan('10.0.0.10-10.0.0.10'));
    book.offer({ mac: mac(1) }, undefined, T);
    expect(book.decline({ mac: mac(1) }, ipv4('10.0.0.10'), T)).toMatchObject({
      state: 'declined',
      expiresAt: T + QUARANTINE_MS,
    });
    expect(book.choose({ mac: mac(1) }, ipv4('10.0.0.10'), T + QUARANTINE_MS - 1)).toBeUndefined();
    expect(book.choose({ mac: mac(2) }, undefined, T + QUARANTINE_MS)?.address).toBe('10.0.0.10');
  });

  it('must be the client’s own', () => {
    const book = createAddressBook('lab', plan('10.0.0.10-10.0.0.11'), [lease('10.0.0.10', mac(1), T + 9999)]);
    expect(book.decline({ mac: mac(2) }, ipv4('10.0.0.10'), T)).toBeUndefined();
    expect(book.decline({ mac: mac(2) }, ipv4('10.0.0.11'), T)).toBeUndefined();
    expect(book.standing({ mac: mac(1) }, ipv4('10.0.0.10'), T)).toBe('free');
  });

  it('cannot drain the pool: one client blocks a few at most', () => {
    const book = createAddressBook('lab', plan('10.0.0.10-10.0.0.50'));
    const states = Array.from({ length: MAX_DECLINES + 2 }, () => {
      const choice = book.offer({ mac: mac(1) }, undefined, T);
      return choice && book.decline({ mac: mac(1) }, choice.address, T)?.state;
    });
    expect(states).toEqual([...Array(MAX_DECLINES).fill('declined'), 'released', 'released']);
  });
});

it('never gives one address to two clients, whatever the order of events, restarts included', () => {
  const clients = [1, 2, 3, 4, 5].map(mac);
  const client = fc.nat(clients.length - 1);
  const step = fc.oneof(
    fc.record({
      op: fc.constant('dora' as const),
      client,
      reserved: fc.boolean(),
      seconds: fc.integer({ min: 60, max: 600 }),
    }),
    fc.record({ op: fc.constant('offer' as const), client, reserved: fc.boolean() }),
    fc.record({
      op: fc.constant('take' as const),
      client,
      address: fc.integer({ min: 10, max: 14 }),
      seconds: fc.constant(60),
    }),
    fc.record({ op: fc.constant('release' as const), client }),
    fc.record({ op: fc.constant('decline' as const), client }),
    fc.record({ op: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 400_000 }) }),
    fc.record({ op: fc.constant('restart' as const) }),
    fc.record({ op: fc.constant('replan' as const), last: fc.integer({ min: 11, max: 14 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let now = T;
      let current = plan('10.0.0.10-10.0.0.13', { reserved: ['10.0.0.13'] });
      const stored = new Map<string, Lease>();
      let book = createAddressBook('lab', current);
      /** What each client believes: the address it was acknowledged, and until when. */
      const beliefs = new Map<Mac, { address: Ipv4; until: number }>();
      const commit = (leases: readonly Lease[]) => {
        for (const one of leases) stored.set(one.address, one);
      };
      const acknowledge = (claimant: { mac: Mac; reserved?: Ipv4 }, address: Ipv4, seconds: number) => {
        if (book.standing(claimant, address, now) !== 'free') return;
        commit(book.bind(claimant, address, seconds, now));
        beliefs.set(claimant.mac, { address, until: now + seconds * 1000 });
      };
      for (const one of steps) {
        const who = 'client' in one ? (clients[one.client] ?? mac(1)) : mac(1);
        const claimant = { mac: who, ...('reserved' in one && one.reserved && { reserved: ipv4('10.0.0.13') }) };
        const belief = beliefs.get(who);
        switch (one.op) {
          case 'dora': {
            const choice = book.offer(claimant, undefined, now);
            if (choice) acknowledge(claimant, choice.address, one.seconds);
            break;
          }
          case 'offer':
            book.offer(claimant, undefined, now);
            break;
          case 'take':
            acknowledge(claimant, ipv4(`10.0.0.${one.address}`), one.seconds);
            break;
          case 'release': {
            const released = belief && book.release({ mac: who }, belief.address, now);
            if (released) commit([released]);
            if (released) beliefs.delete(who);
            break;
          }
          case 'decline': {
            const declined = belief && book.decline(claimant, belief.address, now);
            if (declined) commit([declined]);
            if (declined) beliefs.delete(who);
            break;
          }
          case 'wait':
            now += one.ms;
            break;
          case 'restart':
            book = createAddressBook('lab', current, stored.values());
            break;
          case 'replan':
            current = plan(`10.0.0.10-10.0.0.${one.last}`, { reserved: ['10.0.0.13'] });
            book.setPlan(current);
            break;
          default:
            one satisfies never;
        }
        const held = [...beliefs.values()].filter(({ until }) => until > now).map(({ address }) => address);
        expect(new Set(held).size).toBe(held.length);
      }
    }),
    { numRuns: 500 },
  );
});

it('recovers from exhaustion: every address comes back when its lease ends', () => {
  const book = createAddressBook('lab', plan('10.0.0.10-10.0.0.19'));
  for (let round = 0; round < 3; round++) {
    const now = T + round * 700_000;
    const given = Array.from({ length: 10 }, (_, index) => {
      const claimant = { mac: mac(100 * round + index) };
      const choice = book.offer(claimant, undefined, now);
      if (choice) book.bind(claimant, choice.address, 600, now);
      return choice?.address;
    });
    expect(new Set(given).size).toBe(10);
    expect(book.choose({ mac: mac(9999) }, undefined, now)).toBeUndefined();
  }
});

it('works in a large pool without walking over it for each request', () => {
  const leases: Lease[] = Array.from({ length: 60_000 }, (_, index) =>
    lease(`10.1.${index >> 8}.${index & 255}`, mac(index), T + 1000 + index),
  );
  const subnet = parseCidr('10.1.0.0/16');
  const pool = parseRange('10.1.0.0-10.1.255.250');
  if (!subnet || !pool) throw new Error('pool');
  const book = createAddressBook('lab', { subnet, pools: [pool], reserved: new Set(), excluded: new Set() }, leases);
  const startedAt = performance.now();
  for (let index = 0; index < 5000; index++) {
    const claimant = { mac: mac(`0200000${(index + 0x10000).toString(16)}`) };
    const choice = book.offer(claimant, undefined, T);
    if (choice) book.bind(claimant, choice.address, 600, T);
  }
  // Walking over 60,000 entries for each would take minutes.
  expect(performance.now() - startedAt).toBeLessThan(3000);
});

describe("an operator's word", () => {
  it('ends a lease and a quarantine, once', () => {
    const book = createAddressBook('lab', plan('10.0.0.10-10.0.0.11'), [
      lease('10.0.0.10', mac(1), T + 99_999),
      lease('10.0.0.11', mac(2), T + QUARANTINE_MS, 'declined'),
    ]);
    const newcomer = { mac: mac(3) };
    expect(book.choose(newcomer, undefined, T)).toBeUndefined();
    expect(book.free(ipv4('10.0.0.11'), T)).toMatchObject({ state: 'released', expiresAt: T });
    expect(book.choose(newcomer, undefined, T + 1)).toMatchObject({ address: '10.0.0.11' });
    expect(book.free(ipv4('10.0.0.11'), T + 1)).toBeUndefined();
    expect(book.free(ipv4('10.0.0.10'), T)).toMatchObject({ mac: mac(1), state: 'released' });
    expect(book.free(ipv4('10.0.0.99'), T)).toBeUndefined();
  });
});
