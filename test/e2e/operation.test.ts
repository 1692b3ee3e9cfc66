/** The appliance as a program: starts that lack something, edits that break, ends of every kind. */
import { appendFile, chown, mkdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Daemon } from '../../src/lab/command.ts';
import { createLan, type Lan, type Station } from '../../src/lab/lan.ts';
import { NET } from './boot-server.ts';
import { attachDhcpStation, type DhcpStation } from './clients.ts';
import { makeDirectory, type TestDirectory } from './directory.ts';
import { checkRequirements } from './requirements.ts';
import {
  execOn,
  HTTP,
  hobnailOn,
  labNetwork,
  layOut,
  logIn,
  PROGRAM,
  SERVER,
  startServe,
  type Tree,
  writeTree,
} from './serve.ts';

const MAC = { one: '52:54:00:77:03:01', other: '52:54:00:77:03:02' } as const;
const PLAIN_PXE = ['-V', 'PXEClient:Arch:00000:UNDI:002001', '-x', '0x5d:0000'];
const SCRIPT = 'ipxe/52-54-00-77-03-01.ipxe';
const HOST_FILE = 'profiles/hosts/web01.yaml';
const HOST = `macs: [${MAC.one}]\nprofile: local\n`;
const NOBODY = 65_534;

describe.skipIf(!(await checkRequirements('clients')))('serve', () => {
  let lan: Lan;
  let server: Station;
  let client: Station;
  let one: DhcpStation;
  let other: DhcpStation;
  let clientFiles: TestDirectory;
  let files: TestDirectory;
  const running: Daemon[] = [];

  beforeAll(async () => {
    clientFiles = await makeDirectory('operation-clients');
    lan = await createLan('e2e-operation');
    server = await lan.attach('server', NET.server);
    client = await lan.attach('client', '10.77.0.50/24');
    one = await attachDhcpStation(lan, 'one', MAC.one, clientFiles.path);
    other = await attachDhcpStation(lan, 'other', MAC.other, clientFiles.path);
  });
  afterAll(async () => {
    await lan?.close();
    await clientFiles?.close();
  });
  beforeEach(async () => {
    files = await makeDirectory('operation');
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((daemon) => daemon.close()));
    await files.close();
  });

  const lay = (own: Tree = {}) => layOut(files.path, { [HOST_FILE]: HOST, ...own });
  const write = (tree: Tree) => writeTree(files.path, tree);
  const curl = (url: string) => execOn(client, ['curl', '-sS', '--fail', '--max-time', '5', url]);
  async function start(options: Parameters<typeof startServe>[2] = {}): Promise<Daemon> {
    const daemon = await startServe(server, files.path, options);
    running.push(daemon);
    return daemon;
  }
  /** For starts that must fail. */
  const serveToEnd = (wrap: readonly string[] = []) =>
    execOn(server, [...wrap, process.execPath, PROGRAM, '--config', join(files.path, 'hobnail.yaml'), 'serve'], 20_000);

  describe('that lacks something', () => {
    test('works without root on high ports, without DHCP, and prints the command that helps', async () => {
      await lay();
      await mkdir(join(files.path, 'data'));
      await chown(join(files.path, 'data'), NOBODY, NOBODY);
      const daemon = await start({ wrap: AS_NOBODY });
      const log = await daemon.log();
      expect(log).toContain('no DHCP: ports 67 and 4011 need a right this process lacks');
      expect(log).toContain('TFTP is on port 6969 instead of 69');
      expect(log).toContain(`sudo setcap cap_net_bind_service,cap_net_raw+ep ${process.execPath}`);
      expect((await curl(`${HTTP}/${SCRIPT}`)).stdout).toContain('#!ipxe');
      expect((await curl(`tftp://${SERVER}:6969/pxelinux.cfg/default`)).stdout).toContain('DEFAULT');
      expect((await one.udhcpc('-t', '1')).lease).toBeUndefined();
    });

    test('names who has port 69, serves the rest, and takes the port on SIGHUP when it is free', async () => {
      await lay();
      const bind = `require('node:dgram').createSocket('udp4').bind(69, '${SERVER}', () => console.log('bound'))`;
      const holder = server.start(process.execPath, ['-e', bind], { logPath: join(clientFiles.path, 'holder.log') });
      running.push(holder);
      await holder.waitForLog(/bound/, 10_000);
      const daemon = await start();
      expect(await daemon.log()).toMatch(
        new RegExp(`no TFTP on ${SERVER} port 69\\.\\s+→ .*in use by node \\(process ${holder.pid}\\)`),
      );
      expect((await curl(`${HTTP}/${SCRIPT}`)).code).toBe(0);
      expect((await one.udhcpc()).lease).toMatchObject({ serverid: SERVER });

      await holder.close();
      process.kill(daemon.pid, 'SIGHUP');
      await daemon.waitForLog(/"msg":"reloaded"/, 15_000);
      expect((await curl(`tftp://${SERVER}/pxelinux.cfg/default`)).stdout).toContain('DEFAULT');
    });

    test('says that loaders are missing and how to bring them; machines get addresses all the same', async () => {
      await lay({ [HOST_FILE]: { macs: [MAC.one], profile: 'rescue' } });
      const daemon = await start();
      expect(await daemon.log()).toMatch(/no loader for bios machines\.\n\s+→ hobnail images pull/);
      const { lease } = await one.udhcpc(...PLAIN_PXE);
      expect(lease).toMatchObject({ serverid: SERVER });
      expect(lease).not.toHaveProperty('boot_file');
      await daemon.waitForLog(/no loader for .* is installed; run \\"hobnail images pull\\"/, 10_000);
    });

    test('refuses broken profiles at start with file, line and column, and status 2', async () => {
      await lay({
        [HOST_FILE]: `macs: [${MAC.one}]\nprofile: [local\n`,
        'profiles/hosts/web02.yaml': 'macs: [no-mac]\nprofil: local\n',
      });
      const ended = await serveToEnd();
      expect(ended.output).toMatch(/profiles\/hosts\/web01\.yaml:[23]:\d+: /);
      expect(ended.output).toMatch(/profiles\/hosts\/web02\.yaml:1:8: .*"no-mac" is not a MAC address/);
      expect(ended.output).toMatch(/profiles\/hosts\/web02\.yaml:2:1: .*"profile"/);
      expect(ended.code).toBe(2);
    });

    test('refuses broken settings at start with file, line and column, and status 2', async () => {
      await lay({ 'hobnail.yaml': 'log: { format: json }\ntftp:\n  prot: 69\n' });
      const ended = await serveToEnd();
      expect(ended.output).toMatch(/hobnail\.yaml:3:3: .*"port"/);
      expect(ended.code).toBe(2);
    });

    test('says at start that the disk for its data is full', async () => {
      await lay();
      const ended = await serveToEnd(onSmallDisk(files.path, '16k'));
      expect(ended.output).toMatch(/The disk of the database .*data\/hobnail\.db is full.*\[disk-full\]/);
      expect(ended.code).not.toBe(0);
    });

    test('acknowledges no address while the disk is full, serves files, and goes on when there is space', async () => {
      await lay();
      const daemon = await start({ wrap: onSmallDisk(files.path, '2m') });
      // The disk is mounted in the process's own view of the files.
      const filler = join('/proc', String(daemon.pid), 'root', files.path, 'data', 'filler');
      await fill(filler);
      const refused = await one.udhcpc();
      expect(refused.lease).toBeUndefined();
      await daemon.waitForLog(/disk of the database .* is full/, 10_000);
      expect((await curl(`${HTTP}/${SCRIPT}`)).code).toBe(0);

      await rm(filler);
      expect((await one.udhcpc()).lease).toMatchObject({ serverid: SERVER });
      expect(daemon.running()).toBe(true);
    });
  });

  describe('while it runs', () => {
    test('keeps what it served when an edit breaks the files, says where, and takes the mended ones', async () => {
      await lay();
      const daemon = await start();
      const good = (await curl(`${HTTP}/${SCRIPT}`)).stdout;
      expect(good).toContain('web01');

      await write({ [HOST_FILE]: `macs: [${MAC.one}]\nprofile: nowhere\n` });
      await daemon.waitForLog(/profiles\/hosts\/web01\.yaml:2:10: .*nowhere/, 15_000);
      expect((await curl(`${HTTP}/${SCRIPT}`)).stdout).toBe(good);
      process.kill(daemon.pid, 'SIGHUP');
      await daemon.waitForLog(/not reloaded: the files have problems/, 15_000);
      expect((await curl(`${HTTP}/${SCRIPT}`)).stdout).toBe(good);

      await write({ [HOST_FILE]: `macs: [${MAC.one}]\nprofile: menu\n` });
      await expect.poll(async () => (await curl(`${HTTP}/${SCRIPT}`)).stdout).toContain('choose --default local');
    });

    test('SIGHUP reads the files', async () => {
      await lay();
      const daemon = await start();
      await write({ [HOST_FILE]: `macs: [${MAC.one}]\nprofile: menu\n` });
      process.kill(daemon.pid, 'SIGHUP');
      await daemon.waitForLog(/"msg":"reloaded"/, 15_000);
      expect((await curl(`${HTTP}/${SCRIPT}`)).stdout).toContain('choose --default local');
      expect(daemon.running()).toBe(true);
    });

    test('SIGTERM ends it within seconds with status 0, whatever is open', async () => {
      await lay();
      const big = join(files.path, 'boot-images', 'big');
      await writeFile(big, '');
      await truncate(big, 256 << 20);
      const daemon = await start();
      const { stdout: token } = await hobnailOn(server, files.path, 'token', 'add', 'watcher');
      const bearer = `Authorization: Bearer ${token.trim()}`;
      const place = (name: string) => join(clientFiles.path, name);
      const slow = (name: string) => ['--limit-rate', '2M', '-o', place(name), '--max-time', '30'];
      const open = [
        execOn(server, ['curl', '-sSN', '-o', place('stream'), '-H', bearer, 'http://127.0.0.1:8081/api/v1/events']),
        execOn(client, ['curl', '-sS', ...slow('http'), `${HTTP}/big`], 60_000),
        execOn(client, ['curl', '-sS', ...slow('tftp'), `tftp://${SERVER}/big`], 60_000),
      ];
      // All three are under way.
      for (const name of ['stream', 'http', 'tftp']) {
        await expect
          .poll(() =>
            stat(place(name)).then(
              ({ size }) => size > 0,
              () => false,
            ),
          )
          .toBe(true);
      }

      const asked = performance.now();
      process.kill(daemon.pid, 'SIGTERM');
      expect(await daemon.ended).toBe(0);
      // Longer than a drain, and shorter than the downloads would take.
      expect(performance.now() - asked).toBeLessThan(15_000);
      expect(await daemon.log()).toMatch(/"msg":"SIGTERM: stopping"/);
      // Clients go on with what the kernel had taken from us, or give up.
      const ends = await Promise.all(open);
      expect(ends.slice(1).map(({ code }) => code)).not.toContain(0);
      expect(await readFile(place('stream'), 'utf8')).toContain('retry: ');
    });
  });

  describe('started again', () => {
    test('prints a token at the first start only, and the first one still holds', async () => {
      await lay();
      const first = await start();
      const token = /Login\s+(hob_\S+)/.exec(await first.log())?.[1] ?? '';
      expect(token).not.toBe('');
      await first.close();
      const second = await start({ log: 'second.log' });
      expect(await second.log()).not.toContain('hob_');
      const hosts = await server.run('curl', [
        ...['-sS', '--fail', '-H', `Authorization: Bearer ${token}`],
        'http://127.0.0.1:8081/api/v1/hosts',
      ]);
      expect(hosts).toContain('"web01"');
      const lines = (await second.log()).split('\n').filter((line) => line.startsWith('{'));
      expect(lines.join('\n')).not.toContain(token);
    });

    test('after SIGKILL behind an ACK it knows the lease and gives the same address', async () => {
      await lay({ 'profiles/networks/lab.yaml': labNetwork('server', '10.77.0.100-10.77.0.101') });
      const first = await start();
      const { lease } = await one.udhcpc();
      process.kill(first.pid, 'SIGKILL');
      expect(await first.ended).toBe('SIGKILL');
      expect(lease?.ip).toBeDefined();

      await start({ log: 'second.log' });
      const operator = await logIn(server, files.path);
      const { body } = await operator.ask('GET', 'leases');
      expect(body).toMatchObject({ items: [{ address: lease?.ip, mac: MAC.one, state: 'bound' }] });
      // The other client asks first, and for that very address.
      const stranger = await other.udhcpc('-r', lease?.ip ?? '');
      expect(stranger.lease?.ip).toMatch(/^10\.77\.0\.10[01]$/);
      expect(stranger.lease?.ip).not.toBe(lease?.ip);
      expect((await one.udhcpc()).lease).toMatchObject({ ip: lease?.ip });
    });
  });
});

/** A user without rights of any kind, but to read what tests and checkouts keep to their owner. */
const AS_NOBODY: readonly string[] = [
  'setpriv',
  ...[`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs'],
  ...['--inh-caps=-all,+dac_read_search', '--ambient-caps=-all,+dac_read_search'],
  '--bounding-set=-all,+dac_read_search',
];

/** Puts a disk of that size on `data/`. The namespace's commands have mounts of their own: it goes with the process. */
function onSmallDisk(directory: string, size: string): readonly string[] {
  const data = join(directory, 'data');
  const script = `mkdir -p ${data} && mount -t tmpfs -o size=${size} tmpfs ${data} && exec "$@"`;
  return ['sh', '-c', script, 'sh'];
}

/** Writes until there is no space. */
async function fill(file: string): Promise<void> {
  await writeFile(file, '');
  for (let kibibytes = 1024; kibibytes >= 4; kibibytes /= 2) {
    for (let full = false; !full; ) {
      full = await appendFile(file, Buffer.alloc(kibibytes * 1024)).then(
        () => false,
        () => true,
      );
    }
  }
}
