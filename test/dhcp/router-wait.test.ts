import { describe, expect, it } from 'vitest';
import { explain } from '../../src/dhcp/explain.ts';
import { createRouterWaitPace } from '../../src/dhcp/router-wait.ts';
import { ipv4, mac, makeWorld, request, START } from '../support/dhcp-world.ts';

const IPXE = { 60: 'PXEClient:Arch:00000:UNDI:002001', 77: 'iPXE', 93: [0] };
const ROM = { 60: 'PXEClient:Arch:00000:UNDI:002001', 93: [0] };

function waitOf(network: Record<string, unknown>, options: object = IPXE, more: Parameters<typeof request>[1] = {}) {
  const world = makeWorld({ network });
  return world.reply(request('DISCOVER', { options: { ...options }, ...more })).routerWait;
}

describe('the wait of an iPXE for an IPv6 router', () => {
  it('is ended where we give the addresses and no IPv6 is in use', () => {
    expect(waitOf({})).toEqual({ end: true, because: 'no IPv6 is in use on eth0' });
  });

  it.each<[string, Record<string, unknown>, Parameters<typeof request>[1], string]>([
    ['on a network that says so', { skipRouterWait: 'never' }, {}, 'the network says skipRouterWait: never'],
    ['on the network of another server', { mode: 'proxy', pools: [] }, {}, 'the network is another server’s'],
    ['behind a relay', { skipRouterWait: 'always' }, { giaddr: ipv4('10.77.0.254') }, 'it is behind a relay'],
  ])('is left alone %s', (_, network, fields, because) => {
    expect(waitOf(network, IPXE, fields)).toEqual({ end: false, because: expect.stringContaining(because) });
  });

  it('is left alone where IPv6 is in use, unless the network insists', () => {
    const withIpv6 = (network: Record<string, unknown>) => {
      const world = makeWorld({ network });
      return explain({ mac: mac(1), kind: 'ipxe' }, { ...world, served: { ...world.served, ipv6: true }, now: START });
    };
    expect(withIpv6({}).reply?.routerWait).toMatchObject({ end: false });
    expect(withIpv6({ skipRouterWait: 'always' }).reply?.routerWait).toMatchObject({ end: true });
  });

  it('is left alone where the interface is not known', () => {
    const outcome = makeWorld().reply(request('DISCOVER', { options: IPXE }), { ingressKnown: false });
    expect(outcome.routerWait).toMatchObject({ end: false });
  });

  it('is nothing that firmware’s own PXE or a system has, whatever the network says', () => {
    for (const options of [ROM, { 60: 'HTTPClient:Arch:00016:UNDI:003001', 93: [16] }, {}]) {
      expect(waitOf({ skipRouterWait: 'always' }, options)).toBeUndefined();
    }
  });

  it('is ended for a proxy’s client where the network says so', () => {
    expect(waitOf({ mode: 'proxy', pools: [], skipRouterWait: 'always' })).toMatchObject({ end: true });
  });
});

describe('the pace', () => {
  it('is one advertisement a client each half second, whatever it asks', () => {
    const pace = createRouterWaitPace();
    const sent = Array.from({ length: 100 }, (_, n) => pace.take(mac(1), START + n * 10)).filter(Boolean);
    expect(sent).toHaveLength(2);
    expect(pace.take(mac(2), START)).toBe(true);
  });

  it('holds for a flood of invented clients too, and ends with it', () => {
    const pace = createRouterWaitPace();
    const sent = Array.from({ length: 5000 }, (_, n) => pace.take(mac(n), START)).filter(Boolean);
    expect(sent).toHaveLength(1024);
    expect(pace.take(mac(9999), START + 500)).toBe(true);
  });
});
