/** Real clients of every protocol against the running appliance; no machines. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Daemon } from '../../src/lab/command.ts';
import { createLan, type Lan, type Station } from '../../src/lab/lan.ts';
import { NET } from './boot-server.ts';
import { attachDhcpStation, TFTP_CLIENTS, TFTP_UPLOADS } from './clients.ts';
import { makeDirectory, type TestDirectory } from './directory.ts';
import { startAddressServer } from './dnsmasq.ts';
import { LOADERS } from './loaders.ts';
import { checkRequirements } from './requirements.ts';
import {
  execOn,
  HTTP,
  hobnailOn,
  labNetwork,
  layOut,
  logIn,
  type Operator,
  SERVER,
  startServe,
  writeTree,
} from './serve.ts';

const MAC = { plain: '52:54:00:77:01:01', udhcpc: '52:54:00:77:01:02', dhclient: '52:54:00:77:01:03' } as const;
const WEB = { name: 'web01', mac: '52:54:00:77:01:11', pxelinux: 'pxelinux.cfg/01-52-54-00-77-01-11' };
const DB = { name: 'db01', mac: '52:54:00:77:01:12', pxelinux: 'pxelinux.cfg/01-52-54-00-77-01-12' };
const PHONE = { mac: '52:54:00:77:01:21', file: 'SEP525400770121.cnf.xml' };
const IGNORED = { mac: '52:54:00:77:01:31', script: 'ipxe/52-54-00-77-01-31.ipxe' };
const STRANGER = { mac: '52:54:00:77:01:99', script: 'ipxe/52-54-00-77-01-99.ipxe' };
const LOADER = LOADERS['bios-ipxe'];
const PLAIN_PXE = ['-V', 'PXEClient:Arch:00000:UNDI:002001', '-x', '0x5d:0000'];
const SECRET = 'not for machines';

describe.skipIf(!(await checkRequirements('clients')))('real clients', () => {
  let files: TestDirectory;
  let lan: Lan;
  let server: Station;
  let client: Station;
  let daemon: Daemon;
  let operator: Operator;
  let loader: Buffer;
  const local = (name: string) => join(files.path, 'got', name);
  const leases = async () => {
    const { body } = await operator.ask('GET', 'leases');
    return (body as { items: { address: string; mac: string; state: string; host?: string }[] }).items;
  };
  const dhcpStation = (name: string, mac: string) => attachDhcpStation(lan, name, mac, join(files.path, 'got'));
  /** As `hobnail render` has it. */
  const rendered = new Map<string, string>();

  beforeAll(async () => {
    files = await makeDirectory('clients');
    lan = await createLan('e2e-clients');
    loader = await readFile(LOADER.file);
    await layOut(files.path, {
      'profiles/live.yaml': {
        kind: 'live',
        kernel: 'rescue/linux',
        initrd: ['rescue/initrd.img'],
        args: ['hobnail.host={{host.name}}'],
      },
      'profiles/hosts/web01.yaml': { macs: [WEB.mac], profile: 'live', address: '10.77.0.11' },
      'profiles/hosts/db01.yaml': { macs: [DB.mac], profile: 'live' },
      'profiles/hosts/ignored.yaml': { macs: [IGNORED.mac], profile: 'live', policy: 'ignore' },
      'profiles/hosts/phone01.yaml': {
        macs: [PHONE.mac],
        profile: 'phone-cisco',
        vars: { label: 'Reception', lines: [{ button: 1, name: '2001', password: 'a<b&c' }] },
      },
      [`boot-images/${LOADER.path}`]: loader,
      'boot-images/rescue/linux': Buffer.alloc(1428 * 700 + 17, 'kernel '),
      // Exactly full blocks at the default size: the transfer ends with an empty one.
      'boot-images/rescue/initrd.img': Buffer.alloc(512 * 200, 'initrd '),
      'secret.txt': SECRET,
      'got/upload': 'sent by a client',
    });
    server = await lan.attach('server', NET.server);
    client = await lan.attach('client', '10.77.0.50/24');
    daemon = await startServe(server, files.path);
    operator = await logIn(server, files.path);
    for (const { name, pxelinux } of [WEB, DB]) {
      rendered.set(name, (await hobnailOn(server, files.path, 'render', name, pxelinux)).stdout);
    }
  });
  afterAll(async () => {
    await lan?.close();
    await files?.close();
  });

  describe('of DHCP', () => {
    test('udhcpc gets an address of the pool, renews it and gives it back', async () => {
      const { start, next } = await dhcpStation('udhcpc', MAC.udhcpc);
      const running = start('udhcpc');
      const bound = await next('bound');
      expect(bound).toMatchObject({ serverid: SERVER, router: SERVER, dns: SERVER, mask: '24', lease: '3600' });
      expect(bound.ip).toMatch(/^10\.77\.0\.1\d\d$/);
      await expect
        .poll(leases)
        .toContainEqual(expect.objectContaining({ address: bound.ip, mac: MAC.udhcpc, state: 'bound' }));

      process.kill(running.pid, 'SIGUSR1');
      expect(await next('renew')).toMatchObject({ ip: bound.ip, serverid: SERVER });
      process.kill(running.pid, 'SIGUSR2');
      await next('deconfig');
      await expect
        .poll(leases)
        .toContainEqual(expect.objectContaining({ address: bound.ip, mac: MAC.udhcpc, state: 'released' }));
      await running.close();
    });

    test('dhclient gets an address of the pool, gives it back, and is given the same again', async () => {
      const { start, dhclient, next } = await dhcpStation('dhclient', MAC.dhclient);
      const running = start('dhclient');
      const bound = await next('bound');
      expect(bound).toMatchObject({ new_dhcp_server_identifier: SERVER, new_routers: SERVER });
      expect(bound.new_ip_address).toMatch(/^10\.77\.0\.1\d\d$/);

      const released = await dhclient('-r', '-v');
      expect(released.output).toContain(`DHCPRELEASE of ${bound.new_ip_address}`);
      await running.ended;
      await expect
        .poll(leases)
        .toContainEqual(
          expect.objectContaining({ address: bound.new_ip_address, mac: MAC.dhclient, state: 'released' }),
        );
      start('dhclient');
      expect(await next('bound')).toMatchObject({ new_ip_address: bound.new_ip_address });
    });

    test('a host gets its reserved address and its name', async () => {
      const { udhcpc } = await dhcpStation('web', WEB.mac);
      const { lease } = await udhcpc();
      expect(lease).toMatchObject({ ip: '10.77.0.11', hostname: 'web01' });
    });

    test('a phone that asks for options 66 and 150 is told this server, another client is not', async () => {
      const phone = await dhcpStation('phone', PHONE.mac);
      const { lease } = await phone.udhcpc('-V', 'Cisco Systems, Inc. IP Phone CP-8841', '-O', '66', '-O', '150');
      expect(lease).toMatchObject({ tftp: SERVER, opt150: '0a4d0001', siaddr: SERVER });
      const plain = await dhcpStation('plain', MAC.plain);
      const other = await plain.udhcpc();
      expect(other.lease).toBeDefined();
      expect(other.lease).not.toHaveProperty('opt150');
      expect(other.lease).not.toHaveProperty('tftp');
    });

    test('a boot ROM is told its loader; a host with policy "ignore" gets an address and no loader', async () => {
      const known = await (await dhcpStation('db', DB.mac)).udhcpc(...PLAIN_PXE);
      expect(known.lease).toMatchObject({ siaddr: SERVER, boot_file: LOADER.path, lease: '600' });
      const ignored = await (await dhcpStation('ignored', IGNORED.mac)).udhcpc(...PLAIN_PXE);
      expect(ignored.lease?.ip).toMatch(/^10\.77\.0\.1\d\d$/);
      expect(ignored.lease).not.toHaveProperty('boot_file');
      await daemon.waitForLog(/host \\"ignored\\" is ignored/, 10_000);
      expect((await execOn(client, ['curl', '-sS', '--fail', `${HTTP}/${IGNORED.script}`])).code).toBe(22);
    });
  });

  describe('of HTTP', () => {
    const curl = (...args: readonly string[]) => execOn(client, ['curl', '-sS', '--path-as-is', ...args]);

    test.each([WEB, DB])('curl gets the file of $name and no other', async ({ name, pxelinux }) => {
      const { stdout } = await curl('--fail', `${HTTP}/${pxelinux}`);
      expect(stdout.match(/hobnail\.host=\S+/g)).toEqual([`hobnail.host=${name}`]);
      expect(stdout).toBe(rendered.get(name));
    });

    test('HEAD tells what GET sends: length, type, and no body', async () => {
      const head = await curl('--fail', '-I', `${HTTP}/${LOADER.path}`);
      expect(head.stdout).toMatch(new RegExp(`^content-length: ${loader.length}\\r$`, 'im'));
      expect(head.stdout).toMatch(/^accept-ranges: bytes\r$/im);
      await curl('--fail', '-o', local('loader'), `${HTTP}/${LOADER.path}`);
      expect((await readFile(local('loader'))).equals(loader)).toBe(true);
    });

    test.each([
      { range: '100-199', from: 100, to: 200 },
      { range: '-10', from: -10, to: undefined },
      { range: '1000-', from: 1000, to: undefined },
    ])('a range of $range is these bytes, with status 206', async ({ range, from, to }) => {
      const { stdout } = await curl('-r', range, '-o', local('range'), '-w', '%{http_code}', `${HTTP}/${LOADER.path}`);
      expect(stdout).toBe('206');
      expect((await readFile(local('range'))).equals(loader.subarray(from, to))).toBe(true);
    });

    test('doubled slashes mean one', async () => {
      const { stdout } = await curl('--fail', `${HTTP}//pxelinux.cfg///${WEB.pxelinux.replace('pxelinux.cfg/', '')}`);
      expect(stdout).toBe(rendered.get(WEB.name));
    });

    test('a machine nobody knows gets the menu, whose default is its own disk', async () => {
      const { stdout } = await curl('--fail', `${HTTP}/${STRANGER.script}`);
      expect(stdout).toMatch(/^#!ipxe\n/);
      expect(stdout).toContain('choose --default local --timeout 10000');
      expect(stdout).toContain('item profile-rescue ');
    });

    test.each([
      ['nothing/here', '404'],
      ['boot-images', '404'],
      ['rescue', '403'],
      ['rescue/', '403'],
    ])('%s, which is no file, is answered with %s', async (path, status) => {
      expect((await curl('-o', '/dev/null', '-w', '%{http_code}', `${HTTP}/${path}`)).stdout).toBe(status);
    });

    test.each([
      '../secret.txt',
      'rescue/../../secret.txt',
      '%2e%2e/secret.txt',
      '..%2fsecret.txt',
      '..%5csecret.txt',
      '..\\secret.txt',
      'rescue/%2e%2e/%2e%2e/secret.txt',
      '/%2e%2e//secret.txt',
      '%252e%252e/secret.txt',
      '%c0%ae%c0%ae/secret.txt',
      '../secret.txt%00.ipxe',
      `%2f${'%2e%2e%2f'.repeat(12)}etc/hostname`,
    ])('the escape %s is refused, and says nothing of the file', async (path) => {
      const { stdout } = await curl('-w', '\n%{http_code}', `${HTTP}/${path}`);
      expect(stdout).toMatch(/\n(?:400|403|404)$/);
      expect(stdout).not.toContain(SECRET);
      expect(stdout.length).toBeLessThan(60);
    });

    test.each(['PUT', 'POST', 'DELETE'])('%s is not for machines: 405', async (method) => {
      const { stdout } = await curl('-X', method, '-d', 'x', '-w', '%{http_code}', `${HTTP}/rescue/linux`);
      expect(stdout).toMatch(/405$/);
    });
  });

  describe.each(TFTP_CLIENTS)('of TFTP: $name', ({ name, get, says }) => {
    const place = () => local(`tftp-${name.replaceAll(' ', '-')}`);

    async function fetch(path: string) {
      await rm(place(), { force: true });
      const ended = await execOn(client, get(path, place()));
      return { ...ended, bytes: await readFile(place()).catch(() => Buffer.alloc(0)) };
    }

    test.each([WEB, DB])('reads the file of $name and no other', async ({ name: host, pxelinux }) => {
      const { bytes } = await fetch(pxelinux);
      expect(bytes.toString().match(/hobnail\.host=\S+/g)).toEqual([`hobnail.host=${host}`]);
      expect(bytes.toString()).toBe(rendered.get(host));
    });

    test.each([LOADER.path, 'rescue/linux', 'rescue/initrd.img'])('reads %s to the last byte', async (path) => {
      const { bytes, output } = await fetch(path);
      expect(bytes.equals(await readFile(join(files.path, 'boot-images', path))), output).toBe(true);
    });

    test('is told at once what is not there', async () => {
      const started = performance.now();
      const { output, bytes } = await fetch('pxelinux.cfg/nothing');
      expect(output).toMatch(says.absent);
      expect(bytes).toHaveLength(0);
      // Before any client would have asked a second time.
      expect(performance.now() - started).toBeLessThan(4500);
    });

    test.each(['../secret.txt', 'rescue/../../secret.txt', '..\\secret.txt'])('is refused %s', async (path) => {
      const { output, bytes } = await fetch(path);
      expect(output).toMatch(says.refused);
      expect(bytes).toHaveLength(0);
    });
  });

  test('a phone gets its own configuration by TFTP, as its name is asked for', async () => {
    await execOn(client, ['tftp', '-m', 'binary', SERVER, '-c', 'get', PHONE.file, local('phone')]);
    const xml = await readFile(local('phone'), 'utf8');
    expect(xml).toContain('<phoneLabel>Reception</phoneLabel>');
    expect(xml).toContain('<authPassword>a&lt;b&amp;c</authPassword>');
    const stranger = await execOn(client, ['curl', '-sS', `tftp://${SERVER}/SEP525400770199.cnf.xml`]);
    expect(stranger.code).toBe(68);
  });

  test.each(TFTP_UPLOADS)('an upload by $name is refused and leaves nothing behind', async ({ name, put, refused }) => {
    const before = await readdir(join(files.path, 'boot-images'), { recursive: true });
    const { output } = await execOn(client, put(local('upload'), `rescue/from-${name}`));
    expect(output).toMatch(refused);
    expect(await readdir(join(files.path, 'boot-images'), { recursive: true })).toEqual(before);
  });
});

