/** What each machine should get, and why. */
import { describe, expect, it } from 'vitest';
import { type BootClient, type ClientKind, chooseArchitecture } from '../../src/boot/client.ts';
import { BUILT_IN_MENU, decide, scriptPath } from '../../src/boot/decide.ts';
import { parseMac } from '../../src/net/mac.ts';
import { catalogOf, networkOf } from '../support/catalogs.ts';

const mac = (text: string) => {
  const parsed = parseMac(text);
  if (!parsed) throw new Error(text);
  return parsed;
};
const client = (address: string, kind: ClientKind, ...codes: number[]): BootClient => {
  const arch = chooseArchitecture(codes);
  return { mac: mac(address), kind, archCodes: codes, userClasses: [], ...(arch && { arch }) };
};

const catalog = catalogOf({
  hosts: {
    live: { macs: ['52:54:00:00:00:01'], profile: 'live' },
    install: { macs: ['52:54:00:00:00:02'], profile: 'install' },
    bare: { macs: ['52:54:00:00:00:03'] },
    shut: { macs: ['52:54:00:00:00:04'], profile: 'live', policy: 'blocked' },
    unseen: { macs: ['52:54:00:00:00:05'], policy: 'ignore' },
    local: { macs: ['52:54:00:00:00:06'], profile: 'live', policy: 'local', localBoot: 'exit' },
    phone: { macs: ['52:54:00:00:00:07'], profile: 'phone' },
    grub: { macs: ['52:54:00:00:00:08'], profile: 'live', loader: 'grub' },
    odd: { macs: ['52:54:00:00:00:09'], profile: 'live', loader: 'pxelinux' },
  },
  profiles: {
    live: { kind: 'live', kernel: 'linux' },
    install: { kind: 'install', kernel: 'linux' },
    phone: { kind: 'phone' },
  },
  installed: ['ipxe/undionly.kpxe', 'pxelinux/pxelinux.0', 'ipxe/snponly.efi', 'grub/grubnetx64.efi'],
});
const network = networkOf('lan', { mode: 'server', interface: 'eth0', unknown: 'menu' });
const ignore = networkOf('lan', { mode: 'server', interface: 'eth0', unknown: 'ignore' });
const STRANGER = '52:54:00:00:00:99';

