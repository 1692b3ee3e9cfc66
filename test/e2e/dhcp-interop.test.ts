/** DHCP with crowds, relays and by the book: Kea's load generator, ISC's relay agent, real clients, packets by hand. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daemon, run } from '../../src/lab/command.ts';
import { createLan, type Lan, type Station } from '../../src/lab/lan.ts';
import { attachDhcpStation } from './clients.ts';
import { crowdOnLink } from './dhcp-crowd.ts';
import { TYPE } from './dhcp-packet.ts';
import { leaseFrom, talkFrom } from './dhcp-talk.ts';
import { acknowledgedOf, holdersOf, watchDhcp } from './dhcp-wire.ts';
import { makeDirectory, type TestDirectory } from './directory.ts';
import { startAddressServer } from './dnsmasq.ts';
import { LOADERS } from './loaders.ts';
import { perfdhcp } from './perfdhcp.ts';
import { checkRequirements } from './requirements.ts';
import { labNetwork, layOut, SERVER, startServe } from './serve.ts';

const CROWD = 2000;
const KNOWN = { mac: '52:54:00:77:03:01', address: '10.77.0.60' };
const LOADER = LOADERS['bios-ipxe'];
const able = await checkRequirements('interop');
let count = 0;
const newMac = () => `52:54:00:77:04:${(count++).toString(16).padStart(2, '0')}`;
/** As many machines of one maker as are wanted. */
const macsOf = (maker: string, length: number) =>
  Array.from({ length }, (_, at) =>
    `${maker}:${at.toString(16).padStart(6, '0')}`.replace(/(..)(..)(..)$/, '$1:$2:$3'),
  );

/** Address → MAC of every lease the database holds as bound. */
function boundLeases(directory: string): Map<string, string> {
  const database = new Database(join(directory, 'data', 'hobnail.db'), { readonly: true });
  try {
    const rows = database.prepare("select address, mac from leases where state = 'bound'").all();
    return new Map((rows as { address: string; mac: string }[]).map(({ address, mac }) => [address, mac]));
  } finally {
    database.close();
  }
}

