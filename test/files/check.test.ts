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

async function check(files: Record<string, string>, shipped = false): Promise<string[]> {
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
  });
  return problems.map((problem) => formatProblem(problem).replaceAll(`${tree.root}/`, ''));
}

describe('check', () => {
  it('finds nothing wrong with what is shipped, but that the systems are not there yet', async () => {
    expect(await check({}, true)).toEqual([
      'profiles/install-debian.yaml:6:9: warning: kernel: there is no boot-images/debian/installer/linux. Put the file there, or correct the path.',
      'profiles/install-debian.yaml:8:5: warning: initrd[0]: there is no boot-images/debian/installer/initrd.gz. Put the file there, or correct the path.',
      'profiles/rescue.yaml:5:9: warning: kernel: there is no boot-images/rescue/linux. Put the file there, or correct the path.',
      'profiles/rescue.yaml:7:5: warning: initrd[0]: there is no boot-images/rescue/initrd.img. Put the file there, or correct the path.',
    ]);
  });

  it('finds the variable a host lacks for a profile that is not armed yet', async () => {
    const lines = await check(
      { 'profiles/hosts/db01.yaml': 'macs: [52:54:00:00:00:01]\nprofile: install-debian\n' },
      true,
    );
    expect(lines.filter((line) => !line.includes('warning'))).toEqual([
      'templates/preseed/debian.cfg.hbs:19:58: "vars.root_password_crypted" is not set (for host "db01"). Set it in the host, profile or network, or give a default: {{default name "value"}}.',
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
      expect.stringContaining('profile a, args[0]:1:3: "vars.x" is not set (for an unknown machine)'),
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
});
