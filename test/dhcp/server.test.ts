import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BootEvent } from '../../src/boot/event.ts';
import type { Lease } from '../../src/boot/lease.ts';
import { networkSchema } from '../../src/boot/network.ts';
import { formatOption } from '../../src/dhcp/options.ts';
import { decode, encode, type Packet } from '../../src/dhcp/packet.ts';
import { createDhcpServer, type DhcpServerDeps } from '../../src/dhcp/server.ts';
import { AppError } from '../../src/errors.ts';
import type { InterfaceSocket, OpenOptions, SendTarget } from '../../src/os/datagram.ts';
import { createSteadyClock } from '../../src/os/steady-clock.ts';
import { bytesOfHex } from '../support/dhcp-hex.ts';
import { MALFORMED_PACKETS, malformedHex } from '../support/dhcp-malformed.ts';
import { bytes, CLIENTS, ipv4, mac, makeWorld, request, SERVER, START, serve } from '../support/dhcp-world.ts';

interface Sent {
  readonly packet: Packet;
  readonly target: SendTarget;
  readonly from: string;
}

/** A server whose sockets are lists. `commits` are resolved by the test when `held`. */
function setUp(options: { held?: boolean; deps?: Partial<DhcpServerDeps> } = {}) {
  const sent: Sent[] = [];
  const events: BootEvent[] = [];
  const open = new Map<string, OpenOptions>();
  const opened: string[] = [];
  const logged: string[] = [];
  const commits: { leases: readonly Lease[]; gate: PromiseWithResolvers<void> }[] = [];
  const world = makeWorld();
  let clock = START;
  const note = (level: string) => (_: object, message: string) => void logged.push(`${level} ${message}`);
  const server = createDhcpServer({
    openSocket: async (one) => {
      const key = `${one.interface}:${one.port}`;
      open.set(key, one);
      opened.push(key);
      const socket: InterfaceSocket = {
        ...one,
        maker: 'device',
        unicast: 'packet',
        receiveBufferBytes: 1,
        send(bytes, target) {
          sent.push({ packet: decode(bytes), target, from: key });
          return 'packet';
        },
        close: async () => void open.delete(key),
      };
      return socket;
    },
    snapshot: () => world.catalog,
    loadLeases: () => [],
    commitLeases: async (leases) => {
      const gate = Promise.withResolvers<void>();
      commits.push({ leases, gate });
      if (!options.held) gate.resolve();
      await gate.promise;
    },
    record: (event) => events.push(event),
    log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
    now: () => clock++,
    ...options.deps,
  });
  const hear = (name: string, packet: Packet | Uint8Array, ingress: 'known' | 'shared' = 'known', port = 67) => {
    const bytes = packet instanceof Uint8Array ? packet : encode(packet).bytes;
    open
      .get(`${name}:${port}`)
      ?.onDatagram({ bytes: Buffer.from(bytes), from: { address: '0.0.0.0', port: 68 }, ingress });
  };
  return { server, world, sent, events, open, opened, logged, commits, hear };
}

const turns = async (count = 5) => {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
};
const network = (name: string, subnet: string, parts: Record<string, unknown> = {}) => ({
  name,
  ...networkSchema.parse({ subnet, mode: 'server', unknown: 'menu', ...parts }),
});
const choose = (address: string, server: string = SERVER, who = mac(1)) =>
  request('REQUEST', { mac: who, options: { 50: address, 54: server } });

