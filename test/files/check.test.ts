/** What `hobnail check` says. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Machine, MachineIndex } from '../../src/boot/facts.ts';
import { formatProblem } from '../../src/errors.ts';
import { checkFiles } from '../../src/files/check.ts';
import { createInventory } from '../../src/files/inventory.ts';
import { createTemplates } from '../../src/files/templates.ts';
import { formatMac, type Mac } from '../../src/net/mac.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const ROOT = join(import.meta.dirname, '../..');

async function check(
  files: Record<string, string | Uint8Array>,
  {
    shipped = false,
    hostsEach,
    seen = {},
  }: { shipped?: boolean; hostsEach?: number; seen?: Readonly<Record<string, readonly number[]>> } = {},
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
    live: { machines: machinesOf(seen) },
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

/** Machines that were seen, by MAC, with their option 93. */
function machinesOf(seen: Readonly<Record<string, readonly number[]>>): MachineIndex {
  const find = (mac: Mac): Machine | undefined => {
    const archCodes = seen[formatMac(mac, 'colon')];
    const times = { firstSeenAt: 0, lastSeenAt: 0, times: 1 };
    return archCodes && { mac, facts: { mac, archCodes }, standing: 'new', ...times };
  };
  return { find };
}

/** An EFI program for a machine type. */
function efiFor(machine: number): Uint8Array {
  const efi = new Uint8Array(512);
  efi.set([0x4d, 0x5a]);
  efi.set([0x80], 0x3c);
  efi.set([0x50, 0x45, 0, 0, machine & 255, machine >> 8], 0x80);
  efi.set([0x0b, 0x02], 0x98);
  return efi;
}

/** The head of a Linux Image for arm64. */
function arm64Image(): Uint8Array {
  const image = new Uint8Array(64);
  image.set([0x41, 0x52, 0x4d, 0x64], 56);
  return image;
}

/** The head of a bzImage with a 64-bit entry. */
function bzImage(): Uint8Array {
  const image = new Uint8Array(1024);
  image.set([0x55, 0xaa], 0x1fe);
  image.set([0x48, 0x64, 0x72, 0x53, 0x0f, 0x02], 0x202);
  image[0x236] = 1;
  return image;
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
    const efi = efiFor(0xaa64);
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

  it('finds kernels that the machine of a host, or those a group selects, cannot run', async () => {
    const host = (number: number, profile: string) => `macs: [52:54:00:00:00:0${number}]\nprofile: ${profile}\n`;
    const lines = await check(
      {
        'profiles/arm.yaml': 'kind: live\nkernel: Image\n',
        'profiles/efi.yaml': 'kind: install\nkernel: stub\n',
        'profiles/pc.yaml': 'kind: live\nkernel: bzImage\n',
        'profiles/packed.yaml': 'kind: live\nkernel: Image.gz\n',
        'boot-images/Image': arm64Image(),
        'boot-images/stub': efiFor(0xaa64),
        'boot-images/bzImage': bzImage(),
        'boot-images/Image.gz': Uint8Array.of(0x1f, 0x8b, 8),
        'profiles/hosts/a-pc-given-arm.yaml': host(1, 'arm'),
        'profiles/hosts/b-pc-waiting-for-arm.yaml': host(2, 'efi'),
        'profiles/hosts/c-arm.yaml': host(3, 'arm'),
        'profiles/hosts/d-bios.yaml': host(4, 'pc'),
        'profiles/hosts/e-arm-given-pc.yaml': host(5, 'pc'),
        'profiles/hosts/f-never-seen.yaml': host(6, 'arm'),
        'profiles/hosts/g-packed.yaml': host(7, 'packed'),
        'profiles/hosts/h-by-group.yaml': 'macs: [52:54:00:00:00:08]\nlabels: { rack: r1 }\n',
        'profiles/groups/arms.yaml': 'priority: 1\nprofile: pc\nselect: { archs: [uefi-arm64, uefi-x64, 22] }\n',
        'profiles/groups/rack.yaml': 'priority: 2\nprofile: arm\nselect: { labels: { rack: r1 } }\n',
      },
      {
        seen: {
          '52:54:00:00:00:01': [7],
          '52:54:00:00:00:02': [16],
          '52:54:00:00:00:03': [11],
          '52:54:00:00:00:04': [0],
          '52:54:00:00:00:05': [11],
          '52:54:00:00:00:07': [7],
          '52:54:00:00:00:08': [0],
        },
      },
    );
    const advice = 'Choose a profile for this processor, or put the right kernel there.';
    const pc = 'bzImage (Linux bzImage for x64)';
    const arm = 'Image (Linux Image for arm64)';
    expect(lines).toEqual([
      `profiles/hosts/a-pc-given-arm.yaml:2:10: warning: profile: host "a-pc-given-arm" was last seen as x64 UEFI, which cannot run ${arm}. ${advice}`,
      `profiles/hosts/b-pc-waiting-for-arm.yaml:2:10: warning: profile: host "b-pc-waiting-for-arm" was last seen as x64 UEFI HTTP, which cannot run stub (EFI program for arm64). ${advice}`,
      `profiles/hosts/e-arm-given-pc.yaml:2:10: warning: profile: host "e-arm-given-pc" was last seen as ARM 64-bit UEFI, which cannot run ${pc}. ${advice}`,
      `profiles/groups/rack.yaml:2:10: warning: profile: host "h-by-group" was last seen as x86 BIOS, which cannot run ${arm}. ${advice}`,
      `profiles/groups/arms.yaml:3:19: select.archs[0]: ARM 64-bit UEFI cannot run ${pc} of profile "pc". ${advice}`,
      `profiles/groups/arms.yaml:3:41: select.archs[2]: ARM 64-bit U-Boot cannot run ${pc} of profile "pc". ${advice}`,
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
