import { describe, expect, it } from 'vitest';
import { planAddresses } from '../../src/dhcp/address-plan.ts';
import { formatOption, readOption } from '../../src/dhcp/options.ts';
import { decode, type Packet } from '../../src/dhcp/packet.ts';
import { encodeReply } from '../../src/dhcp/reply.ts';
import { ip } from '../../src/dhcp/shape.ts';
import type { Mac } from '../../src/net/mac.ts';
import { clientBytes } from '../support/dhcp-clients.ts';
import {
  bytes,
  CLIENTS,
  ipv4,
  mac,
  makeWorld,
  type RequestFields,
  request,
  SERVER,
  type World,
} from '../support/dhcp-world.ts';

const POOL_FIRST = '10.77.0.100';
const option = (packet: Packet, code: number) => {
  const value = packet.options.get(code);
  return value && formatOption(code, value);
};

/** DISCOVER and REQUEST as a client does them; returns its address. */
function dora(world: World, who: Mac, options: Readonly<Record<number, unknown>> = {}) {
  const offer = world.reply(request('DISCOVER', { mac: who, options })).packet;
  const server = readOption(offer, 54, ip);
  const ack = world.reply(request('REQUEST', { mac: who, options: { ...options, 50: offer.yiaddr, 54: server } }));
  expect(ack.message).toBe('ACK');
  return { offer, ack: ack.packet, leases: ack.leases, address: ack.packet.yiaddr };
}