describe('an ACK', () => {
  it('leaves only when its lease is stored (D-40)', async () => {
    const { server, world, sent, commits, hear, events } = setUp({ held: true });
    await server.setNetworks([world.served]);
    hear('eth0', request('DISCOVER'));
    expect(sent).toHaveLength(1);
    hear('eth0', choose('10.77.0.100'));
    await turns();
    expect(commits[0]?.leases).toMatchObject([{ address: '10.77.0.100', state: 'bound' }]);
    expect(sent).toHaveLength(1);
    commits[0]?.gate.resolve();
    await turns();
    expect(sent[1]).toMatchObject({
      packet: { yiaddr: '10.77.0.100' },
      target: { kind: 'hardware', address: '10.77.0.100' },
    });
    expect(events.map(({ kind }) => kind)).toEqual(['dhcp.offer', 'dhcp.ack']);
    expect(server.leases()).toHaveLength(1);
  });

  it('shares its transaction with the others of its turn', async () => {
    const { server, world, sent, commits, hear } = setUp();
    await server.setNetworks([world.served]);
    for (let n = 0; n < 5; n++) hear('eth0', choose(`10.77.0.${100 + n}`, SERVER, mac(n)));
    await turns();
    expect(commits.map(({ leases }) => leases.length)).toEqual([5]);
    expect(sent).toHaveLength(5);
  });

  it('never leaves when the store fails, and the next request is served', async () => {
    const { server, world, sent, commits, hear, logged } = setUp({ held: true });
    await server.setNetworks([world.served]);
    hear('eth0', choose('10.77.0.100'));
    await turns();
    commits[0]?.gate.reject(new Error('disk full'));
    await turns();
    expect(sent).toEqual([]);
    expect(server.counters()).toMatchObject({ commit_failed: 1 });
    expect(logged.join()).toContain('the lease could not be stored');
    hear('eth0', choose('10.77.0.100'));
    await turns();
    commits[1]?.gate.resolve();
    await turns();
    expect(sent).toHaveLength(1);
  });

  it('under way still leaves when the server closes', async () => {
    const { server, world, sent, commits, hear, open } = setUp({ held: true });
    await server.setNetworks([world.served]);
    hear('eth0', choose('10.77.0.100'));
    await turns();
    const closed = server.close();
    hear('eth0', request('DISCOVER', { mac: mac(2) }));
    await turns();
    commits[0]?.gate.resolve();
    await closed;
    expect([sent.length, open.size]).toEqual([1, 0]);
  });
});

describe('what is wrong with one packet ends with it', () => {
  it.each([
    ['noise', Uint8Array.of(1, 2, 3), 'malformed'],
    [
      'a bad cookie',
      Uint8Array.from({ length: 300 }, (_, index) => (index === 0 ? 1 : index === 236 ? 9 : 0)),
      'malformed',
    ],
  ])('%s is counted and not answered', async (_, bytes, counter) => {
    const { server, world, sent, events, hear } = setUp();
    await server.setNetworks([world.served]);
    hear('eth0', bytes);
    hear('eth0', request('DISCOVER'));
    expect(server.counters()).toMatchObject({ received: 2, [counter]: 1, sent_offer: 1 });
    expect([sent.length, events.length]).toEqual([1, 1]);
  });

  it.each([
    ['hlen-zero', { ignored: 1 }],
    ['hlen-255', { malformed: 1 }],
    ['bad-op', { malformed: 1 }],
    ['reply-as-request', { ignored: 1 }],
    ['overload-loop', { sent_offer: 1 }],
  ])('%s.txt is counted as %j, and the next good packet is served', async (name, counters) => {
    const { server, world, sent, hear } = setUp();
    await server.setNetworks([world.served]);
    const fault = MALFORMED_PACKETS[name];
    if (!fault) throw new Error(`there is no ${name}`);
    hear('eth0', bytesOfHex(malformedHex(fault)));
    expect(server.counters()).toMatchObject({ received: 1, ...counters });
    const before = sent.length;
    hear('eth0', request('DISCOVER', { mac: mac(2) }));
    expect([sent.length - before, server.counters().bugs]).toEqual([1, undefined]);
  });

  it.each([
    ['another server', { 54: '10.77.0.9' }],
    ['nobody', { 54: '0.0.0.0' }],
    ['everybody', { 54: '255.255.255.255' }],
    ['the broadcast address of the network', { 54: '10.77.0.255' }],
    ['itself', { 54: '10.77.0.100' }],
  ])(
    'a REQUEST that names %s as its server gets and binds nothing, and takes nothing from who holds the address',
    async (_, forged) => {
      const { server, world, sent, commits, hear } = setUp();
      await server.setNetworks([world.served]);
      hear('eth0', choose('10.77.0.100'));
      await turns();
      const before = sent.length;
      for (const who of [mac(1), mac(2)]) {
        hear('eth0', request('REQUEST', { mac: who, options: { 50: '10.77.0.100', ...forged } }));
        for (const message of ['DECLINE', 'RELEASE']) {
          hear(
            'eth0',
            request(message, { mac: who, ciaddr: ipv4('10.77.0.100'), options: { 50: '10.77.0.100', ...forged } }),
          );
        }
      }
      await turns();
      expect([sent.length - before, commits.length]).toEqual([0, 1]);
      expect(server.counters().ignored).toBe(6);
      expect(server.leases()).toMatchObject([{ address: '10.77.0.100', mac: mac(1), state: 'bound' }]);
      hear('eth0', request('DISCOVER', { mac: mac(2) }));
      expect(sent.at(-1)?.packet.yiaddr).toBe('10.77.0.101');
    },
  );

  it('a bug is logged, counted and survived', async () => {
    const { server, world, sent, hear } = setUp({
      deps: {
        record: () => {
          throw new Error('bug');
        },
      },
    });
    await server.setNetworks([world.served]);
    hear('eth0', request('DISCOVER'));
    hear('eth0', request('DISCOVER'));
    expect(server.counters()).toMatchObject({ bugs: 2 });
    expect(sent).toHaveLength(2);
  });
});

