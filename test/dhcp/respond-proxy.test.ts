import { describe, expect, it } from 'vitest';
import { formatOption } from '../../src/dhcp/options.ts';
import type { Packet } from '../../src/dhcp/packet.ts';
import { bytes, CLIENTS, ipv4, mac, makeWorld, request, SERVER } from '../support/dhcp-world.ts';

const proxy = (parts: Parameters<typeof makeWorld>[0] = {}) =>
  makeWorld({ ...parts, network: { mode: 'proxy', pools: [], ...parts.network } });
const SERVICE = { localPort: 4011 };
const LEASE_OPTIONS = [1, 3, 6, 15, 51, 58, 59];
const text = (packet: Packet, code: number) => {
  const value = packet.options.get(code);
  return value && formatOption(code, value);
};

describe('the offer of a proxy', () => {
  it.each([
    'BIOS ROM',
    'UEFI x64',
    'UEFI arm64',
    'UEFI HTTP x64',
    'iPXE BIOS',
    'iPXE UEFI',
    'undionly behind a proxy',
  ] as const)('to %s has class, server, UUID and no address (D-67, D-70)', (name) => {
    const outcome = proxy().reply(request('DISCOVER', { options: CLIENTS[name] }));
    const { packet } = outcome;
    expect([outcome.message, packet.yiaddr, packet.siaddr, text(packet, 54)]).toEqual([
      'OFFER',
      '0.0.0.0',
      SERVER,
      SERVER,
    ]);
    expect(text(packet, 60)).toBe(name === 'UEFI HTTP x64' ? '"HTTPClient"' : '"PXEClient"');
    expect(packet.options.get(97)).toEqual(CLIENTS[name][97]);
    expect(LEASE_OPTIONS.filter((code) => packet.options.has(code))).toEqual([]);
    expect(outcome.leases).toEqual([]);
  });

  it('to a BIOS ROM says that the file is the one here: 43.6 = 8 (D-65 B)', () => {
    const { packet } = proxy().reply(request('DISCOVER', { options: CLIENTS['BIOS ROM'] }));
    expect(packet.file).toBe('ipxe/undionly.kpxe');
    expect(packet.options.get(43)).toEqual(bytes('060108ff'));
    expect(packet.options.get(67)?.at(-1)).toBe(0);
  });

  it.each([67, 4011])(
    'to a Raspberry Pi is complete on port %i: siaddr and "Raspberry Pi Boot", no file (D-81)',
    (localPort) => {
      const outcome = proxy().reply(
        request(localPort === 67 ? 'DISCOVER' : 'REQUEST', {
          mac: mac('e4:5f:01:00:00:01'),
          options: CLIENTS['BIOS ROM'],
        }),
        { localPort },
      );
      const { packet, reason } = outcome;
      expect([packet.siaddr, packet.file, text(packet, 60), packet.yiaddr]).toEqual([
        SERVER,
        '',
        '"PXEClient"',
        '0.0.0.0',
      ]);
      expect(text(packet, 43)).toContain('Raspberry Pi Boot');
      expect(reason).not.toContain('4011');
    },
  );

  it.each(['UEFI x64', 'UEFI arm64'] as const)(
    'to %s leads to port 4011: no file and no option 43 (D-62, D-65 A)',
    (name) => {
      const { packet } = proxy().reply(request('DISCOVER', { options: CLIENTS[name] }));
      expect([packet.file, packet.options.has(43), packet.options.has(67)]).toEqual(['', false, false]);
    },
  );

  it.each(['iPXE BIOS', 'iPXE UEFI', 'undionly behind a proxy'] as const)(
    'to %s is complete: siaddr and the URL of its script, no menu, and it is not told that there is no proxy (D-75, D-77)',
    (name) => {
      const { packet } = proxy().reply(request('DISCOVER', { options: CLIENTS[name] }));
      const url = 'http://10.77.0.1:8080/ipxe/52-54-00-77-00-01.ipxe';
      expect([packet.siaddr, packet.file, text(packet, 67)]).toEqual([SERVER, url, `"${url}"`]);
      expect([packet.options.has(43), packet.options.has(175)]).toEqual([false, false]);
    },
  );

  it('to HTTP firmware is its class and a URL (D-80)', () => {
    const { packet } = proxy().reply(request('DISCOVER', { options: CLIENTS['UEFI HTTP x64'] }));
    expect(packet.file).toBe('http://10.77.0.1:8080/ipxe/snponly.efi');
  });

  it('passes a relay (D-68)', () => {
    const options = { ...CLIENTS['BIOS ROM'], 82: bytes('0102aabb') };
    const { packet } = proxy().reply(request('DISCOVER', { giaddr: ipv4('10.77.0.254'), options }));
    expect([packet.giaddr, packet.options.has(82)]).toEqual(['10.77.0.254', true]);
  });
});