describe('DISCOVER to ACK', () => {
  it('D-43: gives an address with all that belongs to it, and the lease to store', () => {
    const world = makeWorld();
    const { offer, ack, leases } = dora(world, mac(1), CLIENTS.udhcpc);
    expect(ack).toMatchObject({
      op: 2,
      xid: 0x12345678,
      hops: 0,
      secs: 0,
      yiaddr: POOL_FIRST,
      siaddr: '0.0.0.0',
      file: '',
    });
    expect(Object.fromEntries([...ack.options.keys()].map((code) => [code, option(ack, code)]))).toEqual({
      1: '255.255.255.0',
      3: '10.77.0.254',
      6: '10.77.0.2',
      28: '10.77.0.255',
      51: '3600 s',
      53: 'ACK',
      54: SERVER,
      58: '1800 s',
      59: '3150 s',
    });
    expect(leases).toEqual([
      expect.objectContaining({ address: POOL_FIRST, mac: mac(1), state: 'bound', expiresAt: world.now + 3_600_000 }),
    ]);
    // D-43: the same parameters in both, but for the message type.
    const rest = (packet: Packet) => [...packet.options].filter(([code]) => code !== 53);
    expect(rest(offer)).toEqual(rest(ack));
  });

  it.each([
    ['BIOS ROM', 'ipxe/undionly.kpxe'],
    ['UEFI x64', 'ipxe/snponly.efi'],
    ['UEFI arm64', 'ipxe/snponly-arm64.efi'],
  ] as const)(
    '%s gets its loader in header and options, with a NUL, without options 60 and 43 (D-56, D-58, D-59, D-61)',
    (name, file) => {
      const { ack } = dora(makeWorld(), mac(1), CLIENTS[name]);
      expect([ack.siaddr, ack.file, option(ack, 66)]).toEqual([SERVER, file, `"${SERVER}"`]);
      expect(Buffer.from(ack.options.get(67) ?? []).toString('latin1')).toBe(`${file}\0`);
      expect([ack.options.has(60), ack.options.has(43)]).toEqual([false, false]);
      expect(ack.options.get(97)).toEqual(CLIENTS[name][97]);
    },
  );

  it('D-9: boot options are sent whatever the request list says', () => {
    const { ack } = dora(makeWorld(), mac(1), { ...CLIENTS['UEFI x64'], 55: [1] });
    expect([66, 67, 97].filter((code) => !ack.options.has(code))).toEqual([]);
  });

  it('HTTP firmware gets its class and a URL (D-80)', () => {
    const { offer } = dora(makeWorld(), mac(1), CLIENTS['UEFI HTTP x64']);
    const url = 'http://10.77.0.1:8080/ipxe/snponly.efi';
    expect([option(offer, 60), option(offer, 67), offer.file]).toEqual(['"HTTPClient"', `"${url}"`, url]);
  });

  it('iPXE gets its script, never its loader, and need not wait for a proxy (D-75, D-76)', () => {
    const { offer } = dora(makeWorld(), mac(1), CLIENTS['iPXE BIOS']);
    expect(offer.file).toBe('http://10.77.0.1:8080/ipxe/52-54-00-77-00-01.ipxe');
    expect(offer.options.get(175)).toEqual(bytes('b00101'));
    expect([offer.options.has(43), offer.options.has(60)]).toEqual([false, false]);
  });

  it('iPXE without HTTP gets it by TFTP', () => {
    const { offer } = dora(makeWorld(), mac(1), { ...CLIENTS['iPXE BIOS'], 175: bytes('210101') });
    expect(offer.file).toBe('tftp://10.77.0.1/ipxe/52-54-00-77-00-01.ipxe');
  });

  it('a machine without a boot plan still gets an address, without boot fields', () => {
    const { ack } = dora(
      makeWorld({ network: { unknown: 'ignore', options: { 66: 'tftp.lab', 67: 'x', 60: 'PXEClient' } } }),
      mac(1),
      CLIENTS['UEFI x64'],
    );
    expect([ack.yiaddr, ack.siaddr, ack.file]).toEqual([POOL_FIRST, '0.0.0.0', '']);
    for (const code of [43, 60, 66, 67]) expect(ack.options.has(code)).toBe(false);
  });

  it.each([
    ['UEFI x64', {}, '600 s'],
    ['iPXE UEFI', {}, '600 s'],
    ['udhcpc', {}, '3600 s'],
    ['udhcpc', { 51: 120 }, '120 s'],
    ['udhcpc', { 51: 1 }, '60 s'],
    ['udhcpc', { 51: 0xffffffff }, '3600 s'],
  ] as const)('%s asking %j has its lease for %s (D-37, D-38)', (name, asks, seconds) => {
    expect(option(dora(makeWorld(), mac(1), { ...CLIENTS[name], ...asks }).ack, 51)).toBe(seconds);
  });

  it('a host gets its reserved address and its name', () => {
    const world = makeWorld({ hosts: { web: { macs: [mac(7)], address: '10.77.0.20', hostname: 'web01.lab' } } });
    const { ack } = dora(world, mac(7), CLIENTS.udhcpc);
    expect([ack.yiaddr, option(ack, 12)]).toEqual(['10.77.0.20', '"web01"']);
  });

  it('one machine keeps its address from ROM to system (D-20)', () => {
    const world = makeWorld();
    const stages = [CLIENTS['BIOS ROM'], CLIENTS['iPXE BIOS'], { ...CLIENTS.udhcpc, 61: bytes('ff0011223344') }];
    expect(stages.map((options) => dora(world, mac(3), options).address)).toEqual([POOL_FIRST, POOL_FIRST, POOL_FIRST]);
  });

  it('says nothing when no address is left, and why', () => {
    const world = makeWorld({ network: { pools: ['10.77.0.100'] } });
    dora(world, mac(1));
    expect(world.ask(request('DISCOVER', { mac: mac(2) }))).toMatchObject({
      kind: 'ignore',
      reason: expect.stringContaining('no address of "lab"'),
    });
  });
});

