/** Captured packets of real firmware, sent again on a wire of their own: what a proxy answers, and what it learns of it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReplayStep } from '../support/dhcp-replay.ts';
import { canCreateNamespaces, createLan, type Lan } from '../support/netns.ts';

const isAble = canCreateNamespaces();
if (!isAble) console.warn('SKIPPED: replayed packets of real firmware, which need root and the ip command');
const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const SERVER = '10.91.3.1';
const BROADCAST = { from: 68, to: '255.255.255.255', port: 67 };

/** The bytes of a fixture, with another card and another try. */
function captured(name: string, change: { xid: string; mac?: string; ciaddr?: string }): string {
  const text = readFileSync(file(`../fixtures/dhcp/client-${name}.txt`), 'utf8').split('\n----')[0] ?? '';
  const hex = text.replace(/#.*$/gm, '').replace(/\s/g, '');
  const put = (into: string, at: number, value: string) =>
    into.slice(0, 2 * at) + value + into.slice(2 * at + value.length);
  const tried = put(hex, 4, change.xid);
  const moved = change.ciaddr === undefined ? tried : put(tried, 12, change.ciaddr);
  return change.mac === undefined ? moved : put(moved, 28, change.mac);
}

interface Reply {
  readonly yiaddr: string;
  readonly siaddr: string;
  readonly file: string;
  /** Hex by code. */
  readonly options: Readonly<Record<number, string>>;
}

function read(line: string): Reply | undefined {
  if (line === '') return undefined;
  const packet = Buffer.from(line, 'hex');
  const options: Record<number, string> = {};
  for (let at = 240; at < packet.length && packet[at] !== 255; at += 2 + (packet[at + 1] ?? 0)) {
    options[packet[at] ?? 0] = packet.toString('hex', at + 2, at + 2 + (packet[at + 1] ?? 0));
  }
  const address = (at: number) => packet.subarray(at, at + 4).join('.');
  const name = packet.toString('latin1', 108, 236).split('\0')[0] ?? '';
  return { yiaddr: address(16), siaddr: address(20), file: name, options };
}

describe.skipIf(!isAble)('firmware, replayed on the wire of a proxy', () => {
  let lan: Lan;
  let folder: string;

  beforeAll(async () => {
    lan = await createLan({ prefix: 'dhcp-replay', hosts: ['server', 'client'], subnet: '10.91.3.0/24' });
    // Broadcasts of a program find no way without a route.
    await lan.run('client', ['ip', 'route', 'add', 'default', 'dev', 'eth0']);
    folder = mkdtempSync(join(tmpdir(), 'dhcp-replay-'));
    const settings = join(folder, 'settings.json');
    const document = {
      maker: 'device',
      networks: { one: { subnet: '10.91.3.0/24', mode: 'proxy', unknown: 'menu' } },
      leases: join(folder, 'leases'),
    };
    writeFileSync(settings, JSON.stringify(document));
    const child = lan.spawn('server', [process.execPath, file('../support/dhcp-appliance.ts'), settings]);
    await new Promise<void>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.startsWith('ready ')) resolve();
      });
    });
  });
  afterAll(async () => {
    await lan?.close();
    if (folder) rmSync(folder, { recursive: true });
  });

  async function replay(...steps: ReplayStep[]): Promise<(Reply | undefined)[]> {
    const program = file('../support/dhcp-replay.ts');
    const heard = await lan.run('client', [process.execPath, program, JSON.stringify(steps)]);
    return heard.split('\n').slice(0, steps.length).map(read);
  }
  const pause = () => new Promise((resolve) => setTimeout(resolve, 2100));

  test('D-65, D-66: UEFI that comes back with nothing fetched is offered the file; what then works is offered at once', async () => {
    const [first] = await replay({ ...BROADCAST, hex: captured('edk2-pxe-x64', { xid: '00000001' }) });
    expect(first).toMatchObject({ yiaddr: '0.0.0.0', siaddr: SERVER, file: '' });
    expect(first?.options[60]).toBe(Buffer.from('PXEClient').toString('hex'));
    expect(first?.options).not.toHaveProperty('43');

    await pause();
    const [second] = await replay({ ...BROADCAST, hex: captured('edk2-pxe-x64', { xid: '00000002' }) });
    expect(second).toMatchObject({ siaddr: SERVER, file: 'ipxe/snponly.efi' });
    expect(second?.options[43]).toBe('060108ff');
  });

  test('D-64, D-66: UEFI that asks port 4011 gets its file at the port it asked from, and goes on with that way', async () => {
    const mac = '525400007702';
    const ask = (xid: string) => ({ ...BROADCAST, hex: captured('edk2-pxe-x64', { xid, mac }) });
    const service = {
      hex: captured('edk2-pxe-x64-4011', { xid: '00000012', mac, ciaddr: '0a5b0302' }),
      ...{ from: 4011, to: SERVER, port: 4011 },
    };
    const [offer, ack] = await replay(ask('00000011'), service);
    expect(offer).toMatchObject({ file: '' });
    expect(ack).toMatchObject({ siaddr: SERVER, file: 'ipxe/snponly.efi', yiaddr: '0.0.0.0' });
    await pause();
    const [again] = await replay(ask('00000013'));
    expect(again).toMatchObject({ file: '' });
  });

  test('a boot ROM of BIOS is offered its file at once, and nobody else is answered', async () => {
    const [rom, plain] = await replay(
      {
        ...BROADCAST,
        hex: captured('pxe-rom-bios', { xid: '00000021', mac: '525400007703' }).replace(/^(.{20})0000/, '$18000'),
      },
      {
        ...BROADCAST,
        hex: captured('udhcpc', { xid: '00000022', mac: '525400007704' }).replace(/^(.{20})0000/, '$18000'),
      },
    );
    expect(rom).toMatchObject({ yiaddr: '0.0.0.0', file: 'ipxe/undionly.kpxe' });
    expect(plain).toBeUndefined();
  });

  test('D-81: a ROM with the address of a Raspberry Pi is told where its files are, in the words it looks for', async () => {
    const hex = captured('pxe-rom-bios', { xid: '00000031', mac: 'dca632000001' });
    const [pi] = await replay({ ...BROADCAST, hex });
    expect(pi).toMatchObject({ yiaddr: '0.0.0.0', siaddr: SERVER, file: '' });
    expect(Buffer.from(pi?.options[43] ?? '', 'hex').toString('latin1')).toContain('Raspberry Pi Boot');
    expect(Buffer.from(pi?.options[66] ?? '', 'hex').toString('latin1')).toBe(SERVER);
  });
});
