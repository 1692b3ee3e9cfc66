/** What a template sees. */
import { describe, expect, it } from 'vitest';
import { buildContext } from '../../src/boot/context.ts';
import { assign } from '../../src/boot/decide.ts';
import { CONTEXT_SHAPE } from '../../src/files/template-shape.ts';
import { catalogOf } from '../support/catalogs.ts';

const SERVER = { address: '10.77.0.1', httpBase: 'http://10.77.0.1', tftpBase: 'tftp://10.77.0.1' };

function contextOf(host: object, profiles: Record<string, object> = {}, clientIp = '10.77.0.130') {
  const catalog = catalogOf({ hosts: { web: host }, profiles });
  const found = catalog.hosts.get('web');
  const { assignment } = assign(catalog, { host: found });
  if (assignment.kind === 'none') throw new Error(assignment.reason);
  const mac = found?.macs[0];
  return buildContext({ assignment, catalog, host: found, mac, server: SERVER, clientIp, captures: { text: {} } });
}

describe('buildContext', () => {
  it('leaves out what is not set, so that a strict template names it', () => {
    const { host, network } = contextOf({ macs: ['52:54:00:00:00:01'] });
    expect(Object.keys(host)).toEqual(['name', 'hostname', 'known', 'labels']);
    expect(Object.keys(network)).toEqual(['name', 'dns']);
  });

  it('has every form of the MAC', () => {
    expect(contextOf({ macs: ['52:54:00:aa:bb:01'] }).mac).toEqual({
      colon: '52:54:00:aa:bb:01',
      hyphen: '52-54-00-aa-bb-01',
      dot: '5254.00aa.bb01',
      raw: '525400aabb01',
      upper: '525400AABB01',
      pxelinux: '01-52-54-00-aa-bb-01',
    });
  });

  it('has the address in hex when it is one', () => {
    expect(contextOf({ macs: ['52:54:00:00:00:01'] }).client).toEqual({ ip: '10.77.0.130', iphex: '0A4D0082' });
    expect(contextOf({ macs: ['52:54:00:00:00:01'] }, {}, '::1').client).toEqual({ ip: '::1' });
  });

  it('offers in a menu what has a kernel and writes to no disk, by title', () => {
    const menu = { kind: 'menu' };
    const entry = (title: string, more: object = {}) => ({ kind: 'live', kernel: 'linux', menu: true, title, ...more });
    const { boot } = contextOf(
      { macs: ['52:54:00:00:00:01'], profile: 'menu' },
      {
        menu,
        b: entry('B'),
        a: entry('A'),
        hidden: entry('H', { menu: false }),
        wipes: entry('W', { kind: 'install' }),
        sly: entry('S', { destructive: true }),
      },
    );
    expect(boot.kind === 'menu' && boot.entries.map(({ title }) => title)).toEqual(['A', 'B']);
  });

  it('names nothing that the template lint does not know', () => {
    const context = contextOf({
      macs: ['52:54:00:00:00:01'],
      uuid: '77777777-0000-4000-8000-000000000001',
      serial: 'x',
    });
    for (const [name, value] of Object.entries(context)) {
      const shape = CONTEXT_SHAPE.fields[name];
      expect(shape, name).toBeDefined();
      if (shape?.kind === 'fields')
        expect(Object.keys(shape.fields)).toEqual(expect.arrayContaining(Object.keys(value as object)));
    }
  });
});
