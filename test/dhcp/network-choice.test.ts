import { describe, expect, it } from 'vitest';
import { type Network, networkSchema } from '../../src/boot/network.ts';
import { mayShowMenu, planListeners } from '../../src/dhcp/listeners.ts';
import { selectNetwork } from '../../src/dhcp/network-choice.ts';
import { bytes, ipv4, makeWorld, type RequestFields, request, serve } from '../support/dhcp-world.ts';

const network = (name: string, subnet: string, mode = 'server'): Network => ({
  name,
  ...networkSchema.parse({ subnet, mode }),
});
const here = serve(network('here', '10.1.0.0/24'), ipv4('10.1.0.1'), 'eth0');
const there = serve(network('there', '10.2.0.0/24'), ipv4('10.2.0.1'), 'eth1');
const far = serve(network('far', '10.9.0.0/16'), ipv4('10.1.0.1'), 'eth0');
const floor = serve(network('floor', '10.9.3.0/24'), ipv4('10.1.0.1'), 'eth0');
const all = [far, here, there, floor];

describe('the network of a request (D-16)', () => {
  const cases: [string, RequestFields, string, string][] = [
    ['is the one of the interface', {}, 'eth0', 'here'],
    ['is the one of the other interface', {}, 'eth1', 'there'],
    ['is the one that holds giaddr', { giaddr: ipv4('10.9.1.1') }, 'eth0', 'far'],
    ['is the most specific that holds giaddr', { giaddr: ipv4('10.9.3.1') }, 'eth0', 'floor'],
    [
      'is the one a unicast renewal from behind a relay has its address of',
      { ciaddr: ipv4('10.9.1.50') },
      'eth0',
      'far',
    ],
    ['is the one of the interface when ciaddr is of another', { ciaddr: ipv4('10.2.0.50') }, 'eth0', 'here'],
    [
      'is what option 118 says, before giaddr',
      { giaddr: ipv4('10.9.1.1'), options: { 118: '10.2.0.0' } },
      'eth0',
      'there',
    ],
    [
      'is what option 82 sub-option 5 says, before all',
      { giaddr: ipv4('10.9.1.1'), options: { 82: bytes('05040a010000'), 118: '10.2.0.0' } },
      'eth1',
      'here',
    ],
  ];
  it.each(cases)('%s', (_, fields, arrival, name) => {
    const choice = selectNetwork(all, arrival, request('REQUEST', fields));
    expect(choice.kind === 'served' ? choice.served.network.name : choice.reason).toBe(name);
  });

  it('is the one of the interface for a DISCOVER, whatever its ciaddr says', () => {
    const choice = selectNetwork(all, 'eth0', request('DISCOVER', { ciaddr: ipv4('10.9.1.50') }));
    expect(choice).toMatchObject({ served: { network: { name: 'here' } } });
  });

  it('is none for a relay nobody configured, and none on an interface that only leads to relays', () => {
    expect(selectNetwork(all, 'eth0', request('DISCOVER', { giaddr: ipv4('192.168.0.1') }))).toEqual({
      kind: 'none',
      reason: 'no network here holds 192.168.0.1, which giaddr names',
    });
    expect(selectNetwork([far], 'eth0', request('DISCOVER')).kind).toBe('none');
  });
});

describe('the sockets for a set of networks', () => {
  const ports = (...served: Parameters<typeof planListeners>[0]) =>
    planListeners(served).map(({ interface: name, port, share }) => `${name}:${port}${share ? ' shared' : ''}`);

  it('are port 67 alone for servers, once per interface', () => {
    expect(ports(here, far, there)).toEqual(['eth0:67', 'eth1:67']);
  });

  it('are 67 and 4011 for proxies, shared with the machine’s own DHCP server (D-69)', () => {
    expect(ports(serve(network('lab', '10.1.0.0/24', 'proxy')))).toEqual(['eth0:67 shared', 'eth0:4011 shared']);
  });

  it('are 67 and 4011 for a server as soon as a profile or its network has a menu of the firmware (D-72)', () => {
    const { catalog } = makeWorld({
      profiles: { rescue: { kind: 'menu', pxeMenu: { items: [{ title: 'Local disk', local: true }] } } },
    });
    const plans = planListeners([here], (served) => mayShowMenu(served, catalog));
    expect(plans.map(({ port }) => port)).toEqual([67, 4011]);
    expect(planListeners([here], (served) => mayShowMenu(served, makeWorld().catalog))).toHaveLength(1);
  });

  it('are one for each interface and port, however many networks and addresses are on it', () => {
    const second = serve(network('second', '10.3.0.0/24', 'proxy'), ipv4('10.3.0.1'), 'eth0');
    expect(ports(here, second)).toEqual(['eth0:67', 'eth0:4011']);
    expect(ports(serve(network('first', '10.1.0.0/24', 'proxy'), ipv4('10.1.0.1')), second)).toEqual([
      'eth0:67 shared',
      'eth0:4011 shared',
    ]);
  });

  it('are none for networks that are off', () => {
    expect(ports(serve(network('lab', '10.1.0.0/24', 'off')))).toEqual([]);
  });
});
