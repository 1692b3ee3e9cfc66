import { expect, it } from 'vitest';
import { eventOf } from '../../src/dhcp/report.ts';
import { bytes, CLIENTS, mac, makeWorld, request, SERVER } from '../support/dhcp-world.ts';

const delivery = { at: 5, ms: 1.5, sentBy: 'packet', dropped: [224] };
const options = CLIENTS['UEFI x64'];

it('tells who got what and why', () => {
  const world = makeWorld({
    hosts: { web: { macs: [mac(1)], profile: 'rescue' } },
    profiles: { rescue: { kind: 'rescue', kernel: 'linux' } },
  });
  const asked = request('DISCOVER', { options });
  expect(eventOf(world.ask(asked), asked, world.served, delivery)).toEqual({
    at: 5,
    kind: 'dhcp.offer',
    summary: 'OFFER: 10.77.0.100 (free); host "web" has profile "rescue"',
    network: 'lab',
    xid: '12345678',
    ms: 1.5,
    mac: mac(1),
    ip: '10.77.0.100',
    host: 'web',
    profile: 'rescue',
    detail: {
      client: 'pxe',
      arch: 'x64 UEFI',
      file: 'ipxe/snponly.efi',
      sentBy: 'packet',
      dropped: [224],
      trace: expect.any(Array),
    },
  });
});

it.each([
  ['dhcp.ack', request('REQUEST', { options: { 50: '10.77.0.100', 54: SERVER } })],
  ['dhcp.nak', request('REQUEST', { options: { 50: '10.77.0.7', 54: SERVER } })],
  ['dhcp.ignored', request('REQUEST', { mac: mac(2), options: { 50: '10.77.0.105' } })],
])('%s is its kind', (kind, asked) => {
  const world = makeWorld();
  expect(eventOf(world.ask(asked), asked, world.served, { at: 1, ms: 0 }).kind).toBe(kind);
});

it('a release is one too, with its address', () => {
  const world = makeWorld();
  const ack = world.reply(request('REQUEST', { options: { 50: '10.77.0.100', 54: SERVER } }));
  const asked = request('RELEASE', { ciaddr: ack.packet.yiaddr });
  expect(eventOf(world.ask(asked), asked, world.served, { at: 1, ms: 0 })).toMatchObject({
    kind: 'dhcp.release',
    ip: '10.77.0.100',
  });
});

it('D-95: each packet leaves the way to its answer: network, identity, class, rules, options and where it went', () => {
  const world = makeWorld({
    hosts: { web: { macs: [mac(1)], profile: 'menu' } },
    profiles: { menu: { kind: 'menu' } },
  });
  const asked = request('DISCOVER', { options: { ...options, 61: bytes('ff00112233000100012a2b2c2d525400770001') } });
  const sent = { ...delivery, networkBecause: 'interface eth0', to: '10.77.0.100:68' };
  const { detail } = eventOf(world.ask(asked), asked, world.served, sent);
  expect(detail).toMatchObject({ to: '10.77.0.100:68' });
  expect(detail?.trace).toEqual([
    'network: by interface eth0',
    // D-23: an opaque key, shown as what it is.
    `identity: ${mac(1)}, client identifier IAID 00112233 DUID 00:01:00:01:2a:2b:2c:2d:52:54:00:77:00:01`,
    'class: PXEClient:Arch:00007:UNDI:003000, seen as pxe',
    'known host: host "web" by its mac',
    expect.stringContaining('profile'),
    'loader: ipxe: boot-images/ipxe/snponly.efi',
    expect.stringMatching(/^options: (?:\d+ )+\d+$/),
  ]);
});

it('D-23: identifiers with a DUID are shown as such', () => {
  const world = makeWorld();
  const asked = request('DISCOVER', { options: { 61: bytes('ff00112233000100012a2b2c2d525400770001') } });
  const { detail } = eventOf(world.ask(asked), asked, world.served, delivery);
  expect(JSON.stringify(detail?.trace)).toContain('IAID 00112233 DUID 00:01:00:01');
});
