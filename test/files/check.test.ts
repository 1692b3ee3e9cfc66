/** What `hobnail check` says. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../src/errors.ts';
import { checkFiles } from '../../src/files/check.ts';
import { createInventory } from '../../src/files/inventory.ts';
import { createTemplates } from '../../src/files/templates.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const ROOT = join(import.meta.dirname, '../..');

async function check(
  files: Record<string, string | Uint8Array>,
  { shipped = false, hostsEach }: { shipped?: boolean; hostsEach?: number } = {},
): Promise<string[]> {
  const tree = temporaryTree(
    shipped ? {} : { 'templates/routes.yaml': 'routes:\n  - path: "*path"\n    image: "*path"\n' },
  );
  if (shipped)
    for (const name of ['templates', 'profiles']) cpSync(join(ROOT, name), tree.at(name), { recursive: true });
  for (const [path, text] of Object.entries(files)) tree.write(path, text);
  const imagesRoot = tree.at('boot-images');
  const inventory = createInventory({
    profilesRoot: tree.at('profiles'),
    templatesRoot: tree.at('templates'),
    imagesRoot,
    checkOption: () => undefined,
    record: () => undefined,
    log: { info: () => undefined, warn: () => undefined },
  });
  await inventory.reload();
  const problems = await checkFiles({
    inventory,
    templates: createTemplates({ root: tree.at('templates') }),
    imagesRoot,
    hostsEach,
  });
  return problems.map((problem) => formatProblem(problem).replaceAll(`${tree.root}/`, ''));
}

describe('check', () => {
  it('finds nothing wrong with what is shipped, but that the systems are not there yet', async () => {
    const lines = await check({}, { shipped: true });
    expect(lines.filter((line) => !/warning: .*there is no boot-images\//.test(line))).toEqual([]);
    expect(lines).toContain(
      'profiles/rescue.yaml:5:9: warning: kernel: there is no boot-images/rescue/linux. Put the file there, or correct the path.',
    );
    expect(lines.filter((line) => !line.startsWith('profiles/'))).toEqual([]);
  });

  it('finds the variable a host lacks for a profile that is not armed yet', async () => {
    const lines = await check(
      { 'profiles/hosts/db01.yaml': 'macs: [52:54:00:00:00:01]\nprofile: install-debian\n' },
      { shipped: true },
    );
    expect(lines.filter((line) => !line.includes('warning'))).toEqual([
      'templates/partials/login-needed.hbs:2:1: nobody could log in: set root_password_crypted (mkpasswd -m sha-512) or ssh_authorized_keys (for host "db01")',
    ]);
  });

  it('finds rows without their template, with the nearest one', async () => {
    const lines = await check({
      'templates/machine.hbs': 'x',
      'profiles/a.yaml': 'kind: device\nfiles:\n  - path: x\n    template: machin.hbs\n',
    });
    expect(lines).toEqual([
      'profiles/a.yaml:4:15: files[0].template: there is no template "machin.hbs". Did you mean "machine.hbs"?',
    ]);
  });

  it('finds templates that do not compile, used or not', async () => {
    expect(await check({ 'profiles/a.yaml': 'kind: menu\n', 'templates/x.hbs': '{{ghost}}' })).toEqual([
      expect.stringContaining('templates/x.hbs:1:3: "ghost" does not exist'),
    ]);
  });

  it('finds menu entries that would be left out', async () => {
    const lines = await check({
      'templates/routes.yaml':
        'routes:\n  - path: :mac.txt\n    template: m.hbs\n  - path: "*path"\n    image: "*path"\n',
      'templates/m.hbs': '{{boot.kind}}',
      'profiles/a.yaml': 'kind: live\nmenu: true\nkernel: http://h/k\nargs: ["x={{vars.x}}"]\n',
    });
    expect(lines).toEqual([
      expect.stringContaining('profiles/a.yaml:4:8: args[0]: "vars.x" is not set (for an unknown machine)'),
    ]);
  });

  it('finds kernels that no row leads to', async () => {
    const lines = await check({
      'templates/routes.yaml': 'routes: []\n',
      'profiles/a.yaml': 'kind: live\nkernel: k\n',
    });
    expect(lines).toEqual([
      'profiles/a.yaml:2:9: warning: kernel: no file route leads to k. Add a row for it to routes.yaml.',
    ]);
  });

  it('passes on what is wrong with the inventory', async () => {
    expect(await check({ 'profiles/a.yaml': 'kind: mneu\n' })).toEqual([
      'profiles/a.yaml:1:7: kind: "mneu" is not possible here. Did you mean "menu"?',
    ]);
  });

  const ROUTES = [
    'routes:',
    '  - { path: ":mac.ipxe", template: m.ipxe.hbs }',
    '  - { path: "*path", image: "*path" }',
    '',
  ].join('\n');

  it('reads what is rendered as its machine will, and points into the template', async () => {
    const lines = await check({
      'templates/routes.yaml': ROUTES,
      'templates/m.ipxe.hbs': '#!ipxe\n{{#if host.known}}\necho a\n  {{> end name="x"}}\n{{/if}}\n',
      'templates/partials/end.hbs': ':{{name}}\n:here\n:there\ngoto theer\n',
      'profiles/hosts/web.yaml': 'macs: [52:54:00:00:00:01]\n',
    });
    expect(lines).toEqual([
      'templates/partials/end.hbs:4:6: there is no label ":theer" (for host "web"). Did you mean "there"?',
    ]);
  });

  it('says which value is wrong where it stands in the template', async () => {
    const lines = await check({
      'templates/routes.yaml': ROUTES,
      'templates/m.ipxe.hbs': '#!ipxe\nset a {{host.name}}\ngoto {{vars.to}}\n',
      'profiles/hosts/web.yaml': 'macs: [52:54:00:00:00:01]\nvars: { to: nowhere }\n',
      'profiles/networks/lan.yaml': 'interface: eth0\nmode: off\nvars: { to: a }\n',
    });
    expect(lines).toContain('templates/m.ipxe.hbs:3:6: there is no label ":nowhere" (for host "web")');
  });

  it('finds URLs that no row serves, and files that are not there', async () => {
    const lines = await check({
      'templates/routes.yaml':
        'routes:\n  - { path: ":mac.ipxe", template: m.ipxe.hbs }\n  - { path: "debian/*rest", image: "debian/*rest" }\n',
      'templates/m.ipxe.hbs': [
        '#!ipxe',
        'kernel {{asset "debian/linux"}}',
        'initrd {{fileUrl "debain/initrd"}}',
        'chain {{server.httpBase}}/debian/there',
        'chain {{server.httpBase}}/\u0024{net0/mac}.ipxe',
        'chain {{fileUrl "http://example.net/x"}}',
        '',
      ].join('\n'),
      'boot-images/debian/there': 'x',
      'profiles/a.yaml': 'kind: local\n',
    });
    expect(lines.map((line) => line.replaceAll(/"[^"]*"/g, '""'))).toEqual([
      'templates/m.ipxe.hbs:2:8: warning: there is no boot-images/debian/linux (for an unknown machine). Put the file there, or correct the path.',
      'templates/m.ipxe.hbs:3:8: nothing is served under debain/initrd: no file route matches (for an unknown machine). Add a row for it to routes.yaml or to the profile, or correct the path.',
    ]);
  });

  it('finds a syntax that is not known', async () => {
    const lines = await check({
      'templates/routes.yaml': ROUTES,
      'templates/m.ipxe.hbs': '{{! syntax: ipx }}\n#!ipxe\n',
      'profiles/a.yaml': 'kind: local\n',
    });
    expect(lines).toEqual([expect.stringContaining('there is no syntax "ipx"')]);
  });

  it('finds files that are no kernel, no archive, or a loader for another processor', async () => {
    const efi = new Uint8Array(512);
    efi.set([0x4d, 0x5a]);
    efi.set([0x80], 0x3c);
    efi.set([0x50, 0x45, 0, 0, 0x64, 0xaa], 0x80);
    efi.set([0x0b, 0x02], 0x98);
    const lines = await check({
      'profiles/a.yaml': 'kind: live\nkernel: k\ninitrd: [efi, page, empty, cpio]\n',
      'profiles/b.yaml': 'kind: live\nkernel: cpio\n',
      'boot-images/k': '<!DOCTYPE html><title>404</title>',
      'boot-images/efi': efi,
      'boot-images/page': '<html>',
      'boot-images/empty': '',
      'boot-images/cpio': '070701',
      'boot-images/ipxe/snponly.efi': efi,
      'boot-images/ipxe/snponly-arm64.efi': efi,
      'boot-images/ipxe/undionly.kpxe': efi,
    });
    expect(lines.map((line) => line.replace(/\. (?:Fetch|Bring).*/, ''))).toEqual([
      'profiles/a.yaml:2:9: kernel: boot-images/k is a web page, most likely an error that was saved',
      'profiles/a.yaml:3:10: initrd[0]: boot-images/efi is no archive but a program (EFI program)',
      'profiles/a.yaml:3:15: initrd[1]: boot-images/page is a web page, most likely an error that was saved',
      'profiles/a.yaml:3:21: initrd[2]: boot-images/empty is empty',
      'profiles/b.yaml:2:9: kernel: boot-images/cpio is no kernel but an archive (cpio)',
      'boot-images/ipxe/undionly.kpxe: ipxe/undionly.kpxe is for bios machines, and this is an EFI program',
      'boot-images/ipxe/snponly.efi: ipxe/snponly.efi is for uefi-x64 machines, and this is an EFI program for arm64',
    ]);
  });

  it('tries a few hosts of each profile when told so, those that set other values first', async () => {
    const host = (number: number, vars: string) => `macs: [52:54:00:00:00:0${number}]\nprofile: a\nvars: ${vars}\n`;
    const files = {
      'templates/routes.yaml': ROUTES,
      'templates/m.ipxe.hbs': '#!ipxe\necho {{#if host.known}}{{vars.x}}{{/if}}\n',
      'profiles/a.yaml': 'kind: local\n',
      'profiles/hosts/a.yaml': host(1, '{ x: 1 }'),
      'profiles/hosts/b.yaml': host(2, '{ x: 2 }'),
      'profiles/hosts/c.yaml': host(3, '{ y: 1 }'),
    };
    expect(await check(files, { hostsEach: 1 })).toEqual([]);
    expect(await check(files, { hostsEach: 2 })).toEqual([
      expect.stringContaining('"vars.x" is not set (for host "c")'),
    ]);
  });
});