describe('port 4011', () => {
  it.each(['UEFI x64', 'UEFI arm64', 'BIOS ROM', 'iPXE BIOS'] as const)('gives %s its file (D-64)', (name) => {
    const asked = request('REQUEST', { ciaddr: ipv4('10.77.0.50'), options: CLIENTS[name] });
    const { message, packet } = proxy().reply(asked, SERVICE);
    expect([message, packet.ciaddr, packet.yiaddr, packet.siaddr]).toEqual(['ACK', '10.77.0.50', '0.0.0.0', SERVER]);
    expect(packet.file).toBe(
      {
        'UEFI x64': 'ipxe/snponly.efi',
        'UEFI arm64': 'ipxe/snponly-arm64.efi',
        'BIOS ROM': 'ipxe/undionly.kpxe',
        'iPXE BIOS': 'http://10.77.0.1:8080/ipxe/52-54-00-77-00-01.ipxe',
      }[name],
    );
    expect([text(packet, 60), packet.options.get(97)]).toEqual(['"PXEClient"', CLIENTS[name][97]]);
    expect(packet.options.has(43)).toBe(name === 'BIOS ROM');
  });

  it('answers an INFORM as well', () => {
    expect(
      proxy().reply(request('INFORM', { ciaddr: ipv4('10.77.0.50'), options: CLIENTS['UEFI x64'] }), SERVICE).message,
    ).toBe('ACK');
  });

  it('repeats the boot item it was asked for (D-73)', () => {
    const options = { 60: 'PXEClient', 93: [0], 43: bytes('47048000 0000ff') };
    const { packet } = proxy().reply(request('REQUEST', { ciaddr: ipv4('10.77.0.50'), options }), SERVICE);
    expect(packet.options.get(43)).toEqual(bytes('060108 470480000000 ff'));
  });

  it('is silent in server mode, where nobody is sent there (D-69)', () => {
    expect(makeWorld().ask(request('REQUEST', { options: CLIENTS['UEFI x64'] }), SERVICE).kind).toBe('ignore');
  });
});

describe('the silence of a proxy (D-67)', () => {
  const x64 = CLIENTS['UEFI x64'];
  it.each([
    ['a client that does not boot', request('DISCOVER', { options: CLIENTS.udhcpc }), true],
    ['a REQUEST on port 67', request('REQUEST', { options: { ...x64, 50: '10.77.0.50', 54: '10.77.0.3' } }), true],
    ['a RELEASE', request('RELEASE', { ciaddr: ipv4('10.77.0.50'), options: x64 }), true],
    ['a DECLINE', request('DECLINE', { options: x64 }), true],
    ['an architecture without loader', request('DISCOVER', { options: { ...x64, 93: [2] } }), false],
  ])('to %s', (_, packet, routine) => {
    expect(proxy().ask(packet)).toMatchObject({ kind: 'ignore', routine });
  });

  it('to a blocked host, with the reason', () => {
    const world = proxy({ hosts: { db: { macs: [mac(1)], policy: 'blocked' } } });
    expect(world.ask(request('DISCOVER', { options: x64 }))).toMatchObject({
      kind: 'ignore',
      routine: false,
      reason: 'host "db" is blocked',
    });
  });

  it('to everybody when the network is off', () => {
    expect(proxy({ network: { mode: 'off' } }).ask(request('DISCOVER', { options: x64 })).kind).toBe('ignore');
  });
});

it('warns that GRUB looks for its menu at the address server (D-82a)', () => {
  const world = proxy({ installed: ['grub/grubnetx64.efi'] });
  const outcome = world.reply(request('REQUEST', { options: CLIENTS['UEFI x64'] }), SERVICE);
  expect(outcome.notes.join()).toContain('GRUB takes its server from the address server');
});