it('D-13: an old client that sets the broadcast flag is told everything by broadcast, the refusal too', async () => {
  const { server, world, sent, hear } = setUp();
  await server.setNetworks([world.served]);
  const old = { flags: 0x8000 };
  hear('eth0', request('DISCOVER', old));
  hear('eth0', { ...choose('10.77.0.100'), ...old });
  await turns();
  hear('eth0', { ...choose('10.77.0.7'), ...old });
  expect(sent.map(({ packet, target }) => [formatOption(53, packet.options.get(53) ?? bytes('')), target])).toEqual(
    ['OFFER', 'ACK', 'NAK'].map((message) => [message, { kind: 'broadcast', port: 68 }]),
  );
  expect(sent.every(({ packet, from }) => packet.flags === 0x8000 && from === 'eth0:67')).toBe(true);
});

describe('the time of day is set (D-41)', () => {
  const DAY = 24 * 3_600_000;
  const only = serve(network('lab', '10.77.0.0/24', { pools: ['10.77.0.100'] }));
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
  afterEach(() => void vi.useRealTimers());

  it.each([-400, -1, 1, 400])(
    'by %i days while a lease runs: it stays with its machine, and ends when it would have',
    async (days) => {
      const { server, sent, hear } = setUp({ deps: { now: createSteadyClock() } });
      await server.setNetworks([only]);
      hear('eth0', choose('10.77.0.100'));
      await turns();
      const [lease] = server.leases();
      vi.setSystemTime(Date.now() + days * DAY);
      hear('eth0', request('DISCOVER', { mac: mac(2) }));
      expect(sent).toHaveLength(1);
      hear('eth0', request('REQUEST', { ciaddr: ipv4('10.77.0.100') }));
      await turns();
      expect(sent).toHaveLength(2);
      const [renewed] = server.leases();
      expect(Math.abs((renewed?.expiresAt ?? 0) - (lease?.expiresAt ?? 0))).toBeLessThan(DAY / 2);
    },
  );

  it('back between two runs: what was leased in the days before is not given away', async () => {
    const startsAt = Date.now();
    const stored: Lease = {
      network: 'lab',
      address: ipv4('10.77.0.100'),
      mac: mac(9),
      state: 'bound',
      startsAt,
      expiresAt: startsAt + 3_600_000,
    };
    vi.setSystemTime(startsAt - 10 * DAY);
    const { server, sent, hear } = setUp({ deps: { now: createSteadyClock(), loadLeases: () => [stored] } });
    await server.setNetworks([only]);
    hear('eth0', request('DISCOVER'));
    expect(sent).toEqual([]);
    hear('eth0', request('DISCOVER', { mac: mac(9) }));
    expect(sent[0]?.packet.yiaddr).toBe('10.77.0.100');
  });
});

