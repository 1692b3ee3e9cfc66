/** Path → resource: normal form, rows in order, who the file is for. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isForEverybody, normalizePath, resolve, resolveWrite } from '../../src/boot/resolve.ts';
import { fileRouteSchema, rewriteSchema } from '../../src/boot/routes-file.ts';
import { parseMac } from '../../src/net/mac.ts';
import { catalogOf, networkOf } from '../support/catalogs.ts';

const mac = (text: string) => {
  const parsed = parseMac(text);
  if (!parsed) throw new Error(text);
  return parsed;
};
const WEB = mac('525400aabb01');
const STRANGER = mac('525400000099');
const UUID = '77777777-0000-4000-8000-000000000001';

describe('normalizePath (T-7, T-9)', () => {
  it.each([
    ['keeps a plain path', 'a/b', 'a/b'],
    ['drops leading slashes', '//a/b', 'a/b'],
    ['folds double slashes', 'x64//grubx64.efi', 'x64/grubx64.efi'],
    ['turns backslashes', '\\Boot\\x86\\wdsnbp.com', 'Boot/x86/wdsnbp.com'],
    ['drops a drive letter', 'C:\\tftpboot\\a', 'tftpboot/a'],
    ['drops single dots', './a/./b', 'a/b'],
    ['empties the root', '/', ''],
    ['refuses to climb', '../etc/passwd', undefined],
    ['refuses to climb inside', 'a/../../etc/passwd', undefined],
    ['refuses to climb even to itself', 'a/../b', undefined],
    ['refuses backslashed climbing', '..\\..\\etc', undefined],
    ['refuses mixed climbing', 'a/..\\b', undefined],
    ['refuses a drive with climbing', 'C:/../x', undefined],
    ['refuses NUL', 'a\0.png', undefined],
    ['refuses line breaks', 'a\nb', undefined],
    ['refuses DEL', 'a\x7f', undefined],
    ['takes percent signs for letters', '%2e%2e/%2fetc', '%2e%2e/%2fetc'],
    ['takes overlong-looking letters for letters', '\u2025/\uff0e\uff0e/x', '\u2025/\uff0e\uff0e/x'],
    ['keeps names that begin with two dots', '..a/b', '..a/b'],
  ])('%s', (_, path, expected) => {
    expect(normalizePath(path)).toBe(expected);
  });

  it('takes drive letters away, also behind a slash and more than one', () => {
    expect(['C:\\boot\\x', '/c:/boot/x', 'C:/D:/boot/x'].map(normalizePath)).toEqual(['boot/x', 'boot/x', 'boot/x']);
  });

  it('gives a form that is its own form and never leaves the tree', () => {
    const piece = fc.constantFrom('..', '.', '/', '\\', 'a', 'C:', '%2e', '\0', '\u2024', '...');
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
        const path = normalizePath(pieces.join(''));
        if (path === undefined) return;
        expect(normalizePath(path)).toBe(path);
        expect(path.split('/')).not.toContain('..');
        expect(path.startsWith('/')).toBe(false);
      }),
    );
  });
});

describe('resolve', () => {
  const catalog = catalogOf({
    hosts: {
      web: { macs: [WEB], uuid: UUID, serial: 'S1', profile: 'phone' },
      shut: { macs: ['52:54:00:aa:bb:02'], policy: 'blocked' },
    },
    profiles: { phone: { kind: 'phone', files: [{ path: 'SEP:mac.cnf.xml', template: 'own.hbs' }] } },
    routes: [
      { path: 'cfg/:uuid', template: 'm.hbs' },
      { path: 'cfg/01-:mac', template: 'm.hbs' },
      { path: 'cfg/:iphex', template: 'm.hbs' },
      { path: 'pi/:serial/config.txt', template: 'm.hbs' },
      { path: 'os/*rest', image: 'systems/*rest' },
      { path: 'pxelinux.0', image: 'pxelinux/pxelinux.0' },
    ],
  });
  const ask = (path: string, from?: string) =>
    resolve(path, { mac: from === undefined ? undefined : mac(from) }, catalog);

  it.each([
    ['a MAC names its host', `cfg/01-${WEB.replaceAll(':', '-')}`, undefined, { host: 'web', by: 'path' }],
    ['a MAC in the path is stronger than the lease', `cfg/01-${STRANGER}`, WEB, { host: undefined, by: 'path' }],
    ['a UUID in upper case names its host', `cfg/${UUID.toUpperCase()}`, undefined, { host: 'web', by: 'path' }],
    [
      'a UUID nobody has leaves it to the lease',
      'cfg/99999999-0000-4000-8000-000000000001',
      WEB,
      { host: 'web', by: 'lease' },
    ],
    ['an address in hex is answered by the lease', 'cfg/0A4D0082', WEB, { host: 'web', by: 'lease' }],
    ['an address without a lease is a stranger', 'cfg/0A4D0082', undefined, { host: undefined, by: 'nothing' }],
    ['a serial names its host', 'pi/S1/config.txt', undefined, { host: 'web', by: 'path' }],
  ])('%s', (_, path, from, expected) => {
    const resource = ask(path, from);
    if (resource.kind !== 'template') throw new Error(JSON.stringify(resource));
    expect({ host: resource.host?.name, by: resource.identifiedBy }).toEqual(expected);
  });

  it.each([
    ['a path nobody serves', 'nothing/here', { kind: 'absent', reason: 'no file route matches' }],
    ['an empty path', '//', { kind: 'absent', reason: 'the path is empty' }],
    ['a UUID nobody has, from nobody known', 'cfg/99999999-0000-4000-8000-000000000001', { kind: 'absent' }],
    ['a blocked host', 'cfg/01-52-54-00-aa-bb-02', { kind: 'absent', reason: 'host "shut" is blocked' }],
    ['a hidden file', 'os/.placed.json', { kind: 'refused', reason: 'systems/.placed.json is a hidden file' }],
    ['a file in a hidden directory', 'os/.git/config', { kind: 'refused' }],
    ['a path that climbs', 'os/../../etc/passwd', { kind: 'refused' }],
    ['an image', '/os/debian/linux', { kind: 'image', image: 'systems/debian/linux' }],
  ])('answers %s', (_, path, expected) => {
    expect(ask(path)).toMatchObject(expected);
  });

  it('tries the rows of the profile of the machine named in the path, in any case', () => {
    expect(ask('SEP525400AABB01.cnf.xml')).toMatchObject({ kind: 'template', template: 'own.hbs' });
  });

  it('gives a row of a profile to no other machine, even when one that has it asks', () => {
    expect(ask('SEP525400000099.cnf.xml', WEB)).toMatchObject({ kind: 'absent' });
  });

  it('follows the network policy for strangers', () => {
    const network = networkOf('lan', { mode: 'server', interface: 'eth0', unknown: 'ignore' });
    expect(resolve(`cfg/01-${STRANGER}`, { network }, catalog)).toMatchObject({ kind: 'absent' });
  });
});

describe('resolveWrite', () => {
  const row = (document: object) => fileRouteSchema.parse(document);
  const catalog = catalogOf({
    hosts: { r1: { macs: [WEB], serial: 'FOC1', profile: 'router' }, other: { macs: [STRANGER] } },
    profiles: {
      router: { kind: 'device', files: [{ path: '*name', upload: 'routers/*name', policy: 'overwrite' }] },
    },
    routes: [
      row({ path: 'cfg/:serial-confg', upload: 'cfg/:serial', maxBytes: 9, from: ['10.77.0.0/24'] }),
      row({ path: 'cfg/*any', upload: 'any/*any', policy: 'create', readable: true }),
      row({ path: '*path', image: '*path' }),
    ],
  });
  const ask = (path: string, mac?: typeof WEB, ip = '10.77.0.9') => resolveWrite(path, { ip, mac }, catalog);

  it.each([
    [
      'a slot, by what its path captures',
      '/cfg/FOC1-confg',
      { kind: 'slot', file: 'cfg/FOC1', policy: 'versions', maxBytes: 9, host: { name: 'r1' } },
    ],
    ['another slot', 'cfg/a/b', { kind: 'slot', file: 'any/a/b', policy: 'create' }],
    ['no slot', 'r1-confg', { kind: 'elsewhere', file: 'r1-confg' }],
    ['a hidden name', 'a/.b', { kind: 'refused' }],
    ['a hidden name in a slot', 'cfg/.b', { kind: 'refused' }],
    ['a path that climbs', 'cfg/../../x', { kind: 'refused' }],
    ['nothing', '/', { kind: 'refused' }],
  ])('T-43 finds %s', (_, path, expected) => {
    expect(ask(path)).toMatchObject(expected);
  });

  it('takes the first slot that matches, also when that one refuses the network', () => {
    expect(ask('cfg/FOC1-confg', undefined, '10.78.0.9')).toMatchObject({ kind: 'refused' });
  });

  it('tries the rows of the profile of the machine that asks', () => {
    expect(ask('r1-confg', WEB)).toMatchObject({ kind: 'slot', file: 'routers/r1-confg', host: { name: 'r1' } });
    expect(ask('r1-confg', STRANGER)).toMatchObject({ kind: 'elsewhere', host: { name: 'other' } });
  });

  it('what was uploaded is read only where its row says so', () => {
    expect(resolve('cfg/a', {}, catalog)).toMatchObject({ kind: 'upload', file: 'any/a', policy: 'create' });
    expect(resolve('r1-confg', { mac: WEB }, catalog)).toMatchObject({ kind: 'image' });
  });

  it.each([
    ['an upload and an image', { path: 'a', upload: 'a', image: 'a' }],
    ['a policy without an upload', { path: 'a', image: 'a', policy: 'create' }],
    ['an unknown policy', { path: 'a', upload: 'a', policy: 'append' }],
    ['a network that is none', { path: 'a', upload: 'a', from: ['10.77.0.300/24'] }],
    ['a target that climbs', { path: 'a', upload: '../a' }],
  ])('a row with %s is an error', (_, document) => {
    expect(fileRouteSchema.safeParse(document).success).toBe(false);
  });
});

describe('isForEverybody', () => {
  const rule = (fields: object) => rewriteSchema.parse(fields);
  const image = { path: '*path', image: '*path' };

  it.each([
    ['no rules', [], true],
    ['a rule that looks at the path alone', [rule({ match: 'a', replace: 'b' })], true],
    ['a rule for a network', [rule({ match: 'z', replace: 'b', networks: ['10.0.0.0/8'] })], false],
    ['a rule for some MACs', [rule({ match: 'z', replace: 'b', macs: ['52:54:00'] })], false],
    ['a rule that writes the address into the name', [rule({ match: 'z', replace: ':ip/$0' })], false],
    ['a rule that denies it', [rule({ match: '^a$', deny: 'no' })], false],
  ])('%s', (_, rewrites, expected) => {
    expect(isForEverybody('a', catalogOf({ routes: [image], rewrites }))).toBe(expected);
  });

  it('is not for everybody what a row of a profile is for', () => {
    const profiles = { phone: { kind: 'chain', chain: 'x.efi', files: [{ path: 'SEP.cfg', template: 'sep' }] } };
    const catalog = catalogOf({ routes: [image], profiles });
    expect([isForEverybody('SEP.cfg', catalog), isForEverybody('loader', catalog)]).toEqual([false, true]);
  });
});