describe.skipIf(!(await checkRequirements('clients')))('a proxy', () => {
  let files: TestDirectory;
  let lan: Lan;
  beforeAll(async () => {
    files = await makeDirectory('clients-proxy');
    lan = await createLan('e2e-clients-proxy');
    await layOut(files.path, {
      'profiles/networks/lab.yaml': labNetwork('proxy'),
      [`boot-images/${LOADER.path}`]: await readFile(LOADER.file),
    });
    await startServe(await lan.attach('server', NET.server), files.path);
  });
  afterAll(async () => {
    await lan?.close();
    await files?.close();
  });

  test.each([
    { what: 'an ordinary client', args: [] },
    { what: 'a boot ROM', args: PLAIN_PXE },
  ])('$what gets no address as long as only the proxy is there', async ({ args }) => {
    const { udhcpc } = await attachDhcpStation(lan, `c${args.length}`, MAC.plain, files.path);
    const { ended, lease } = await udhcpc(...args);
    expect(lease).toBeUndefined();
    expect(ended.code).toBe(1);
  });

  test('turned into a server by an edit of its network, it gives addresses without a restart', async () => {
    const log = await readFile(join(files.path, 'hobnail.log'), 'utf8');
    expect(log.match(/"msg":"inventory loaded"/g)).toHaveLength(1);
    await writeTree(files.path, { 'profiles/networks/lab.yaml': labNetwork('server', '10.77.0.60-10.77.0.69') });
    const { udhcpc } = await attachDhcpStation(lan, 'late', '52:54:00:77:02:09', files.path);
    await expect.poll(async () => (await udhcpc()).lease?.serverid, { timeout: 40_000 }).toBe(SERVER);
  });

  test('turned back into a proxy, clients get the other server’s address', async () => {
    await writeTree(files.path, { 'profiles/networks/lab.yaml': labNetwork('proxy') });
    await startAddressServer(lan, files.path);
    for (const [index, args] of [[], PLAIN_PXE].entries()) {
      const { udhcpc } = await attachDhcpStation(lan, `d${index}`, `52:54:00:77:02:0${index}`, files.path);
      await expect.poll(async () => (await udhcpc(...args)).lease?.serverid, { timeout: 40_000 }).toBe('10.77.0.2');
    }
  });
});