describe('options of the operator', () => {
  it('are merged by number: network, then profile, then host (D-84)', () => {
    const world = makeWorld({
      network: { options: { 'tftp-server-name': 'net', 'time-offset': 1, 'log-server': '10.77.0.9' } },
      profiles: { phone: { kind: 'phone', options: { 66: 'profile', 150: ['10.77.0.5'] } } },
      hosts: { desk: { macs: [mac(5)], profile: 'phone', options: { tftpServer: 'host' } } },
    });
    const { ack } = dora(world, mac(5), CLIENTS['Cisco phone']);
    expect([66, 2, 7, 150].map((code) => option(ack, code))).toEqual(['"host"', '1', '10.77.0.9', '10.77.0.5']);
  });

  it('D-50: default to ourselves for phones that ask for options 66 and 150', () => {
    const { ack } = dora(makeWorld(), mac(5), CLIENTS['Cisco phone']);
    expect([option(ack, 66), option(ack, 150), ack.siaddr]).toEqual([`"${SERVER}"`, SERVER, SERVER]);
    expect(dora(makeWorld(), mac(6), CLIENTS.udhcpc).ack.options.has(66)).toBe(false);
  });

  it.each(['blocked', 'ignore'])('our own address is not given to a phone that is %s', (policy) => {
    const world = makeWorld({ hosts: { desk: { macs: [mac(5)], policy } } });
    const { ack } = dora(world, mac(5), CLIENTS['Cisco phone']);
    expect([option(ack, 66), option(ack, 150), ack.siaddr]).toEqual([undefined, undefined, '0.0.0.0']);
  });

  it('a Raspberry Pi is told our address and "Raspberry Pi Boot", and sent no loader for a PC (D-81)', () => {
    const world = makeWorld();
    const who = mac('b8:27:eb:00:00:01');
    const { offer } = dora(world, who, CLIENTS['BIOS ROM']);
    expect([offer.yiaddr, offer.siaddr, offer.file]).toEqual([POOL_FIRST, SERVER, '']);
    const shown = [60, 66, 67, 43, 97].map((code) => option(offer, code));
    expect(shown.slice(0, 3)).toEqual(['"PXEClient"', `"${SERVER}"`, undefined]);
    // Byte for byte as in `client-offer-raspberry-pi.txt`.
    const seen = decode(clientBytes('offer-raspberry-pi'));
    expect(offer.options.get(43)).toEqual(seen.options.get(43));
    expect(offer.options.get(97)).toEqual(CLIENTS['BIOS ROM'][97]);
  });

  it.each([
    ['its UUID', { 97: CLIENTS['BIOS ROM'][97] }],
    ['what it asks for', { 55: [1, 3, 43, 60, 66, 67] }],
  ])(
    'a Raspberry Pi whose REQUEST leaves out its class is known by %s: the ACK is as the OFFER was (D-81)',
    (_, said) => {
      const world = makeWorld();
      const who = mac('dc:a6:32:00:00:01');
      world.reply(request('DISCOVER', { mac: who, options: { ...CLIENTS['BIOS ROM'], ...said } }));
      const ack = world.reply(
        request('REQUEST', { mac: who, options: { ...said, 50: POOL_FIRST, 54: SERVER } }),
      ).packet;
      expect([ack.yiaddr, ack.siaddr, ack.file]).toEqual([POOL_FIRST, SERVER, '']);
      expect(option(ack, 43)).toContain('Raspberry Pi Boot');
    },
  );

  it('the system of a Raspberry Pi is no boot client, and iPXE on one is iPXE (D-81)', () => {
    const who = mac('dc:a6:32:00:00:01');
    const { ack } = dora(makeWorld(), who, { ...CLIENTS.udhcpc, 55: [1, 3, 6, 12, 15, 28, 42] });
    expect([ack.siaddr, ack.options.has(43), option(ack, 51)]).toEqual(['0.0.0.0', false, '3600 s']);
    expect(dora(makeWorld(), who, CLIENTS['iPXE UEFI']).ack.file).toMatch(/\.ipxe$/);
  });

  it.each(['local', 'discover', 'ignore'])(
    'a Raspberry Pi on a network with "unknown: %s" gets an address only: it goes on to its card (D-81)',
    (unknown) => {
      const who = mac('dc:a6:32:00:00:01');
      const { ack } = dora(makeWorld({ network: { unknown } }), who, CLIENTS['BIOS ROM']);
      expect([ack.yiaddr, ack.siaddr, ack.options.has(43), ack.options.has(60)]).toEqual([
        POOL_FIRST,
        '0.0.0.0',
        false,
        false,
      ]);
    },
  );

  it('cannot build what firmware refuses, and the answer says so (D-61)', () => {
    const world = makeWorld({
      network: { options: { 60: 'PXEClient', 43: { hex: '0104c0a80001' }, 67: 'other.efi' } },
    });
    const outcome = world.reply(request('DISCOVER', { options: CLIENTS['UEFI x64'] }));
    expect(outcome.packet.file).toBe('ipxe/snponly.efi');
    expect([outcome.packet.options.has(60), outcome.packet.options.has(43)]).toEqual([false, false]);
    expect(outcome.notes).toHaveLength(3);
  });
});