describe('networks that come and go', () => {
  const one = serve(network('one', '10.1.0.0/24', { pools: ['10.1.0.10-10.1.0.20'] }), ipv4('10.1.0.1'), 'eth1');
  const proxy = serve(network('two', '10.2.0.0/24', { mode: 'proxy' }), ipv4('10.2.0.1'), 'eth2');

  it('leave the sockets of the others alone', async () => {
    const { server, opened, open } = setUp();
    await server.setNetworks([one]);
    await server.setNetworks([one, proxy]);
    expect(opened).toEqual(['eth1:67', 'eth2:67', 'eth2:4011']);
    await server.setNetworks([proxy]);
    expect([...open.keys()]).toEqual(['eth2:67', 'eth2:4011']);
  });

  it('a port that cannot be had is reported, stops nobody and is tried again', async () => {
    let taken = true;
    const { server, opened } = setUp();
    const stubborn = setUp({
      deps: {
        openSocket: async (options) => {
          if (taken && options.interface === 'eth1') throw new AppError('port-in-use', 'port 67 is used by dnsmasq');
          return {
            ...options,
            maker: 'device',
            unicast: 'packet',
            receiveBufferBytes: 1,
            send: () => 'packet',
            close: async () => {},
          };
        },
      },
    });
    expect(
      (await stubborn.server.setNetworks([one, proxy])).map(({ interface: name, port, problem }) => [
        name,
        port,
        problem,
      ]),
    ).toEqual([
      ['eth1', 67, 'port 67 is used by dnsmasq'],
      ['eth2', 67, undefined],
      ['eth2', 4011, undefined],
    ]);
    taken = false;
    expect((await stubborn.server.setNetworks([one, proxy])).filter(({ problem }) => problem !== undefined)).toEqual(
      [],
    );
    await server.close();
    expect(opened).toEqual([]);
  });

  it('an interface that has gone is opened again by the next change', async () => {
    const { server, open, opened } = setUp();
    await server.setNetworks([one]);
    open.get('eth1:67')?.onError(new AppError('interface-missing', 'eth1 has gone'));
    await turns();
    expect(server.listeners()).toMatchObject([{ interface: 'eth1', problem: 'eth1 has gone' }]);
    await server.setNetworks([one]);
    expect(opened).toEqual(['eth1:67', 'eth1:67']);
  });

  it('a socket that fails to close does not hold up the next change', async () => {
    const { server, logged } = setUp({
      deps: {
        openSocket: async (options) => ({
          ...options,
          maker: 'device',
          unicast: 'packet',
          receiveBufferBytes: 1,
          send: () => 'packet',
          close: () => Promise.reject(new Error('EBADF')),
        }),
      },
    });
    await server.setNetworks([one]);
    expect(await server.setNetworks([proxy])).toHaveLength(2);
    expect(logged).toContain('warn the socket of eth1 port 67 did not close cleanly');
  });

  it('without its stored leases a server network stays closed', async () => {
    const { server, opened, logged } = setUp({ deps: { loadLeases: () => Promise.reject(new Error('locked')) } });
    await server.setNetworks([one, proxy]);
    expect(opened).toEqual(['eth2:67', 'eth2:4011']);
    expect(logged[0]).toContain('its leases cannot be read');
  });

  it('keep offers and leases over a change of configuration, and know those stored before', async () => {
    const stored: Lease = {
      network: 'one',
      address: ipv4('10.1.0.15'),
      mac: mac(9),
      state: 'bound',
      startsAt: 0,
      expiresAt: START + 1e6,
    };
    const { server, sent, hear } = setUp({ deps: { loadLeases: () => [stored] } });
    await server.setNetworks([one]);
    hear('eth1', request('DISCOVER'));
    await server.setNetworks([one]);
    hear('eth1', request('DISCOVER', { mac: mac(2) }));
    hear('eth1', request('DISCOVER', { mac: mac(9) }));
    expect(sent.map(({ packet }) => packet.yiaddr)).toEqual(['10.1.0.10', '10.1.0.11', '10.1.0.15']);
  });
});

describe('leases of a network whose name changes', () => {
  const lan = (name: string) =>
    serve(network(name, '10.1.0.0/24', { pools: ['10.1.0.10-10.1.0.20'] }), ipv4('10.1.0.1'), 'eth1');
  const held = (name: string, address: string, expiresAt: number): Lease => {
    return { network: name, address: ipv4(address), mac: mac(9), state: 'bound', startsAt: 0, expiresAt };
  };
  /** A store that keeps what is committed. */
  const remembering = (stored: Lease[]) =>
    setUp({
      deps: { loadLeases: () => stored, commitLeases: async (leases) => void stored.push(...leases) },
    });
  const offered = ({ sent }: ReturnType<typeof setUp>) => sent.at(-1)?.packet.yiaddr;

  it('are known by the new one, over a restart as well: nobody else gets such an address', async () => {
    const setup = remembering([held('old', '10.1.0.10', START + 1e6)]);
    await setup.server.setNetworks([lan('new')]);
    setup.hear('eth1', request('DISCOVER'));
    expect(offered(setup)).toBe('10.1.0.11');
    setup.hear('eth1', request('REQUEST', { mac: mac(9), ciaddr: ipv4('10.1.0.10') }));
    await turns();
    expect(offered(setup)).toBe('10.1.0.10');
  });

  it('are known when it changes while the server runs, and when it changes back', async () => {
    const setup = remembering([]);
    for (const [index, name] of ['a', 'b', 'a'].entries()) {
      await setup.server.setNetworks([lan(name)]);
      setup.hear('eth1', choose(`10.1.0.${10 + index}`, '10.1.0.1', mac(index)));
      await turns();
    }
    setup.hear('eth1', request('DISCOVER', { mac: mac(7) }));
    expect(offered(setup)).toBe('10.1.0.13');
    expect(setup.server.leases().map(({ address }) => address)).toHaveLength(3);
  });

  it('wait for the ACKs under way', async () => {
    const stored: Lease[] = [];
    const gate = Promise.withResolvers<void>();
    const setup = setUp({
      deps: {
        loadLeases: () => stored,
        commitLeases: async (leases) => {
          await gate.promise;
          stored.push(...leases);
        },
      },
    });
    await setup.server.setNetworks([lan('a')]);
    setup.hear('eth1', choose('10.1.0.10', '10.1.0.1'));
    const changed = setup.server.setNetworks([lan('b')]);
    await turns();
    gate.resolve();
    await changed;
    setup.hear('eth1', request('DISCOVER', { mac: mac(2) }));
    expect(offered(setup)).toBe('10.1.0.11');
  });

  it('stay those of a network that is still there, and of another subnet', async () => {
    const setup = remembering([held('lab', '10.1.0.10', START + 1e6), held('gone', '10.5.0.11', START + 1e6)]);
    await setup.server.setNetworks([lan('new')]);
    expect(setup.server.leases()).toEqual([]);
  });
});

