import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canCreateNamespaces, createLan, type Lan } from '../support/netns.ts';

const APPLIANCE = fileURLToPath(new URL('../support/dhcp-appliance.ts', import.meta.url));
const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const isAble = canCreateNamespaces();
if (!isAble) console.warn('SKIPPED: other servers and used addresses on a wire, which needs root and the ip command');

const NETWORK = { subnet: '10.91.7.0/24', mode: 'server', pools: ['10.91.7.100-10.91.7.110'] };

describe.skipIf(!isAble)('a wire with others on it', () => {
  let lan: Lan;
  let folder: string;

  beforeEach(async () => {
    lan = await createLan({
      prefix: 'dhcp-wire',
      hosts: ['server', 'other', { name: 'client', address: false }],
      subnet: '10.91.7.0/24',
    });
    folder = mkdtempSync(join(tmpdir(), 'dhcp-wire-'));
  });
  afterEach(async () => {
    await lan.close();
    rmSync(folder, { recursive: true });
  });

  /** The appliance on a host of the LAN; resolves to a way to wait for its lines. */
  async function start(host: string, network: object) {
    const file = join(folder, `${host}.json`);
    const settings = {
      maker: 'device',
      networks: { lab: network },
      leases: join(folder, `${host}.leases`),
      wires: true,
    };
    writeFileSync(file, JSON.stringify(settings));
    const child = lan.spawn(host, [process.execPath, APPLIANCE, file]);
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    createInterface({ input: child.stderr }).on('line', (line) => lines.push(`stderr ${line}`));
    const line = async (pattern: RegExp): Promise<string> => {
      for (let turn = 0; turn < 400; turn++) {
        const found = lines.find((candidate) => pattern.test(candidate));
        if (found) return found;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`no line matches ${pattern}:\n${lines.join('\n')}`);
    };
    await line(/^ready /);
    return { line, lines };
  }

  const askForAddress = () =>
    lan.exec('client', ['busybox', 'udhcpc', '-i', 'eth0', '-n', '-q', '-t', '3', '-T', '2', '-s', '/bin/true']);

  it('D-33: a new pool is held back while another server answers', async () => {
    await start('other', { ...NETWORK, shareWire: true, pools: ['10.91.7.50-10.91.7.60'] });
    const server = await start('server', NETWORK);
    const held = await server.line(/gives nothing/);
    expect(held).toContain('DHCP server 10.91.7.2 answers there');
    const { stdout, stderr } = await askForAddress();
    expect(stdout + stderr).toMatch(/lease of 10\.91\.7\.5\d obtained/);
    expect(server.lines.filter((line) => line.startsWith('event dhcp.offer'))).toEqual([]);
  }, 40_000);

  it('who asked once, while the wire was still heard, is answered when the pool is opened', async () => {
    const server = await start('server', NETWORK);
    expect(await server.line(/^event dhcp.foreign .*pool of which nobody has a lease yet/)).toContain('for 4 s');
    const once = ['busybox', 'udhcpc', '-i', 'eth0', '-n', '-q', '-t', '1', '-T', '15', '-s', '/bin/true'];
    const { stdout, stderr } = await lan.exec('client', once);
    expect(stdout + stderr).toMatch(/lease of 10\.91\.7\.1\d\d obtained/);
    expect(server.lines.filter((line) => /^event dhcp.ignored .*is new/.test(line))).toHaveLength(1);
  }, 40_000);

  it('D-33: a new pool is opened where nobody answers; D-27: an address in use is found out and left alone', async () => {
    // Somebody took the first address of the pool by hand.
    await lan.run('other', ['ip', 'addr', 'add', '10.91.7.100/24', 'dev', 'eth0']);
    const server = await start('server', NETWORK);
    await server.line(/is served: no other DHCP server answered/);
    const { stdout, stderr } = await askForAddress();
    expect(stdout + stderr).toContain('10.91.7.101');
    expect(await server.line(/^event dhcp.conflict/)).toContain(lan.host('other').mac);
  }, 40_000);

  /** `hobnail serve --isolated` in an empty directory, until it is up or has ended. */
  async function serveIsolated() {
    const child = lan.spawn('server', [process.execPath, CLI, 'serve', '--isolated', 'eth0'], { cwd: folder });
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
    });
    child.stderr.on('data', (text) => {
      output += text;
    });
    let code: number | undefined;
    const ended = new Promise<void>((resolve) => {
      child.once('exit', (status) => {
        code = status ?? -1;
        resolve();
      });
    });
    for (let turn = 0; turn < 400 && code === undefined && !output.includes('Hobnail is up'); turn++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return {
      code: () => code,
      output: () => output,
      stop: async () => {
        child.kill('SIGTERM');
        await ended;
      },
    };
  }

  it('an isolated interface is a whole network by itself', async () => {
    const server = await serveIsolated();
    expect(server.output()).toContain('Hobnail is up');
    const { stdout, stderr } = await askForAddress();
    expect(stdout + stderr).toMatch(/lease of 10\.91\.7\.\d+ obtained from 10\.91\.7\.1/);
    await server.stop();
  }, 60_000);

  it('an interface is not isolated where another server answers: it refuses to start', async () => {
    await start('other', { ...NETWORK, shareWire: true });
    const server = await serveIsolated();
    expect(server.code()).toBe(4);
    expect(server.output()).toContain('eth0 is not isolated: DHCP server 10.91.7.2 answers there');
  }, 60_000);
});
