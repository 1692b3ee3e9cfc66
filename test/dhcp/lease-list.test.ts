/** Listing leases page by page gives what sorting all of them gives. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lease, LeaseState } from '../../src/boot/lease.ts';
import { packLeases } from '../../src/boot/packed-leases.ts';
import { createLeaseEntries } from '../../src/dhcp/lease-entries.ts';
import { listLeases, pageOfEntries } from '../../src/dhcp/lease-list.ts';
import { ipv4FromNumber, ipv4ToNumber } from '../../src/net/ipv4.ts';
import type { Mac } from '../../src/net/mac.ts';

const FIRST = ipv4ToNumber('10.77.0.0' as Lease['address']);
const NOW = 1_800_000_000_000;

const lease = fc
  .record({
    offset: fc.integer({ min: 0, max: 40 }),
    state: fc.constantFrom<LeaseState>('bound', 'released', 'declined'),
    ends: fc.integer({ min: -2, max: 2 }),
  })
  .map(({ offset, state, ends }): Omit<Lease, 'network'> => {
    const mac = `02:00:00:00:00:${offset.toString(16).padStart(2, '0')}` as Mac;
    return { address: ipv4FromNumber(FIRST + offset), mac, state, startsAt: NOW, expiresAt: NOW + ends };
  });

const leases = fc.array(lease, { maxLength: 40 });

/** Entries of which some were stored before, some came since, over the former or not, and one is only an offer. */
function entriesOf(network: string, stored: readonly Omit<Lease, 'network'>[], since: typeof stored) {
  const named = (one: Omit<Lease, 'network'>): Lease => ({ ...one, network });
  const entries = createLeaseEntries(packLeases(network, stored.map(named)));
  entries.set(FIRST + 100, { offer: { key: 'somebody', until: NOW + 10 } });
  for (const one of since) entries.set(ipv4ToNumber(one.address), { lease: named(one) });
  const all = new Map([...stored, ...since].map((one) => [one.address, named(one)]));
  const sorted = [...all.values()].sort((a, b) => ipv4ToNumber(a.address) - ipv4ToNumber(b.address));
  return { entries, sorted };
}

describe('a list of leases', () => {
  it('is complete and in order, whatever the length of its pages', () => {
    fc.assert(
      fc.property(
        fc.tuple(leases, leases),
        fc.tuple(leases, leases),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(undefined, true, false),
        fc.constantFrom(undefined, 'a', 'b', 'none'),
        (first, second, limit, active, network) => {
          const networks = new Map([
            ['b', entriesOf('b', ...second)],
            ['a', entriesOf('a', ...first)],
          ]);
          const pages = new Map(
            [...networks].map(([name, { entries }]) => [
              name,
              (query: Parameters<typeof pageOfEntries>[1]) => pageOfEntries(entries, query),
            ]),
          );
          const wanted = ['a', 'b']
            .flatMap((name) => networks.get(name)?.sorted ?? [])
            .filter((one) => network === undefined || one.network === network)
            .filter((one) => active === undefined || active === (one.state === 'bound' && one.expiresAt > NOW));
          const listed: Lease[] = [];
          for (;;) {
            const page = listLeases(pages, { network, active, now: NOW, after: listed.at(-1), limit });
            listed.push(...page);
            if (page.length < limit) break;
          }
          expect(listed).toEqual(wanted);
          expect(listLeases(pages, { network, active, now: NOW, limit: Number.POSITIVE_INFINITY })).toEqual(wanted);
        },
      ),
    );
  });

  it('is as long as is counted without making it', () => {
    fc.assert(
      fc.property(leases, leases, (stored, since) => {
        const { entries, sorted } = entriesOf('lab', stored, since);
        expect(entries.leaseCount).toBe(sorted.length);
      }),
    );
  });
});