describe('with one ear for several interfaces', () => {
  const left = serve(
    network('left', '10.1.0.0/24', { pools: ['10.1.0.10-10.1.0.20'], authoritative: true }),
    ipv4('10.1.0.1'),
    'eth1',
  );
  const right = serve(
    network('right', '10.2.0.0/24', { pools: ['10.2.0.10-10.2.0.20'], authoritative: true }),
    ipv4('10.2.0.1'),
    'eth2',
  );

  it('each interface offers, and the REQUEST says which it was', async () => {
    const { server, sent, hear } = setUp();
    await server.setNetworks([left, right]);
    const both = (packet: Packet) => {
      for (const name of ['eth1', 'eth2']) hear(name, packet, 'shared');
    };
    both(request('DISCOVER'));
    expect(sent.map(({ from, packet }) => [from, packet.yiaddr])).toEqual([
      ['eth1:67', '10.1.0.10'],
      ['eth2:67', '10.2.0.10'],
    ]);
    both(choose('10.2.0.10', '10.2.0.1'));
    await turns();
    expect(sent.slice(2).map(({ from, packet }) => [from, packet.yiaddr])).toEqual([['eth2:67', '10.2.0.10']]);
    // Started again: the address tells, and nobody refuses it for the other subnet.
    both(request('REQUEST', { options: { 50: '10.2.0.10' } }));
    await turns();
    expect(sent.slice(3).map(({ from, packet }) => [from, packet.yiaddr])).toEqual([['eth2:67', '10.2.0.10']]);
  });
});

it('answers port 4011 of a proxy where the request came from', async () => {
  const { server, sent, open } = setUp();
  await server.setNetworks([serve(network('two', '10.2.0.0/24', { mode: 'proxy' }), ipv4('10.2.0.1'), 'eth2')]);
  const asked = encode(request('REQUEST', { ciaddr: ipv4('10.2.0.50'), options: CLIENTS['UEFI x64'] })).bytes;
  open
    .get('eth2:4011')
    ?.onDatagram({ bytes: Buffer.from(asked), from: { address: '10.2.0.50', port: 4011 }, ingress: 'known' });
  expect(sent[0]?.target).toEqual({ kind: 'address', address: '10.2.0.50', port: 4011 });
});

it('explains by the same book', async () => {
  const { server, world, hear } = setUp();
  await server.setNetworks([world.served]);
  hear('eth0', request('DISCOVER', { mac: mac(4) }));
  expect(server.explain({ mac: mac(4), archCodes: [7] }, 'lab')?.reply?.packet.yiaddr).toBe('10.77.0.100');
  expect(server.explain({ mac: mac(5), archCodes: [7] }, 'lab')?.reply?.packet.yiaddr).toBe('10.77.0.101');
  expect(server.explain({ mac: mac(5) }, 'nowhere')).toBeUndefined();
});

