import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { canCreateNamespaces, createLan, type Lan } from '../support/netns.ts';

const PREFIX = 'dhcp-server';
const APPLIANCE = fileURLToPath(new URL('../support/dhcp-appliance.ts', import.meta.url));
const isAble = canCreateNamespaces();
if (!isAble) console.warn('SKIPPED: DHCP with real clients, which needs root and the ip command');

const NETWORK = {
  one: {
    subnet: '10.91.1.0/24',
    mode: 'server',
    pools: ['10.91.1.100-10.91.1.110'],
    router: '10.91.1.254',
    dns: ['10.91.1.53'],
  },
  two: { subnet: '10.91.2.0/24', mode: 'server', pools: ['10.91.2.100-10.91.2.110'], authoritative: true },
};

describe.skipIf(!isAble)('real clients', () => {
  let one: Lan;
  let two: Lan;
  let folder: string;
  let leases: string;

  beforeAll(async () => {
    one = await createLan({
      prefix: PREFIX,
      hosts: ['server', { name: 'client', address: false }, { name: 'other', address: false }],
      subnet: '10.91.1.0/24',
    });
    two = await createLan({
      prefix: PREFIX,
      hosts: [
        { name: 'server', joins: one.host('server') },
        { name: 'client', address: false },
      ],
      subnet: '10.91.2.0/24',
    });
    folder = mkdtempSync(join(tmpdir(), 'dhcp-server-'));
  });
  afterAll(async () => {
    await two?.close();
    await one?.close();
    if (folder) rmSync(folder, { recursive: true });
  });
  beforeEach(async ({ task }) => {
    leases = join(folder, `${task.id}.leases`);
    for (const [lan, host] of [
      [one, 'client'],
      [one, 'other'],
      [two, 'client'],
    ] as const) {
      await lan.run(host, ['ip', 'addr', 'flush', 'dev', 'eth0']);
    }
  });

  /** The appliance in the server's namespace, with its output as lines to wait for. */
  async function startServer(settings: { maker?: string; networks?: object; hosts?: object } = {}) {
    const file = join(folder, 'settings.json');
    writeFileSync(file, JSON.stringify({ maker: 'device', networks: NETWORK, leases, ...settings }));
    const child = one.spawn('server', [process.execPath, APPLIANCE, file]);
    const lines: string[] = [];
    const waiting = new Set<() => void>();
    const take = (line: string) => {
      lines.push(line);
      for (const wake of waiting) wake();
    };
    createInterface({ input: child.stdout }).on('line', take);
    createInterface({ input: child.stderr }).on('line', (line) => take(`stderr ${line}`));
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    /** The first line that matches; fails after twenty seconds with all there was. */
    const line = async (pattern: RegExp): Promise<string> => {
      const deadline = Date.now() + 20_000;
      for (;;) {
        const found = lines.find((candidate) => pattern.test(candidate));
        if (found) return found;
        if (Date.now() > deadline) throw new Error(`no line matches ${pattern}:\n${lines.join('\n')}`);
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        await Promise.race([promise, new Promise((wake) => setTimeout(wake, 200))]);
        waiting.delete(resolve);
      }
    };
    const stop = async (signal: NodeJS.Signals) => {
      child.kill(signal);
      await exited;
    };
    await line(/^ready /);
    return { line, lines, stop, [Symbol.asyncDispose]: () => stop('SIGTERM') };
  }

  /** A script for udhcpc or dhclient that configures the interface and prints what it was given. */
  function script(client: string, body: string): string {
    const file = join(folder, `${client}-script`);
    writeFileSync(file, `#!/bin/sh\n${body}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  const udhcpcScript = () =>
    script(
      'udhcpc',
      'case "$1" in bound|renew) ip addr replace $ip/24 dev $interface; echo "$1 $ip mask $subnet router $router dns $dns lease $lease";; deconfig) ip addr flush dev $interface;; esac',
    );
  const udhcpc = (...more: string[]) => [
    'udhcpc',
    '-i',
    'eth0',
    '-f',
    '-t',
    '4',
    '-T',
    '1',
    '-s',
    udhcpcScript(),
    ...more,
  ];

  it('udhcpc is given an address by a frame of its own, with what it asked for', async () => {
    await using server = await startServer({
      hosts: { web: { macs: [one.host('other').mac], address: '10.91.1.20' } },
    });
    expect(await one.run('client', udhcpc('-n', '-q'))).toContain(
      'bound 10.91.1.100 mask 255.255.255.0 router 10.91.1.254 dns 10.91.1.53 lease 3600',
    );
    expect(await server.line(/^event dhcp.ack .* 10.91.1.100 /)).toContain('by packet');
    expect(await one.run('other', udhcpc('-n', '-q'))).toContain('bound 10.91.1.20 ');
    expect(readFileSync(leases, 'utf8')).toContain('"address":"10.91.1.20"');
  });

  it('udhcpc renews by unicast and gives its address back', async () => {
    await using server = await startServer();
    const client = one.spawn('client', udhcpc());
    await server.line(/^event dhcp.ack .* it took our offer/);
    await expect.poll(() => one.run('client', ['ip', '-4', 'addr', 'show', 'eth0'])).toContain('10.91.1.100/24');
    client.kill('SIGUSR1');
    expect(await server.line(/^event dhcp.ack .* it renews/)).toContain('by unicast');
    client.kill('SIGUSR2');
    await server.line(/^event dhcp.release .* 10.91.1.100 /);
    client.kill('SIGTERM');
  });

  it('dhclient is given an address, and the same when it starts again', async () => {
    await using server = await startServer();
    const run = (...more: string[]) => [
      ...[
        'dhclient',
        '-1',
        '-v',
        '-sf',
        script('dhclient', '[ -n "$new_ip_address" ] && ip addr replace $new_ip_address/24 dev $interface; exit 0'),
      ],
      ...['-lf', join(folder, 'dhclient.leases'), '-pf', join(folder, 'dhclient.pid'), ...more, 'eth0'],
    ];
    const first = await one.exec('client', run());
    expect(first.stderr).toContain('bound to 10.91.1.100');
    // It writes the file when it has gone into the background.
    const pidFile = join(folder, 'dhclient.pid');
    await expect.poll(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8')).toMatch(/^\d+\n/);
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
    expect((await one.exec('client', run())).stderr).toContain('DHCPACK of 10.91.1.100');
    await server.line(/^event dhcp.ack .* it started again/);
    await one.exec('client', run('-r'));
    await server.line(/^event dhcp.release /);
  });

  it('a server killed with no warning comes back knowing what it acknowledged', async () => {
    const networks = { one: { ...NETWORK.one, pools: ['10.91.1.100-10.91.1.101'] } };
    const first = await startServer({ networks });
    expect(await one.run('client', udhcpc('-n', '-q'))).toContain('bound 10.91.1.100 ');
    await first.stop('SIGKILL');
    await using second = await startServer({ networks });
    expect(await one.run('other', udhcpc('-n', '-q'))).toContain('bound 10.91.1.101 ');
    expect(await one.run('client', udhcpc('-n', '-q'))).toContain('bound 10.91.1.100 ');
    await second.line(/^event dhcp.offer .*current lease/);
  });

  it.each(['device', 'portable'])('D-18: two LANs each get their own subnet: %s', async (maker) => {
    await using server = await startServer({ maker });
    const [left, right] = await Promise.all([
      one.run('client', udhcpc('-n', '-q')),
      two.run('client', udhcpc('-n', '-q')),
    ]);
    // With one ear for both LANs each client is offered an address on either, and may get the second of its own.
    expect(left).toMatch(/bound 10\.91\.1\.10[01] /);
    expect(right).toMatch(/bound 10\.91\.2\.10[01] /);
    expect(server.lines.filter((line) => /dhcp.nak|^log|^stderr/.test(line))).toEqual([]);
    const stored = readFileSync(leases, 'utf8').trim().split('\n');
    expect(stored).toHaveLength(2);
  });

  it('a proxy gives no address and stays silent to plain clients', async () => {
    await using server = await startServer({
      networks: { one: { subnet: '10.91.1.0/24', mode: 'proxy', unknown: 'menu' } },
    });
    expect((await one.exec('client', udhcpc('-n', '-q'), { timeoutMs: 15_000 })).code).not.toBe(0);
    const pxe = udhcpc('-n', '-q', '-V', 'PXEClient:Arch:00007:UNDI:003000', '-x', '0x5d:0007');
    await one.exec('client', pxe, { timeoutMs: 15_000 });
    expect(await server.line(/^event dhcp.offer /)).toContain('by broadcast');
    expect(existsSync(leases)).toBe(false);
  });
});
