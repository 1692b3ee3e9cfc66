import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type NetworkInterfaceInfo, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listInterfaces, looksLikeLan, type NetworkInterface, whyNotLan } from '../../src/os/interfaces.ts';

/** Files of /sys/class/net/<name> where they differ from an Ethernet interface that is up with a cable. */
const TREE: Record<string, Record<string, string>> = {
  lo: { ifindex: '1', address: '00:00:00:00:00:00', flags: '0x9', type: '772', mtu: '65536' },
  enp3s0: { ifindex: '2', address: '52:54:00:00:00:02', 'device/vendor': '0x8086' },
  enp4s0: { ifindex: '3', address: '52:54:00:00:00:03', flags: '0x1002', carrier: '', 'device/vendor': '0x8086' },
  enp5s0: { ifindex: '4', address: '52:54:00:00:00:04', carrier: '0', 'device/vendor': '0x8086' },
  wlp2s0: { ifindex: '5', uevent: 'DEVTYPE=wlan\nINTERFACE=wlp2s0', 'phy80211/index': '0', 'device/vendor': '1' },
  br0: { ifindex: '6', uevent: 'DEVTYPE=bridge', 'bridge/stp_state': '0' },
  'br-0123456789ab': { ifindex: '7', uevent: 'DEVTYPE=bridge', 'bridge/stp_state': '0' },
  docker0: { ifindex: '8', uevent: 'DEVTYPE=bridge', 'bridge/stp_state': '0' },
  virbr0: { ifindex: '9', uevent: 'DEVTYPE=bridge', 'bridge/stp_state': '1' },
  veth1a2b3c: { ifindex: '10' },
  eth0: { ifindex: '11', uevent: 'INTERFACE=eth0' },
  bond0: { ifindex: '12', uevent: 'DEVTYPE=bond', 'bonding/mode': 'active-backup 1' },
  'bond0.7': { ifindex: '13', uevent: 'DEVTYPE=vlan' },
  wg0: { ifindex: '14', type: '65534', address: '', uevent: 'DEVTYPE=wireguard' },
  tun0: { ifindex: '15', type: '65534', address: '', tun_flags: '0x1' },
  tap0: { ifindex: '16', tun_flags: '0x2' },
  ib0: { ifindex: '17', type: '32', address: '80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:00:10:2f' },
  cni0: { ifindex: '18', uevent: 'DEVTYPE=bridge', 'bridge/stp_state': '0' },
  'flannel.1': { ifindex: '19', uevent: 'DEVTYPE=vxlan' },
  enp6s0: { ifindex: '20', 'device/vendor': '0x8086' },
  enp7s0: { ifindex: '21', 'device/vendor': '0x8086' },
  enp8s0: { ifindex: '22', 'device/vendor': '0x8086' },
};

const DEFAULTS = { address: '52:54:00:ff:ff:ff', flags: '0x1003', type: '1', mtu: '1500', carrier: '1', uevent: '' };

const ipv4 = (address: string, netmask: string, internal = false): NetworkInterfaceInfo => ({
  address,
  netmask,
  family: 'IPv4',
  mac: '00:00:00:00:00:00',
  internal,
  cidr: null,
});
const ADDRESSES = {
  lo: [ipv4('127.0.0.1', '255.0.0.0', true)],
  enp3s0: [ipv4('10.77.0.1', '255.255.255.0')],
  'enp3s0:1': [ipv4('10.78.0.1', '255.255.0.0')],
  enp6s0: [ipv4('169.254.3.4', '255.255.0.0')],
  enp7s0: [ipv4('10.79.0.1', '255.255.255.255')],
  enp8s0: [],
  ...Object.fromEntries(
    ['wlp2s0', 'br0', 'br-0123456789ab', 'docker0', 'virbr0', 'veth1a2b3c', 'eth0', 'bond0', 'bond0.7', 'wg0', 'tun0']
      .concat(['tap0', 'ib0', 'cni0', 'flannel.1'])
      .map((name, index) => [name, [ipv4(`10.80.${index}.1`, '255.255.255.0')]]),
  ),
};