describe('REQUEST', () => {
  const known = () => {
    const world = makeWorld();
    dora(world, mac(1));
    return world;
  };
  const authoritative = () => {
    const world = makeWorld({ network: { authoritative: true } });
    dora(world, mac(1));
    return world;
  };
  const server = { 54: SERVER };
  const boundFirst = ipv4(POOL_FIRST);
  const rows: [string, () => World, RequestFields, string][] = [
    [
      'D-28 selecting another server: silence',
      known,
      { mac: mac(2), options: { 50: '10.77.0.105', 54: '10.77.0.3' } },
      'ignore',
    ],
    [
      'D-28 selecting us, a legal address: ACK',
      known,
      { mac: mac(2), options: { 50: '10.77.0.105', ...server } },
      'ACK',
    ],
    [
      'D-28 selecting us, an address of another: NAK',
      known,
      { mac: mac(2), options: { 50: POOL_FIRST, ...server } },
      'NAK',
    ],
    [
      'D-28 selecting us, an address outside: NAK',
      known,
      { mac: mac(2), options: { 50: '10.77.0.7', ...server } },
      'NAK',
    ],
    ['D-28 selecting us, our own address: NAK', known, { mac: mac(2), options: { 50: SERVER, ...server } }, 'NAK'],
    ['D-29 init-reboot with our record: ACK', known, { options: { 50: POOL_FIRST } }, 'ACK'],
    ['D-29 init-reboot, our record differs: NAK', known, { options: { 50: '10.77.0.105' } }, 'NAK'],
    ['D-29 init-reboot without record: silence', known, { mac: mac(2), options: { 50: '10.77.0.105' } }, 'ignore'],
    ['D-29 the same when authoritative: NAK', authoritative, { mac: mac(2), options: { 50: '10.77.0.105' } }, 'NAK'],
    [
      'D-29 init-reboot on the wrong network: silence',
      known,
      { mac: mac(2), options: { 50: '192.168.1.5' } },
      'ignore',
    ],
    ['D-29 the same when authoritative: NAK', authoritative, { mac: mac(2), options: { 50: '192.168.1.5' } }, 'NAK'],
    [
      'D-29 the same proven by a relay: NAK',
      known,
      { mac: mac(2), giaddr: ipv4('10.77.0.254'), options: { 50: '192.168.1.5' } },
      'NAK',
    ],
    ['D-30 renewing its own: ACK', known, { ciaddr: boundFirst }, 'ACK'],
    ['D-30 renewing an unknown address: silence', known, { mac: mac(2), ciaddr: ipv4('10.77.0.105') }, 'ignore'],
    ['D-30 the same when authoritative: NAK', authoritative, { mac: mac(2), ciaddr: ipv4('10.77.0.105') }, 'NAK'],
    ['D-30 renewing the address of another: NAK', known, { mac: mac(2), ciaddr: boundFirst }, 'NAK'],
    ['D-31 rebinding, broadcast: ACK', known, { ciaddr: boundFirst, flags: 0x8000 }, 'ACK'],
    ['D-32 naming nothing: what it has is meant', known, {}, 'ACK'],
    ['D-32 naming nothing, and unknown: silence', known, { mac: mac(2) }, 'ignore'],
  ];
  it.each(rows)('%s', (_, makeOne, fields, expected) => {
    const outcome = makeOne().ask(request('REQUEST', fields));
    expect(outcome.kind === 'reply' ? outcome.message : outcome.kind).toBe(expected);
    if (outcome.kind === 'reply' && expected === 'NAK') expect(outcome.leases).toEqual([]);
  });

  it('D-30 extends the lease from now and repeats ciaddr', () => {
    const world = known();
    world.now += 1_800_000;
    const outcome = world.reply(request('REQUEST', { ciaddr: boundFirst }));
    expect(outcome.packet.ciaddr).toBe(POOL_FIRST);
    expect(outcome.leases[0]).toMatchObject({ startsAt: world.now - 1_800_000, expiresAt: world.now + 3_600_000 });
  });

  it('D-29 acknowledges an expired lease again unless another has the address', () => {
    const world = makeWorld({ network: { pools: ['10.77.0.100'] } });
    dora(world, mac(1));
    world.now += 4_000_000;
    expect(world.reply(request('REQUEST', { options: { 50: POOL_FIRST } })).message).toBe('ACK');
    world.now += 4_000_000;
    dora(world, mac(2));
    expect(world.reply(request('REQUEST', { options: { 50: POOL_FIRST } })).message).toBe('NAK');
  });

  it('D-29 refuses nobody for a lease that is over: it may have its address of another server by now', () => {
    const world = known();
    world.now += 4_000_000;
    expect(world.ask(request('REQUEST', { options: { 50: '10.77.0.105' } })).kind).toBe('ignore');
    dora(world, mac(1));
    world.ask(request('RELEASE', { ciaddr: boundFirst }));
    expect(world.ask(request('REQUEST', { options: { 50: '10.77.0.105' } })).kind).toBe('ignore');
  });

  it('D-28 frees the offer when the client takes another server', () => {
    const world = makeWorld({ network: { pools: ['10.77.0.100'] } });
    world.reply(request('DISCOVER', { mac: mac(1) }));
    expect(world.ask(request('DISCOVER', { mac: mac(2) })).kind).toBe('ignore');
    world.ask(request('REQUEST', { mac: mac(1), options: { 50: '10.77.0.100', 54: '10.77.0.3' } }));
    expect(world.ask(request('DISCOVER', { mac: mac(2) })).kind).toBe('reply');
  });

  it('with an uncertain interface nothing of another subnet is refused', () => {
    const world = authoritative();
    for (const fields of [{ options: { 50: '10.88.0.5' } }, { ciaddr: ipv4('10.88.0.5') }]) {
      expect(world.ask(request('REQUEST', { mac: mac(2), ...fields }), { ingressKnown: false })).toMatchObject({
        kind: 'ignore',
        routine: true,
      });
    }
  });
});

