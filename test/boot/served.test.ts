import { describe, expect, test } from 'vitest';
import { type Network, networkSchema } from '../../src/boot/network.ts';
import { chooseServed, findServed, type InterfaceFacts, identityOf } from '../../src/boot/served.ts';
import type { Ipv4 } from '../../src/net/ipv4.ts';

const PORTS = { http: 8080, tftp: 69 };
const lan = (name: string, address: string, looksLikeLan = true): InterfaceFacts => ({
  name,
  addresses: address === '' ? [] : [{ address: address as Ipv4, prefix: 24 }],
  lan: looksLikeLan,
  ipv6: false,
});
const network = (name: string, document: object): Network => ({ name, ...networkSchema.parse(document) });

describe('without any network file', () => {
  const { served } = chooseServed([], [lan('eth0', '10.1.0.5'), lan('docker0', '172.17.0.1', false)], PORTS);

  test('every interface that looks like a LAN is served as a proxy with a menu, and nothing else is', () => {
    expect(
      served.map(({ interface: name, network: { mode, unknown, pools } }) => ({ name, mode, unknown, pools })),
    ).toEqual([{ name: 'eth0', mode: 'proxy', unknown: 'menu', pools: [] }]);
  });

  test('its subnet is the interface’s own', () => {
    expect(served[0]?.network.subnet).toEqual({ network: '10.1.0.0', prefix: 24 });
  });

  test('no LAN at all is said in words', () => {
    expect(chooseServed([], [lan('docker0', '172.17.0.1', false)], PORTS).notes).toEqual([
      'no interface looks like a LAN; describe one in profiles/networks/<name>.yaml',
    ]);
  });
});

describe('with network files', () => {
  test('a network finds its interface by name', () => {
    const { served } = chooseServed(
      [network('lab', { interface: 'eth1', mode: 'proxy' })],
      [lan('eth0', '10.1.0.5'), lan('eth1', '10.2.0.5')],
      PORTS,
    );
    expect(served).toMatchObject([{ interface: 'eth1', address: '10.2.0.5' }]);
  });

  test('a network finds its interface by subnet, whether it looks like a LAN or not', () => {
    const { served } = chooseServed(
      [network('lab', { subnet: '10.2.0.0/24', mode: 'server' })],
      [lan('br-x', '10.2.0.5', false)],
      PORTS,
    );
    expect(served).toMatchObject([{ interface: 'br-x', address: '10.2.0.5' }]);
  });

  test('interfaces that no network names are not served', () => {
    const { served } = chooseServed(
      [network('lab', { interface: 'eth1', mode: 'proxy' })],
      [lan('eth0', '10.1.0.5')],
      PORTS,
    );
    expect(served).toEqual([]);
  });

  test('a missing interface is a note, and the other networks go on', () => {
    const { served, notes } = chooseServed(
      [network('gone', { interface: 'eth9', mode: 'proxy' }), network('lab', { interface: 'eth1', mode: 'proxy' })],
      [lan('eth1', '10.2.0.5')],
      PORTS,
    );
    expect(served.map((one) => one.network.name)).toEqual(['lab']);
    expect(notes).toEqual(['network "gone": there is no interface eth9 now']);
  });

  test('an interface without an address is a note', () => {
    expect(
      chooseServed([network('lab', { interface: 'eth1', mode: 'proxy' })], [lan('eth1', '')], PORTS).notes,
    ).toEqual(['network "lab": interface eth1 has no IPv4 address']);
  });

  test('a relayed network is served on the interface it names although its subnet is elsewhere', () => {
    const { served } = chooseServed(
      [network('far', { interface: 'eth1', subnet: '10.9.0.0/24', mode: 'server' })],
      [lan('eth1', '10.2.0.5')],
      PORTS,
    );
    expect(served).toMatchObject([{ address: '10.2.0.5', network: { subnet: { network: '10.9.0.0' } } }]);
  });

  test('the advertised address goes into what machines are told, not into the socket', () => {
    const { served } = chooseServed(
      [network('lab', { interface: 'eth1', mode: 'proxy', serverAddress: '10.2.0.99' })],
      [lan('eth1', '10.2.0.5')],
      PORTS,
    );
    expect(served).toMatchObject([
      { address: '10.2.0.5', server: { address: '10.2.0.99', httpBase: 'http://10.2.0.99:8080' } },
    ]);
  });

  test('off is silent, with a note', () => {
    expect(
      chooseServed([network('lab', { interface: 'eth1', mode: 'off' })], [lan('eth1', '10.2.0.5')], PORTS),
    ).toEqual({
      served: [],
      notes: ['network "lab" is off'],
    });
  });
});

test('the network of a request is told by the address it came to', () => {
  const { served } = chooseServed([], [lan('eth0', '10.1.0.5'), lan('eth1', '10.2.0.5')], PORTS);
  expect(findServed(served, '10.2.0.5')?.network.name).toBe('eth1');
  expect(findServed(served, '10.3.0.5')).toBeUndefined();
});

test('well-known ports are left out of URLs', () => {
  expect(identityOf('fe80::1%eth0', PORTS)).toMatchObject({ httpBase: 'http://[fe80::1]:8080' });
  expect(identityOf('10.1.0.5', { http: 80, tftp: 69 })).toEqual({
    address: '10.1.0.5',
    httpBase: 'http://10.1.0.5',
    tftpBase: 'tftp://10.1.0.5',
  });
});