let root: string;
let found: Map<string, NetworkInterface>;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'hobnail-sys-'));
  for (const [name, files] of Object.entries(TREE)) {
    for (const [path, text] of Object.entries({ ...DEFAULTS, ...files })) {
      const file = join(root, name, path);
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, `${text}\n`);
    }
  }
  writeFileSync(join(root, 'bonding_masters'), 'bond0\n');
  found = new Map(listInterfaces({ sysClassNet: root, addresses: () => ADDRESSES }).map((one) => [one.name, one]));
});
afterAll(() => rmSync(root, { recursive: true }));

it('lists every interface by index, those without an address too, and folds address labels', () => {
  expect([...found.keys()]).toEqual(Object.keys(TREE));
  expect(found.get('enp3s0')).toEqual({
    name: 'enp3s0',
    index: 2,
    mac: '52:54:00:00:00:02',
    kind: 'ethernet',
    mtu: 1500,
    up: true,
    carrier: true,
    addresses: [
      { address: '10.77.0.1', prefix: 24 },
      { address: '10.78.0.1', prefix: 16 },
    ],
    ipv6: false,
  });
  expect(found.get('enp4s0')).toMatchObject({ up: false, carrier: false, addresses: [] });
  expect(found.get('lo')).toMatchObject({ mac: undefined, mtu: 65536 });
});

it.each([
  ['fe80::1', false],
  ['FEBF::1', false],
  ['fd00:77::1', true],
  ['2001:db8::1', true],
])('IPv6 is in use where we have an address of it beyond link-local ones: %s', (address, used) => {
  const info = { ...ipv4('', ''), address, family: 'IPv6', scopeid: 0 } as NetworkInterfaceInfo;
  const [one] = listInterfaces({ sysClassNet: '/nowhere', addresses: () => ({ eth0: [info] }) });
  expect(one?.ipv6).toBe(used);
});

describe('kinds and what looks like a LAN', () => {
  it.each([
    ['lo', 'loopback', 'loopback'],
    ['enp3s0', 'ethernet', undefined],
    ['enp4s0', 'ethernet', 'down'],
    ['enp5s0', 'ethernet', 'no carrier'],
    ['enp6s0', 'ethernet', 'no address with a subnet'],
    ['enp7s0', 'ethernet', 'no address with a subnet'],
    ['enp8s0', 'ethernet', 'no IPv4 address'],
    ['wlp2s0', 'wireless', undefined],
    ['br0', 'bridge', undefined],
    ['br-0123456789ab', 'bridge', 'container engine'],
    ['docker0', 'bridge', 'container engine'],
    ['virbr0', 'bridge', 'hypervisor'],
    ['veth1a2b3c', 'virtual', 'container engine'],
    ['eth0', 'virtual', undefined],
    ['bond0', 'bond', undefined],
    ['bond0.7', 'vlan', undefined],
    ['wg0', 'tunnel', 'tunnel'],
    ['tun0', 'tunnel', 'tunnel'],
    ['tap0', 'tunnel', 'tunnel'],
    ['ib0', 'other', 'not Ethernet'],
    ['cni0', 'bridge', 'container network'],
    ['flannel.1', 'tunnel', 'tunnel'],
  ])('%s is %s', (name, kind, why) => {
    const one = found.get(name);
    if (!one) throw new Error(`${name} was not listed`);
    expect(one.kind).toBe(kind);
    expect(looksLikeLan(one)).toBe(why === undefined);
    if (why) expect(whyNotLan(one)).toContain(why);
  });
});

it('makes do with the addresses where there is no /sys', () => {
  const addresses = () => ({ en0: [ipv4('10.77.0.5', '255.255.255.0')], lo0: [ipv4('127.0.0.1', '255.0.0.0', true)] });
  const list = listInterfaces({ sysClassNet: join(root, 'nowhere'), addresses });
  expect(list.map(({ name, kind, index }) => `${name} ${kind} ${index}`)).toEqual(['en0 ethernet 0', 'lo0 loopback 0']);
});