describe('leases of one port of a relay (D-99)', () => {
  const at = (port: string, who: Mac, options: Readonly<Record<number, unknown>> = {}) => ({
    mac: who,
    giaddr: ipv4('10.77.0.254'),
    options: { 82: bytes(`0102${port}`), ...options },
  });
  const capped = () =>
    makeWorld({ network: { leasesPerPort: 2 }, hosts: { web: { macs: [mac(7)], address: '10.77.0.20' } } });
  const take = (world: World, port: string, who: Mac) => {
    const { yiaddr } = world.reply(request('DISCOVER', at(port, who))).packet;
    expect(world.reply(request('REQUEST', at(port, who, { 50: yiaddr, 54: SERVER }))).message).toBe('ACK');
    return yiaddr;
  };
  const refused = { kind: 'ignore', reason: expect.stringContaining('"leasesPerPort" of network "lab"') };

  it('are no more than the network allows: offers count, other ports and known machines are served', () => {
    const world = capped();
    const address = take(world, 'aabb', mac(1));
    world.reply(request('DISCOVER', at('aabb', mac(2))));
    expect(world.ask(request('DISCOVER', at('aabb', mac(3))))).toMatchObject(refused);
    expect(world.ask(request('REQUEST', at('aabb', mac(3), { 50: '10.77.0.105', 54: SERVER })))).toMatchObject(refused);
    take(world, 'aabc', mac(4));
    take(world, 'aabb', mac(7));
    expect(world.reply(request('REQUEST', { ciaddr: address })).message).toBe('ACK');
    expect(take(world, 'aabb', mac(1))).toBe(address);
  });

  it('are free again when one is released, ends, or was an offer nobody took', () => {
    const world = capped();
    const address = take(world, 'aabb', mac(1));
    world.reply(request('DISCOVER', at('aabb', mac(2))));
    world.now += 31_000;
    take(world, 'aabb', mac(3));
    expect(world.ask(request('DISCOVER', at('aabb', mac(4))))).toMatchObject(refused);
    world.ask(request('RELEASE', { ciaddr: address, options: { 54: SERVER } }));
    take(world, 'aabb', mac(4));
    expect(world.ask(request('DISCOVER', at('aabb', mac(5))))).toMatchObject(refused);
    world.now += 4_000_000;
    take(world, 'aabb', mac(5));
  });

  it('go with a machine that moves to another port', () => {
    const world = capped();
    take(world, 'aabb', mac(1));
    take(world, 'aabb', mac(2));
    take(world, 'aabc', mac(1));
    take(world, 'aabb', mac(3));
  });

  it('and addresses its machines declined stay counted: refusing them drains no pool', () => {
    const world = capped();
    for (const n of [1, 2]) {
      const address = take(world, 'aabb', mac(n));
      world.ask(request('DECLINE', at('aabb', mac(n), { 50: address, 54: SERVER })));
    }
    expect(world.ask(request('DISCOVER', at('aabb', mac(3))))).toMatchObject(refused);
  });

  it('are counted after a restart too, renewals that come past the relay and declined ones as well', () => {
    const before = capped();
    const address = take(before, 'aabb', mac(1));
    expect(before.reply(request('REQUEST', { ciaddr: address })).message).toBe('ACK');
    const lost = take(before, 'aabb', mac(2));
    before.ask(request('DECLINE', at('aabb', mac(2), { 50: lost, 54: SERVER })));
    const leases = [...before.book.leases()];
    const after = makeWorld({ network: { leasesPerPort: 2 }, leases });
    expect(after.ask(request('DISCOVER', at('aabb', mac(3))))).toMatchObject(refused);
    take(after, 'aabc', mac(3));
    const unlimited = makeWorld({ leases });
    take(unlimited, 'aabb', mac(3));
    unlimited.book.setPlan({ ...planAddresses(unlimited.served, unlimited.catalog), leasesPerPort: 2 });
    expect(unlimited.ask(request('DISCOVER', at('aabb', mac(4))))).toMatchObject(refused);
  });

  it('are any number unless the network says so', () => {
    const world = makeWorld();
    for (let n = 1; n <= 11; n++) take(world, 'aabb', mac(n));
  });
});