describe('decide (D-79)', () => {
  it.each([
    ['BIOS of a live host gets undionly', client('52:54:00:00:00:01', 'pxe', 0), 'loader tftp ipxe/undionly.kpxe'],
    ['x64 UEFI gets snponly', client('52:54:00:00:00:01', 'pxe', 7), 'loader tftp ipxe/snponly.efi'],
    ['architecture 9 is x64 as well', client('52:54:00:00:00:01', 'pxe', 9), 'loader tftp ipxe/snponly.efi'],
    ['HTTP boot gets it by http', client('52:54:00:00:00:01', 'http', 16), 'loader http ipxe/snponly.efi'],
    [
      'HTTPClient gets a URL whatever its architecture says',
      client('52:54:00:00:00:01', 'http', 7),
      'loader http ipxe/snponly.efi',
    ],
    [
      'PXEClient gets a path whatever its architecture says',
      client('52:54:00:00:00:01', 'pxe', 16),
      'loader tftp ipxe/snponly.efi',
    ],
    ['the host chooses its loader', client('52:54:00:00:00:08', 'pxe', 7), 'loader tftp grub/grubnetx64.efi'],
    [
      'a loader that does not exist for a firmware falls back',
      client('52:54:00:00:00:09', 'pxe', 7),
      'loader tftp ipxe/snponly.efi',
    ],
    ['iPXE gets its script', client('52:54:00:00:00:01', 'ipxe', 0), 'script http ipxe/52-54-00-00-00-01.ipxe'],
    ['a destructive profile is not served by assignment', client('52:54:00:00:00:02', 'pxe', 0), 'ignore'],
    ['a host without profile is left to its disk', client('52:54:00:00:00:03', 'pxe', 0), 'ignore'],
    ['a blocked host gets nothing', client('52:54:00:00:00:04', 'pxe', 0), 'ignore'],
    ['an ignored host gets nothing', client('52:54:00:00:00:05', 'pxe', 0), 'ignore'],
    [
      'a local host that leaves by iPXE gets the loader',
      client('52:54:00:00:00:06', 'pxe', 0),
      'loader tftp ipxe/undionly.kpxe',
    ],
    ['a phone gets no loader', client('52:54:00:00:00:07', 'pxe', 0), 'ignore'],
    ['a client that is not booting gets no boot answer', client('52:54:00:00:00:01', 'other'), 'ignore'],
    ['no architecture, no loader', client('52:54:00:00:00:01', 'pxe'), 'ignore'],
    ['an architecture without loader gets none', client('52:54:00:00:00:01', 'pxe', 12), 'ignore'],
    ['a loader that is not installed is not offered', client('52:54:00:00:00:01', 'pxe', 11), 'ignore'],
    ['a stranger gets the menu', client(STRANGER, 'ipxe', 0), 'script http ipxe/52-54-00-00-00-99.ipxe'],
  ])('%s', (_, who, expected) => {
    const { plan } = decide(who, catalog, network);
    const said =
      plan.kind === 'loader'
        ? `loader ${plan.transport} ${plan.loader.path}`
        : plan.kind === 'script'
          ? `script ${plan.transport} ${plan.path}`
          : plan.kind;
    expect(said).toBe(expected);
    expect(plan.reason).not.toBe('');
  });

  it('tells why each loader was passed over, and marks the one that was taken', () => {
    const { rules } = decide(client('52:54:00:00:00:09', 'pxe', 7), catalog, network);
    expect(rules.filter(({ rule }) => rule === 'loader')).toEqual([
      { rule: 'loader', matched: false, because: 'pxelinux has no build for uefi-x64' },
      { rule: 'loader', matched: true, because: 'ipxe: boot-images/ipxe/snponly.efi' },
    ]);
  });

  it('says what to do when no loader is installed', () => {
    expect(decide(client('52:54:00:00:00:01', 'pxe', 11), catalog, network).plan.reason).toContain(
      'hobnail images pull',
    );
  });

  it('ignores strangers where the network says so', () => {
    expect(decide(client(STRANGER, 'pxe', 0), catalog, ignore).plan.kind).toBe('ignore');
  });

  it('never gives a destructive profile to a stranger, not even from a snapshot that should not exist', () => {
    const bad = networkOf('lan', { mode: 'server', interface: 'eth0', unknown: 'install' });
    expect(decide(client(STRANGER, 'ipxe', 0), catalog, bad).assignment).toMatchObject({ kind: 'local' });
  });

  it('has a menu of its own when nobody wrote one', () => {
    expect(decide(client(STRANGER, 'pxe', 0), catalog, network).assignment).toMatchObject({ profile: BUILT_IN_MENU });
  });

  it('finds a host by UUID when the MAC is not known', () => {
    const uuid = '77777777-0000-4000-8000-000000000001';
    const one = catalogOf({ hosts: { web: { macs: ['52:54:00:00:00:01'], uuid } } });
    expect(decide({ ...client(STRANGER, 'pxe', 0), uuid }, one, network).host?.name).toBe('web');
  });

  it('names the script by a MAC of the host when another card of the machine asks, so that it is the host’s script', () => {
    const uuid = '77777777-0000-4000-8000-000000000001';
    const one = catalogOf({
      hosts: { web: { macs: ['52:54:00:00:00:01', '52:54:00:00:00:02'], uuid, profile: 'live' } },
      profiles: { live: { kind: 'live', kernel: 'linux' } },
    });
    const path = (address: string) => {
      const { plan } = decide({ ...client(address, 'ipxe', 0), uuid }, one, network);
      return plan.kind === 'script' ? plan.path : plan.reason;
    };
    expect(path(STRANGER)).toBe('ipxe/52-54-00-00-00-01.ipxe');
    expect(path('52:54:00:00:00:02')).toBe('ipxe/52-54-00-00-00-02.ipxe');
  });

  it('names the script by MAC with hyphens', () => {
    expect(scriptPath(mac('525400AABBCC'))).toBe('ipxe/52-54-00-aa-bb-cc.ipxe');
  });
});
