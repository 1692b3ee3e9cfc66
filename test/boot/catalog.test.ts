/** The faults that only show when all objects are seen together. */
import { describe, expect, it } from 'vitest';
import { findHost } from '../../src/boot/catalog.ts';
import { parseMac } from '../../src/net/mac.ts';
import { buildSketch, type CatalogSketch, catalogOf } from '../support/catalogs.ts';

const A = '52:54:00:00:00:01';
const B = '52:54:00:00:00:02';
const LIVE = { live: { kind: 'live', kernel: 'linux' } };
const lan = (more: object) => ({ networks: { lan: { mode: 'server', subnet: '10.77.0.0/24', ...more } } });

describe('buildCatalog', () => {
  it.each<[string, CatalogSketch, string[]]>([
    [
      'two hosts with one MAC',
      { hosts: { a: { macs: [A] }, b: { macs: [B, A] } } },
      ['host b macs.1: 52:54:00:00:00:01 belongs to host "a" already'],
    ],
    [
      'one MAC twice, in two spellings',
      { hosts: { a: { macs: [A, '525400000001'] } } },
      ['host a macs.1: 52:54:00:00:00:01 is listed twice'],
    ],
    [
      'two hosts with one address',
      { hosts: { a: { macs: [A], address: '10.0.0.1' }, b: { macs: [B], address: '10.0.0.1' } } },
      ['host b address: 10.0.0.1 belongs to host "a" already'],
    ],
    [
      'two hosts with one serial',
      { hosts: { a: { macs: [A], serial: 'x' }, b: { macs: [B], serial: 'x' } } },
      ['host b serial: x belongs to host "a" already'],
    ],
    [
      'a profile nobody wrote',
      { hosts: { a: { macs: [A], profile: 'lvie' } }, profiles: LIVE },
      ['host a profile: there is no profile "lvie"'],
    ],
    ['a live profile without kernel', { profiles: { x: { kind: 'live' } } }, ['profile x kind: "live" needs "kernel"']],
    ['a chain to nothing', { profiles: { x: { kind: 'chain' } } }, ['profile x kind: "chain" needs "chain"']],
    [
      'a route that captures twice',
      { routes: [{ path: ':a/:a', template: 't' }] },
      ['routes routes routes.0.path: ":a/:a" captures "a" twice'],
    ],
    [
      'a destructive profile for strangers',
      { ...lan({ unknown: 'w' }), profiles: { w: { kind: 'install', kernel: 'linux' } } },
      ['network lan unknown: profile "w" is destructive, and unknown machines are never wiped'],
    ],
    [
      'an unknown policy for strangers',
      lan({ unknown: 'lcoal' }),
      ['network lan unknown: "lcoal" is no policy and no profile'],
    ],
    [
      'a reservation of the router',
      { ...lan({ router: '10.77.0.1' }), hosts: { a: { macs: [A], address: '10.77.0.1' } } },
      ['host a address: 10.77.0.1 is the router or server of network "lan"'],
    ],
    [
      'two servers of one subnet',
      {
        networks: {
          lan: { mode: 'server', subnet: '10.77.0.0/16' },
          lab: { mode: 'server', subnet: '10.77.1.0/24' },
        },
      },
      ['network lab subnet: 10.77.1.0/24 overlaps with network "lan"'],
    ],
    [
      'a server and a proxy of one subnet, which is nothing wrong',
      {
        networks: {
          lan: { mode: 'server', subnet: '10.77.0.0/16' },
          lab: { mode: 'proxy', subnet: '10.77.1.0/24' },
        },
      },
      [],
    ],
    [
      'a pool in a proxy',
      lan({ mode: 'proxy', pools: ['10.77.0.10-10.77.0.20'] }),
      ['network lan pools: a network in mode proxy gives no addresses'],
    ],
    [
      'a pool that leaves its subnet',
      lan({ pools: ['10.77.0.10-10.77.1.20'] }),
      ['network lan pools.0: the pool leaves 10.77.0.0/24'],
    ],
    [
      'a pool that holds the router',
      lan({ router: '10.77.0.1', pools: ['10.77.0.1-10.77.0.20'] }),
      ['network lan pools.0: the pool holds 10.77.0.1, which is in use'],
    ],
    [
      'nothing wrong',
      { ...lan({ pools: ['10.77.0.10-10.77.0.20'] }), hosts: { a: { macs: [A], profile: 'live' } }, profiles: LIVE },
      [],
    ],
  ])('reports %s', (_, sketch, expected) => {
    const { problems } = buildSketch(sketch);
    expect(
      problems.map(({ object, path, message }) => `${object.kind} ${object.name} ${path.join('.')}: ${message}`),
    ).toEqual(expected);
    for (const { advice } of problems) expect(advice).not.toBe('');
  });

  it('reports every problem at once', () => {
    const { problems } = buildSketch({
      hosts: { a: { macs: [A], profile: 'x' }, b: { macs: [A], profile: 'y' } },
      ...lan({ unknown: 'z', pools: ['10.78.0.1'] }),
    });
    expect(problems).toHaveLength(5);
  });
});

describe('findHost', () => {
  const catalog = catalogOf({
    hosts: { a: { macs: [A], serial: 's' }, b: { macs: [B], uuid: '77777777-0000-4000-8000-000000000001' } },
  });

  it('takes the MAC before the UUID before the serial', () => {
    const uuid = '77777777-0000-4000-8000-000000000001';
    expect(findHost(catalog, { mac: parseMac(A), uuid })?.by).toBe('mac');
    expect(findHost(catalog, { uuid, serial: 's' })?.host.name).toBe('b');
    expect(findHost(catalog, { serial: 's' })?.by).toBe('serial');
    expect(findHost(catalog, { serial: 'none' })).toBeUndefined();
  });
});