describe('what every reply repeats', () => {
  const relay = {
    giaddr: ipv4('10.77.0.254'),
    flags: 0,
    hops: 1,
    options: { 50: '192.168.1.5', 61: bytes('00abc0'), 82: bytes('0102aabb') },
  };

  it('D-4, D-22, D-45: chaddr, giaddr, client identifier, relay information', () => {
    const { packet } = makeWorld().reply(request('DISCOVER', relay));
    expect(packet).toMatchObject({ giaddr: '10.77.0.254', hops: 0, hlen: 6, htype: 1, ciaddr: '0.0.0.0' });
    expect([packet.options.get(61), packet.options.get(82)]).toEqual([bytes('00abc0'), bytes('0102aabb')]);
  });

  it('D-15: also in a NAK, which has nothing else and asks the relay to broadcast', () => {
    const { packet } = makeWorld().reply(request('REQUEST', relay));
    expect([...packet.options.keys()].sort((a, b) => a - b)).toEqual([53, 54, 56, 61, 82]);
    expect(packet).toMatchObject({ flags: 0x8000, yiaddr: '0.0.0.0', siaddr: '0.0.0.0', ciaddr: '0.0.0.0', file: '' });
  });

  it('D-46: but not option 82 of our own link', () => {
    expect(
      makeWorld()
        .reply(request('DISCOVER', { options: { 82: bytes('0102aabb') } }))
        .packet.options.has(82),
    ).toBe(false);
  });

  it('D-17: the server identifier is what the relay wants it to be (RFC 5107), and is recognised', () => {
    const world = makeWorld();
    const fields = { giaddr: ipv4('10.77.0.254'), options: { 82: bytes('0b040a4d00fe') } };
    expect(option(world.reply(request('DISCOVER', fields)).packet, 54)).toBe('10.77.0.254');
    const chosen = { ...fields, options: { ...fields.options, 50: POOL_FIRST, 54: '10.77.0.254' } };
    expect(world.reply(request('REQUEST', chosen)).message).toBe('ACK');
  });

  it('D-6: fits what the client takes', () => {
    const asked = request('DISCOVER', { options: { ...CLIENTS['UEFI x64'], 57: 65280 } });
    const { packet } = makeWorld({
      network: {
        options: {
          224: 'x'.repeat(250),
          225: 'y'.repeat(250),
          226: 'z'.repeat(250),
          227: 'w'.repeat(250),
          228: 'v'.repeat(250),
          229: 'u'.repeat(250),
        },
      },
    }).reply(asked);
    const { bytes: wire, dropped } = encodeReply(asked, packet);
    expect(wire.length).toBeLessThanOrEqual(1472);
    expect(dropped.length).toBeGreaterThan(0);
  });
});

