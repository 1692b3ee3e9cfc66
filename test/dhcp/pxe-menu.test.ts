/** The menu of BIOS firmware itself: shown by an offer, its choice answered, and never to anybody else (D-72, D-73). */
import { describe, expect, test } from 'vitest';
import { profileSchema } from '../../src/boot/profile.ts';
import { formatSubOptions } from '../../src/dhcp/options.ts';
import type { Packet } from '../../src/dhcp/packet.ts';
import { bytes, CLIENTS, ipv4, mac, makeWorld, request, SERVER } from '../support/dhcp-world.ts';

const MENU = {
  prompt: 'Press F8',
  timeoutSeconds: 5,
  items: [
    { title: 'iPXE', loader: 'ipxe' },
    { title: 'Old kernels', loader: 'pxelinux' },
    { title: 'Memory test', file: 'memtest/memtest.0' },
    { title: 'Local disk', local: true },
  ],
};
const HOSTS = { web: { macs: [mac(1)], profile: 'rescue', address: '10.77.0.50' } };
const PROFILES = { rescue: { kind: 'live', kernel: 'k', pxeMenu: MENU } };
const ASKED = ipv4('10.77.0.50');

const world = (
  mode: 'server' | 'proxy',
  profile: object = PROFILES.rescue,
  more: { network?: object; installed?: string[] } = {},
) =>
  makeWorld({
    network: { mode, ...(mode === 'proxy' && { pools: [] }), ...more.network },
    hosts: HOSTS,
    profiles: { rescue: { ...profile } },
    ...(more.installed && { installed: more.installed }),
  });
const menuLines = ({ options }: Packet) => formatSubOptions(43, options.get(43) ?? new Uint8Array(), 'PXEClient');
const bootItem = (type: string) => bytes(`4704 ${type} 0000 ff`);
const choose = (type: string, more: Parameters<typeof request>[1] = {}) =>
  request('REQUEST', {
    ciaddr: ASKED,
    options: { ...CLIENTS['BIOS ROM'], 60: 'PXEClient', 43: bootItem(type) },
    ...more,
  });

describe.each(['server', 'proxy'] as const)('D-72: the menu of BIOS firmware in %s mode', (mode) => {
  test('is in the offer: discovery control, servers, lines and prompt, and no file that would be taken instead', () => {
    const { packet } = world(mode).reply(request('DISCOVER', { options: CLIENTS['BIOS ROM'] }));
    expect(menuLines(packet)).toEqual([
      '6 discovery-control: 7 (no broadcast, no multicast, only listed servers)',
      `8 boot-servers: type 32768 at ${SERVER}, type 32769 at ${SERVER}, type 32770 at ${SERVER}`,
      '9 boot-menu: type 32768 "iPXE", type 32769 "Old kernels", type 32770 "Memory test", type 0 "Local disk"',
      '10 menu-prompt: "Press F8" 5 s',
    ]);
    expect([packet.file, packet.options.has(67), packet.siaddr]).toEqual(['', false, SERVER]);
    expect(packet.options.get(60)).toEqual(bytes('505845436c69656e74'));
    expect(packet.options.get(97)).toEqual(CLIENTS['BIOS ROM'][97]);
  });

  test.each([
    ['the loader of a line', '8001', 'pxelinux.0'],
    ['the file of a line', '8002', 'memtest/memtest.0'],
    ['iPXE', '8000', 'ipxe/undionly.kpxe'],
  ])('gives %s to the machine that chose it, and repeats the choice (D-73)', (_, type, file) => {
    for (const localPort of [4011, 67]) {
      const { message, packet, reason, leases } = world(mode).reply(choose(type), { localPort });
      expect([message, packet.file, packet.siaddr, packet.yiaddr]).toEqual(['ACK', file, SERVER, '0.0.0.0']);
      expect(packet.options.get(43)).toEqual(bytes(`060108 4704${type}0000 ff`));
      expect([packet.options.has(51), leases]).toEqual([false, []]);
      expect(reason).toContain('of the PXE menu');
    }
  });

  test.each(['8003', '0000', '0001'])('is silent to a choice that is none of ours: %s', (type) => {
    const outcome = world(mode).ask(choose(type), { localPort: 4011 });
    expect(outcome).toMatchObject({ kind: 'ignore', routine: false });
  });

  test.each(['UEFI x64', 'UEFI HTTP x64', 'iPXE BIOS', 'iPXE UEFI', 'undionly behind a proxy'] as const)(
    'is never shown to %s',
    (name) => {
      const { packet } = world(mode).reply(request('DISCOVER', { options: CLIENTS[name] }));
      expect(menuLines(packet)?.join() ?? '').not.toMatch(/boot-menu|boot-servers/);
    },
  );

  test('with one line that is a loader is no menu: the loader comes at once', () => {
    const one = { ...PROFILES.rescue, pxeMenu: { items: [{ title: 'Old kernels', loader: 'pxelinux' }] } };
    const { packet } = world(mode, one).reply(request('DISCOVER', { options: CLIENTS['BIOS ROM'] }));
    expect(packet.file).toBe('pxelinux.0');
    expect(menuLines(packet)?.join() ?? '').not.toContain('boot-menu');
  });

  test('leaves out what is not installed, says so, and keeps the other lines’ numbers', () => {
    const lacking = world(mode, PROFILES.rescue, { installed: ['pxelinux/pxelinux.0'] });
    const { packet, decision } = lacking.reply(request('DISCOVER', { options: CLIENTS['BIOS ROM'] }));
    expect(menuLines(packet)?.[2]).toBe(
      '9 boot-menu: type 32769 "Old kernels", type 32770 "Memory test", type 0 "Local disk"',
    );
    expect(decision?.rules.find(({ rule }) => rule === 'PXE menu')?.because).toContain('no ipxe for BIOS is installed');
  });

  test('of the network wins over that of the profile', () => {
    const pxeMenu = { timeoutSeconds: 'never', items: MENU.items.slice(1) };
    const { packet, decision } = world(mode, PROFILES.rescue, { network: { pxeMenu } }).reply(
      request('DISCOVER', { options: CLIENTS['BIOS ROM'] }),
    );
    expect(menuLines(packet)?.[3]).toBe('10 menu-prompt: "Press F8 for the menu" for ever');
    expect(decision?.rules).toContainEqual({ rule: 'PXE menu', matched: true, because: 'network "lab" has one' });
  });
});

