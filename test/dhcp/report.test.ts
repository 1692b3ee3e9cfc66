import { expect, it } from 'vitest';
import { eventOf } from '../../src/dhcp/report.ts';
import { CLIENTS, mac, makeWorld, request, SERVER } from '../support/dhcp-world.ts';

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
    detail: { client: 'pxe', arch: 'x64 UEFI', file: 'ipxe/snponly.efi', sentBy: 'packet', dropped: [224] },
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