describe('DECLINE, RELEASE, INFORM, BOOTP', () => {
  it('D-34: a declined address is put aside and another one offered', () => {
    const world = makeWorld();
    const { address } = dora(world, mac(1));
    const outcome = world.ask(request('DECLINE', { options: { 50: address, 54: SERVER } }));
    expect(outcome).toMatchObject({ kind: 'record', message: 'DECLINE', leases: [{ address, state: 'declined' }] });
    expect(dora(world, mac(1)).address).toBe('10.77.0.101');
    expect(world.ask(request('DECLINE', { mac: mac(9), options: { 50: '10.77.0.101', 54: SERVER } })).kind).toBe(
      'ignore',
    );
    expect(world.ask(request('DECLINE', { options: { 50: '10.77.0.101', 54: '10.77.0.3' } })).kind).toBe('ignore');
  });

  it('D-35: a released address is kept in mind for its client and free for others', () => {
    const world = makeWorld({ network: { pools: ['10.77.0.100'] } });
    const { address } = dora(world, mac(1));
    const fields = { ciaddr: address, options: { 54: SERVER } };
    expect(world.ask(request('RELEASE', { ...fields, mac: mac(2) })).kind).toBe('ignore');
    expect(world.ask(request('RELEASE', fields))).toMatchObject({
      kind: 'record',
      leases: [{ address, state: 'released', expiresAt: world.now }],
    });
    expect(world.ask(request('RELEASE', fields)).kind).toBe('ignore');
    expect(dora(world, mac(1)).address).toBe(address);
    world.ask(request('RELEASE', fields));
    expect(dora(world, mac(2)).address).toBe(address);
  });

  it('D-36: an INFORM is told settings, no address and no times', () => {
    const world = makeWorld();
    const { packet, leases } = world.reply(
      request('INFORM', { ciaddr: ipv4('10.77.0.50'), options: CLIENTS['UEFI x64'] }),
    );
    expect([packet.yiaddr, packet.ciaddr, packet.file]).toEqual(['0.0.0.0', '10.77.0.50', 'ipxe/snponly.efi']);
    for (const code of [51, 58, 59]) expect(packet.options.has(code)).toBe(false);
    expect(leases).toEqual([]);
  });

  it('D-36: an INFORM from an address of no network here is not answered, wherever it would have to go', () => {
    expect(makeWorld().ask(request('INFORM', { ciaddr: ipv4('192.0.2.9') }))).toMatchObject({
      kind: 'ignore',
      routine: true,
    });
    expect(makeWorld().reply(request('INFORM')).message).toBe('ACK');
  });

  it('D-45: a BOOTP reply repeats what its relay said', () => {
    const world = makeWorld({ hosts: { old: { macs: [mac(7)], address: '10.77.0.20' } } });
    const options = { 82: bytes('0102aabb') };
    const relayed = world.reply(request(undefined, { mac: mac(7), giaddr: ipv4('10.77.0.254'), options }));
    expect(relayed.packet.options.get(82)).toEqual(bytes('0102aabb'));
    expect(world.reply(request(undefined, { mac: mac(7), options })).packet.options.has(82)).toBe(false);
  });

  it('D-48: BOOTP clients get reserved addresses only', () => {
    const world = makeWorld({ hosts: { old: { macs: [mac(7)], address: '10.77.0.20' } } });
    const { packet } = world.reply(request(undefined, { mac: mac(7) }));
    expect(packet.yiaddr).toBe('10.77.0.20');
    for (const code of [51, 53, 54]) expect(packet.options.has(code)).toBe(false);
    expect(world.ask(request(undefined, { mac: mac(8) })).kind).toBe('ignore');
  });
});

it.each([
  ['a reply', request('OFFER', { op: 2 })],
  ['an OFFER sent as a request', request('OFFER')],
  ['an unknown message type', request(undefined, { options: { 53: bytes('63') } })],
  ['no hardware address', request('DISCOVER', { hlen: 0 })],
])('%s is not answered', (_, packet) => {
  expect(makeWorld().ask(packet).kind).toBe('ignore');
});