test('D-69: a REQUEST for the lease goes on as ever: the menu is asked by 43.71 only', () => {
  const served = world('server');
  const { packet: offer } = served.reply(request('DISCOVER', { options: CLIENTS['BIOS ROM'] }));
  const options = { ...CLIENTS['BIOS ROM'], 50: '10.77.0.50', 54: SERVER };
  const { message, packet } = served.reply(request('REQUEST', { options }));
  expect([message, packet.yiaddr]).toEqual(['ACK', '10.77.0.50']);
  expect(packet.options.get(43)).toEqual(offer.options.get(43));
  expect(served.ask(request('REQUEST', { options: CLIENTS['UEFI x64'] }), { localPort: 4011 }).kind).toBe('ignore');
});

describe('what is written of a menu', () => {
  const parse = (pxeMenu: object) => profileSchema.safeParse({ kind: 'menu', pxeMenu });
  const messages = (pxeMenu: object) => parse(pxeMenu).error?.issues.map(({ message }) => message) ?? [];

  test.each([
    ['a line that says nothing', { items: [{ title: 'x' }] }, 'needs one of "loader", "file" and "local: true"'],
    ['a line that says two things', { items: [{ title: 'x', loader: 'ipxe', local: true }] }, 'needs one of'],
    ['letters no ROM has', { items: [{ title: 'Größe', loader: 'ipxe' }] }, 'ASCII'],
    ['a wait that would be "never"', { timeoutSeconds: 255, items: [{ title: 'x', local: true }] }, ''],
    ['a file outside', { items: [{ title: 'x', file: '../x' }] }, 'must not contain ".."'],
  ])('%s is refused', (_, menu, message) => {
    expect(messages(menu).join()).toContain(message);
    expect(parse(menu).success).toBe(false);
  });

  test('more than a ROM reads is refused with the size, and the longest menu that is taken fits', () => {
    const menu = (length: number) => ({
      prompt: 'p',
      items: Array.from({ length: 8 }, () => ({ title: 'x'.repeat(length), loader: 'ipxe' })),
    });
    let length = 1;
    while (parse(menu(length + 1)).success) length++;
    expect(messages(menu(length + 1)).join()).toMatch(/takes 2\d\d bytes, and firmware reads 255/);
    const { packet } = world('server', { kind: 'live', kernel: 'k', pxeMenu: menu(length) }).reply(
      request('DISCOVER', { options: CLIENTS['BIOS ROM'] }),
    );
    const size = packet.options.get(43)?.length ?? 0;
    expect(size).toBeLessThanOrEqual(255);
    expect(size).toBeGreaterThan(255 - 9);
  });
});