describe('a leasequery (D-49)', () => {
  const query = (giaddr: string) => request('LEASEQUERY', { mac: mac(1), giaddr: ipv4(giaddr) });

  it('is answered to a listed relay on port 67, by any network that lists it; others hear nothing', async () => {
    const { server, sent, hear } = setUp();
    const lab = serve(
      network('lab', '10.77.0.0/24', { pools: ['10.77.0.100-10.77.0.110'], leasequery: ['192.0.2.1'] }),
    );
    await server.setNetworks([lab]);
    hear('eth0', request('DISCOVER'));
    hear('eth0', choose('10.77.0.100'));
    await turns();
    const before = sent.length;
    hear('eth0', query('192.0.2.2'));
    hear('eth0', query('192.0.2.1'));
    await turns();
    expect(sent.slice(before)).toMatchObject([
      { packet: { ciaddr: '10.77.0.100' }, target: { kind: 'address', address: '192.0.2.1', port: 67 } },
    ]);
    expect(server.counters()).toMatchObject({ received_leasequery: 2, sent_leaseactive: 1, ignored: 1 });
  });

  it('is not taken for a request of the machine it is about: however many come, the machine is heard', async () => {
    const { server, world, sent, hear } = setUp();
    await server.setNetworks([world.served]);
    for (let n = 0; n < 300; n++) hear('eth0', query('192.0.2.1'));
    await turns(20);
    hear('eth0', request('DISCOVER'));
    await turns();
    expect(sent).toHaveLength(1);
    expect(server.counters().rate_limited).toBeUndefined();
  });
});

describe('a flood (D-99)', () => {
  it('of one machine is cut off, counted and told once; others and its own renewals are answered', async () => {
    const { server, world, sent, events, hear } = setUp();
    await server.setNetworks([world.served]);
    for (let n = 0; n < 500; n++) hear('eth0', request('DISCOVER'));
    await turns();
    expect(sent.length).toBeLessThan(70);
    const told = events.filter(({ summary }) => summary.includes('more than 10 times a second'));
    expect(told).toHaveLength(1);
    expect(server.counters().rate_limited).toBeGreaterThan(400);
    const before = sent.length;
    hear('eth0', request('DISCOVER', { mac: mac(2) }));
    hear('eth0', request('REQUEST', { ciaddr: ipv4('10.77.0.100') }));
    await turns();
    expect(sent.length).toBe(before + 1);
    expect(events.at(-1)?.summary).toContain('nothing is known of its 10.77.0.100');
  });

  it('of many machines keeps no renewal waiting, and the oldest that only look are dropped', async () => {
    const { server, sent, hear } = setUp();
    const lab = serve(network('lab', '10.77.0.0/16', { pools: ['10.77.1.0-10.77.250.255'] }));
    await server.setNetworks([lab]);
    hear('eth0', request('DISCOVER', { mac: mac(1) }));
    hear('eth0', choose('10.77.1.0'));
    await turns();
    const before = sent.length;
    for (let n = 2; n < 1500; n++) hear('eth0', request('DISCOVER', { mac: mac(n) }));
    hear('eth0', request('REQUEST', { ciaddr: ipv4('10.77.1.0') }));
    await new Promise((resolve) => setImmediate(resolve));
    const answered = sent.slice(before).map(({ packet }) => packet.yiaddr);
    expect(answered.indexOf(ipv4('10.77.1.0'))).toBeLessThan(140);
    await turns(30);
    expect(server.counters().dropped_discover).toBeGreaterThan(800);
    expect(sent.at(-1)?.packet.chaddr.subarray(4, 6)).toEqual(Uint8Array.of(1499 >> 8, 1499 & 255));
  });
});

describe('a proxy learns (D-66)', () => {
  it('from port 4011 and from fetched files, and hands what is new over to be kept', async () => {
    const kept: string[] = [];
    const { server, hear } = setUp({
      deps: { keepLearnt: (learnt) => kept.push(...learnt.map(({ key, strategy }) => `${key} ${strategy}`)) },
    });
    await server.setNetworks([serve(network('lab', '10.77.0.0/24', { mode: 'proxy', unknown: 'menu' }))]);
    hear('eth0', request('DISCOVER', { options: CLIENTS['UEFI x64'] }));
    hear('eth0', request('REQUEST', { ciaddr: ipv4('10.77.0.50'), options: CLIENTS['UEFI x64'] }), 'known', 4011);
    hear('eth0', request('DISCOVER', { mac: mac(2), options: CLIENTS['BIOS ROM'] }));
    server.fetched(mac(2));
    expect(kept.filter((line) => !line.startsWith('firmware'))).toEqual([`${mac(1)} a`, `${mac(2)} b`]);
    expect(server.strategies()).toHaveLength(4);
  });
});
