/** Where a value was written, and what it prevails over. */
import { describe, expect, it } from 'vitest';
import { formatSource, type SourcedValue, sourcesOf } from '../../src/boot/origins.ts';
import { layersOf } from '../../src/boot/precedence.ts';
import { NO_QUIRKS } from '../../src/boot/quirk.ts';
import { groupOf, hostOf, networkOf, profileOf } from '../support/catalogs.ts';

const macs = ['52:54:00:00:00:01'];
const host = hostOf('web01', { macs, vars: { disk: '/dev/vda' }, options: { 'tftp-server-name': 'a.example' } });
const layers = layersOf({
  defaults: { vars: { disk: '/dev/sda', zone: 'utc' }, loader: 'ipxe' },
  profile: profileOf('rescue', { kind: 'rescue', vars: { disk: '/dev/sdb' } }),
  network: networkOf('lab', { mode: 'proxy', interface: 'eth0', options: { 'tftp-server-name': 'b.example' } }),
  groups: [groupOf('rack', { priority: 1, select: { labels: { rack: 'a' } }, loader: 'grub', localBoot: 'exit' })],
  host,
});
const fields = (values: readonly SourcedValue[]) => values.map(formatSource);

describe('sources of values', () => {
  it('name the place of the last word and those it prevails over', () => {
    expect(fields(sourcesOf({ layers, quirks: NO_QUIRKS, host }))).toEqual([
      'loader = grub   from group "rack", over settings',
      'localBoot = exit   from group "rack"',
      'options.tftp-server-name = a.example   from host "web01", over network "lab"',
      'vars.disk = /dev/vda   from host "web01", over settings, profile "rescue"',
      'vars.zone = utc   from settings',
    ]);
  });

  it('count a quirk above all but the host, as the choice of a loader does', () => {
    const quirks = { actions: { loader: 'pxelinux' }, names: ['old-rom'] } as const;
    const loaderOf = (own: typeof host) => sourcesOf({ layers: layersOf({ host: own }), quirks, host: own })[0];
    expect(loaderOf(hostOf('web02', { macs }))).toMatchObject({ value: 'pxelinux', origin: { level: 'quirk' } });
    expect(loaderOf(hostOf('web02', { macs, loader: 'grub' }))).toMatchObject({
      value: 'grub',
      origin: { level: 'host', name: 'web02' },
    });
  });
});
