/** Who has the last word, who is in a group, and what an armed host gets. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign } from '../../src/boot/decide.ts';
import { type Deployment, draft, step } from '../../src/boot/deployment.ts';
import type { Machine, MachineFacts } from '../../src/boot/facts.ts';
import { isMember, matches } from '../../src/boot/group.ts';
import { formatOrigin, LEVELS, layersOf, settleVars } from '../../src/boot/precedence.ts';
import { findShadowed } from '../../src/boot/route-cover.ts';
import { fileRouteSchema } from '../../src/boot/routes-file.ts';
import type { Mac } from '../../src/net/mac.ts';
import { catalogOf, groupOf, hostOf, networkOf, profileOf } from '../support/catalogs.ts';

const MAC = '52:54:00:00:00:01' as Mac;
const profile = profileOf('p', { kind: 'menu', vars: { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 } });
const network = networkOf('lan', { mode: 'server', interface: 'eth0', vars: { b: 2, c: 2, d: 2, e: 2, f: 2 } });
const low = groupOf('low', { priority: 1, select: { networks: ['lan'] }, vars: { c: 3, d: 3, e: 3, f: 3 } });
const high = groupOf('high', { priority: 2, select: { networks: ['lan'] }, vars: { d: 4, e: 4, f: 4 } });
const host = hostOf('h', { macs: [MAC], vars: { e: 5, f: 5 } });

function deployment(more: Partial<Deployment> = {}): Deployment {
  const order = {
    id: 'd1',
    host: 'h',
    attempts: 1,
    spendOn: 'answer',
    deadline: 9e15,
    createdAt: 0,
    createdBy: 'ann',
  } as const;
  const made = draft({ ...order, profile, loop: { boots: 4, minutes: 30 }, vars: { f: 6 } });
  return { ...step(made, { kind: 'arm', at: 1, by: 'ann' }).deployment, ...more };
}

describe('layers', () => {
  it('go from the settings to the deployment, and each value says where it was written', () => {
    const defaults = { vars: { z: 0, a: 0 } };
    const layers = layersOf({ defaults, profile, network, groups: [low, high], host, deployment: deployment() });
    const settled = [...settleVars(layers)].map(
      ([name, { value, origin }]) => `${name}=${value} ${formatOrigin(origin)}`,
    );
    expect(settled.sort()).toEqual([
      'a=1 profile "p"',
      'b=2 network "lan"',
      'c=3 group "low"',
      'd=4 group "high"',
      'e=5 host "h"',
      'f=6 deployment "d1"',
      'z=0 settings',
    ]);
    const order = layers.map(({ origin }) => LEVELS.indexOf(origin.level));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  it('takes __proto__ for a name like any other', () => {
    const vars = JSON.parse('{"__proto__": {"polluted": true}}');
    expect(settleVars(layersOf({ host: { ...host, vars } })).get('__proto__')?.value).toEqual({ polluted: true });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it("a parameter's default is below its profile's own values", () => {
    const typed = profileOf('t', {
      kind: 'menu',
      vars: { a: 2 },
      params: { properties: { a: { default: 1 }, b: { default: 1 } } },
    });
    const vars = settleVars(layersOf({ profile: typed }));
    expect([vars.get('a')?.value, vars.get('b')?.value]).toEqual([2, 1]);
  });
});

describe('a group', () => {
  const facts: MachineFacts = {
    mac: 'b8:27:eb:00:00:01' as Mac,
    network: 'lab',
    archCodes: [11],
    vendorClass: 'PXEClient:Arch:00011:UNDI:003000',
    circuitId: '6574682d30',
    smbios: { manufacturer: 'Dell Inc.' },
  };
  it.each([
    [{ macs: ['b8:27:eb'] }, true],
    [{ macs: ['52:54:00'] }, false],
    [{ archs: ['uefi-arm64'] }, true],
    [{ archs: [7] }, false],
    [{ classes: ['pxeclient*'] }, true],
    [{ networks: ['lab'] }, true],
    [{ circuits: ['eth-*'] }, true],
    [{ circuits: ['6574682d30'] }, true],
    [{ smbios: { manufacturer: 'dell*' } }, true],
    [{ smbios: { manufacturer: 'dell*', product: '*' } }, false],
    [{ labels: { rack: '*' } }, false],
    [{ macs: ['b8:27:eb'], networks: ['lan'] }, false],
  ])('%j', (select, expected) => {
    expect(isMember(groupOf('g', { select }), { facts })).toBe(expected);
  });

  it('selects hosts by label and by any of their cards', () => {
    const member = { host: hostOf('h', { macs: [MAC, 'b8:27:eb:00:00:02'], labels: { rack: 'r1' } }) };
    expect(isMember(groupOf('g', { select: { labels: { rack: 'r*' }, macs: ['b8:27:eb'] } }), member)).toBe(true);
  });

  it('a star takes any text, whatever stands around it', () => {
    const text = fc.string().filter((one) => !one.includes('*'));
    fc.assert(fc.property(text, text, text, (a, b, c) => matches(`${a}*${c}`, a + b + c)));
    expect([matches('a*a', 'a'), matches('*', ''), matches('a*b*c', 'acb')]).toEqual([false, true, false]);
  });
});

describe('an assignment', () => {
  const install = { kind: 'install', kernel: 'linux' };
  const profiles = { install, live: { kind: 'live', kernel: 'linux' } };
  const catalogWith = (found: Deployment | undefined, more: object = {}) =>
    catalogOf({
      hosts: { h: { macs: [MAC], profile: 'install', ...more } },
      profiles,
      deployments: { find: () => found },
    });
  const armed = deployment({ profile: profileOf('install', install) });
  const got = (found: Deployment | undefined, purpose: 'boot' | 'answer' = 'boot', more: object = {}) => {
    const catalog = catalogWith(found, more);
    return assign(catalog, { host: catalog.hosts.get('h'), purpose }).assignment;
  };

  it('is the local disk until it is armed', () => {
    expect(got(undefined)).toMatchObject({ kind: 'local', reason: expect.stringContaining('assigned, not armed') });
    expect(got({ ...armed, state: 'draft' })).toMatchObject({ kind: 'local' });
  });

  it('is the profile that was pinned while it is armed, whatever its file says now', () => {
    const pinned = { ...armed.profile, kernel: 'older' };
    expect(got({ ...armed, profile: pinned })).toMatchObject({ kind: 'profile', profile: { kernel: 'older' } });
  });

  it('lets an installation read its answers and its machine boot what it wrote', () => {
    const installing: Deployment = { ...armed, state: 'installing', spent: 1 };
    expect(got(installing, 'answer')).toMatchObject({ kind: 'profile' });
    expect(got(installing, 'boot')).toMatchObject({ kind: 'local' });
  });

  it.each(['local', 'blocked', 'ignore'])('policy %s goes before a deployment', (policy) => {
    expect(got(armed, 'boot', { policy }).kind).not.toBe('profile');
  });

  it('comes from the group with the highest priority for a host that names none', () => {
    const groups = {
      low: { select: { macs: ['52:54:00'] }, profile: 'install' },
      high: { priority: 5, select: { macs: ['52:54:00'] }, profile: 'live' },
    };
    const catalog = catalogOf({ hosts: { h: { macs: [MAC] } }, profiles, groups });
    expect(assign(catalog, { host: catalog.hosts.get('h') }).assignment).toMatchObject({ profile: { name: 'live' } });
  });

  it('strangers get a group’s profile, never one that writes to disks', () => {
    const stranger = (profile: string) => {
      const catalog = catalogOf({ profiles, groups: { g: { select: { macs: ['52:54:00'] }, profile } } });
      return assign(catalog, { mac: MAC }).assignment;
    };
    expect(stranger('live')).toMatchObject({ kind: 'profile', profile: { name: 'live' } });
    expect(stranger('install')).toMatchObject({ kind: 'local' });
  });

  it.each(['ignored', 'blocked'] as const)('a stranger that is %s gets nothing', (standing) => {
    const machine: Machine = { mac: MAC, facts: { mac: MAC }, standing, firstSeenAt: 0, lastSeenAt: 0, times: 1 };
    const catalog = catalogOf({ profiles, machines: { find: () => machine } });
    expect(assign(catalog, { mac: MAC }).assignment.kind).toBe('none');
  });

  it('a method that firmware does not know gives way to the default, and says so', () => {
    const catalog = catalogOf({ hosts: { h: { macs: [MAC], localBoot: 'efi-chain' } } });
    const ask = (code: number) =>
      assign(catalog, { host: catalog.hosts.get('h'), facts: { mac: MAC, archCodes: [code] } });
    expect(ask(7).assignment).toMatchObject({ method: 'efi-chain' });
    expect(ask(0).assignment).toMatchObject({ method: 'no-offer' });
    expect(ask(0).rules).toContainEqual(expect.objectContaining({ rule: 'local boot' }));
  });
});

describe('a row that no path reaches', () => {
  const row = (path: string, kind: 'image' | 'upload' = 'image') => fileRouteSchema.parse({ path, [kind]: 'x' });
  it.each([
    [['*rest', 'a/b'], [1]],
    [['a/*rest', 'a/:name/c', 'b/a'], [1]],
    [
      ['**/grub.cfg', 'grub/grub.cfg', 'grub.cfg'],
      [1, 2],
    ],
    [['x/:mac.cfg', 'x/:uuid.cfg', 'x/:mac.cfg'], [2]],
    [
      ['x/:name', 'x/:mac', 'x/lit', 'y/lit'],
      [1, 2],
    ],
    [[':module.c32', 'menu.cfg', '*path'], []],
  ])('%j', (paths, shadowed) => {
    expect(findShadowed(paths.map((path) => row(path))).map(({ index }) => index)).toEqual(shadowed);
  });

  it('uploads that are not read hide no reads', () => {
    expect(findShadowed([row('*all', 'upload'), row('a')])).toEqual([]);
    expect(findShadowed([row('*all', 'upload'), row('a', 'upload')])).toHaveLength(1);
  });
});