describe.skipIf(!able)('a server', () => {
  let files: TestDirectory;
  let lan: Lan;
  let far: Lan;
  let server: Station;
  /** Speaks as a relay agent of the server's own network. */
  let agent: Station;
  let daemon: Daemon;

  beforeAll(async () => {
    files = await makeDirectory('dhcp-interop');
    lan = await createLan('e2e-interop');
    far = await createLan('e2e-far');
    const lab = { interface: 'lan0', mode: 'server' };
    await layOut(files.path, {
      'hobnail.yaml': { log: { format: 'json' }, tftp: { enabled: false }, http: { enabled: false } },
      'profiles/networks/lab.yaml': {
        ...lab,
        subnet: '10.77.0.0/16',
        pools: ['10.77.16.0-10.77.63.255'],
        router: SERVER,
      },
      'profiles/networks/far.yaml': {
        ...lab,
        subnet: '10.78.0.0/24',
        pools: ['10.78.0.100-10.78.0.199'],
        router: '10.78.0.1',
      },
      'profiles/networks/small.yaml': { ...lab, subnet: '10.79.0.0/24', pools: ['10.79.0.100-10.79.0.103'] },
      'profiles/hosts/old.yaml': { macs: [KNOWN.mac], profile: 'local', address: KNOWN.address },
    });
    server = await lan.attach('server', '10.77.0.1/16');
    agent = await lan.attach('agent', '10.77.0.2/16');
    daemon = await startServe(server, files.path);
    // A new pool is held back until the wire was asked for other servers.
    for (let tries = 0; !(await leaseFrom(agent, SERVER, newMac())); tries++) {
      if (tries === 10) throw new Error('the pool does not open');
    }
  }, 60_000);
  afterAll(async () => {
    await lan?.close();
    await far?.close();
    await files?.close();
  });

  describe('and crowds of machines', () => {
    test.each([
      { how: 'at a steady rate through a relay', args: ['-l', '10.77.0.2', '-r', '400', '-n', `${CROWD}`, SERVER] },
      { how: 'through a relay that sends by broadcast', args: ['-l', 'lan0', '-B', '-r', '400', '-n', `${CROWD}`] },
      { how: 'all at once', args: ['-l', '10.77.0.2', '--scenario', 'avalanche', SERVER] },
    ])(
      '2,000 machines $how: each has an address, none has another’s, on the wire and in the database',
      async ({ how, args }) => {
        const block = newMac().slice(-2);
        const wire = await watchDhcp(server, files.path, `crowd-${block}`);
        const machines = ['-R', `${CROWD}`, '-b', `mac=00:0c:${block}:00:00:00`, '-d', '10', '-W', '2000000'];
        const { acks } = await perfdhcp(agent, ...(how === 'all at once' ? machines.slice(0, 4) : machines), ...args);
        // It may send a few more than it is told, from the first machines again.
        expect(acks.sent).toBeGreaterThanOrEqual(CROWD);
        expect(acks.received).toBe(acks.sent);

        const holders = holdersOf(await wire.answers());
        expect(holders.size).toBe(CROWD);
        expect([...holders].filter(([, macs]) => macs.size !== 1)).toEqual([]);
        const stored = boundLeases(files.path);
        expect([...holders].filter(([address, macs]) => !macs.has(stored.get(address) ?? ''))).toEqual([]);
      },
      60_000,
    );

    test('2,000 machines on the link, without a relay: each has an address, none has another’s, on the wire and in the database', async () => {
      const macs = macsOf('00:0d:77', CROWD);
      const wire = await watchDhcp(server, files.path, 'crowd-on-link');
      const leases = await crowdOnLink(await lan.attach('onlink'), { macs });
      expect(leases.size).toBe(CROWD);
      expect(new Set(leases.values()).size).toBe(CROWD);

      const acks = acknowledgedOf(await wire.answers()).filter(({ mac }) => leases.has(mac));
      expect(new Set(acks.map(({ giaddr, to }) => `${giaddr} ${to}`))).toEqual(new Set(['0.0.0.0 255.255.255.255']));
      const holders = holdersOf(acks);
      expect(holders.size).toBe(CROWD);
      expect([...holders].filter(([, of]) => of.size !== 1)).toEqual([]);
      const stored = boundLeases(files.path);
      expect([...leases].filter(([mac, address]) => stored.get(address) !== mac)).toEqual([]);
    }, 60_000);
  });

  describe('behind ISC’s relay agent', () => {
    let relay: Station;

    beforeAll(async () => {
      relay = await lan.attach('relay', '10.77.0.3/16');
      const { namespace } = relay;
      const peer = ['peer', 'name', 'far0', 'netns', namespace];
      await run('ip', ['-n', far.wire.namespace, 'link', 'add', 'p-relay', 'type', 'veth', ...peer]);
      await run('ip', ['-n', far.wire.namespace, 'link', 'set', 'p-relay', 'master', far.wire.interface, 'up']);
      await run('ip', ['-n', namespace, 'address', 'add', '10.78.0.1/24', 'dev', 'far0']);
      await run('ip', ['-n', namespace, 'link', 'set', 'far0', 'up']);
      await relay.run('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
      await server.run('ip', ['route', 'add', '10.78.0.0/24', 'via', '10.77.0.3']);
      const started = relay.start('dhcrelay', ['-4', '-d', '-a', '-id', 'far0', '-iu', 'lan0', SERVER], {
        logPath: join(files.path, 'dhcrelay.log'),
      });
      await started.waitForLog(/Sending on +Socket/, 10_000);
    });

    test('D-11: udhcpc gets an address of its own subnet, renews past the relay and gives it back', async () => {
      const { station, start, next } = await attachDhcpStation(far, 'udhcpc', newMac(), files.path);
      const running = start('udhcpc');
      const bound = await next('bound');
      expect(bound).toMatchObject({ serverid: SERVER, router: '10.78.0.1', mask: '24' });
      expect(bound.ip).toMatch(/^10\.78\.0\.1\d\d$/);
      await station.run('ip', ['route', 'add', '10.77.0.0/16', 'via', '10.78.0.1']);
      process.kill(running.pid, 'SIGUSR1');
      expect(await next('renew')).toMatchObject({ ip: bound.ip });
      process.kill(running.pid, 'SIGUSR2');
      await daemon.waitForLog(new RegExp(`"kind":"dhcp\\.release"[^\\n]*"ip":"${bound.ip}"`), 15_000);
      await running.close();
    });

    test('dhclient gets an address, and after a restart asks for the same and is told yes (INIT-REBOOT)', async () => {
      const { start, next } = await attachDhcpStation(far, 'dhclient', newMac(), files.path);
      const first = start('dhclient');
      const bound = await next('bound');
      expect(bound.new_ip_address).toMatch(/^10\.78\.0\.1\d\d$/);
      process.kill(first.pid, 'SIGKILL');
      await first.ended;
      start('dhclient');
      expect(await next('reboot')).toMatchObject({ new_ip_address: bound.new_ip_address });
    });
  });

  describe('and a pool of four addresses', () => {
    test('gives all of them and no more, and goes on with what is given back; what is declined rests', async () => {
      const relay = await lan.attach('small', '10.79.0.1/24');
      await relay.run('ip', ['route', 'add', '10.77.0.0/16', 'dev', 'lan0']);
      await server.run('ip', ['route', 'add', '10.79.0.0/24', 'dev', 'lan0']);
      const macs = Array.from({ length: 6 }, newMac);
      const [one = '', two = '', , , five = '', six = ''] = macs;
      const given = new Map<string, string>();
      for (const mac of macs.slice(0, 4)) given.set(mac, (await leaseFrom(relay, SERVER, mac)) ?? 'none');
      expect([...given.values()].toSorted()).toEqual([100, 101, 102, 103].map((last) => `10.79.0.${last}`));

      expect(await leaseFrom(relay, SERVER, five)).toBeUndefined();
      await daemon.waitForLog(/no address of \\"small\\" .* is free/, 15_000);
      expect(await leaseFrom(relay, SERVER, two)).toBe(given.get(two));

      const wish = given.get(one) ?? '';
      await talkFrom(relay, SERVER, { mac: one, type: TYPE.release, ciaddr: wish, addresses: { 54: SERVER } });
      expect(await leaseFrom(relay, SERVER, five)).toBe(wish);

      const bad = given.get(two) ?? '';
      await talkFrom(relay, SERVER, { mac: two, type: TYPE.decline, addresses: { 50: bad, 54: SERVER } });
      expect(await leaseFrom(relay, SERVER, six)).toBeUndefined();
      expect(await leaseFrom(relay, SERVER, two)).toBeUndefined();
    });
  });

  describe('by the book', () => {
    test('REBINDING is answered with the same address, INIT-REBOOT with a foreign one is refused', async () => {
      const mac = newMac();
      const address = await leaseFrom(agent, SERVER, mac);
      expect(address).toBeDefined();
      const rebinding = await talkFrom(agent, SERVER, { mac, type: TYPE.request, ciaddr: address ?? '' });
      expect(rebinding).toMatchObject({ type: TYPE.ack, yiaddr: address });
      const other = await talkFrom(agent, SERVER, { mac, type: TYPE.request, addresses: { 50: '192.168.7.7' } });
      expect(other).toMatchObject({ type: TYPE.nak, yiaddr: '0.0.0.0' });
    });

    test('INFORM is told the settings, and neither an address nor a time', async () => {
      const heard = await talkFrom(agent, SERVER, { mac: newMac(), type: TYPE.inform, ciaddr: '10.77.0.77' });
      expect(heard).toMatchObject({ type: TYPE.ack, yiaddr: '0.0.0.0', options: { 1: 'ffff0000', 3: '0a4d0001' } });
      expect(heard?.options).not.toHaveProperty('51');
    });

    test('BOOTP: a known machine gets its reserved address, an unknown one nothing', async () => {
      const heard = await talkFrom(agent, SERVER, { mac: KNOWN.mac });
      expect(heard).toMatchObject({ type: undefined, yiaddr: KNOWN.address });
      expect(await talkFrom(agent, SERVER, { mac: newMac() })).toBeUndefined();
    });
  });
});

describe.skipIf(!able)('a proxy beside a server of addresses', () => {
  let files: TestDirectory;
  let lan: Lan;
  beforeAll(async () => {
    files = await makeDirectory('dhcp-interop-proxy');
    lan = await createLan('e2e-interop-proxy');
    await layOut(files.path, {
      'profiles/networks/lab.yaml': labNetwork('proxy'),
      [`boot-images/${LOADER.path}`]: await readFile(LOADER.file),
    });
    await startServe(await lan.attach('server', '10.77.0.1/24'), files.path);
    await startAddressServer(lan, files.path);
  });
  afterAll(async () => {
    await lan?.close();
    await files?.close();
  });

  test('every address comes from the other server; boot ROMs are offered a boot file by us, plain machines nothing', async () => {
    const wire = await watchDhcp(lan.wire, files.path, 'proxy');
    const plain = macsOf('00:0e:77', 10);
    const roms = macsOf('00:0f:77', 10);
    const rom = { 60: Buffer.from('PXEClient:Arch:00000:UNDI:002001').toString('hex'), 93: '0000', 94: '010201' };
    const link = await lan.attach('onlink');
    expect((await crowdOnLink(link, { macs: plain })).size).toBe(plain.length);
    expect((await crowdOnLink(link, { macs: roms, options: rom })).size).toBe(roms.length);

    const answers = await wire.answers();
    const acks = acknowledgedOf(answers);
    expect(new Set(acks.map(({ server }) => server))).toEqual(new Set(['10.77.0.2']));
    expect(holdersOf(acks).size).toBe(20);
    const ours = answers.filter(({ server }) => server === SERVER);
    expect(new Set(ours.map(({ type, address }) => `${type} ${address}`))).toEqual(new Set([`${TYPE.offer} 0.0.0.0`]));
    const offered = new Set(ours.map(({ mac }) => mac));
    expect(roms.filter((mac) => !offered.has(mac))).toEqual([]);
    expect(plain.filter((mac) => offered.has(mac))).toEqual([]);
  }, 60_000);
});
