import { describe, expect, test } from 'vitest';
import { LOADER_FILES } from '../../src/boot/loaders.ts';
import { AppError } from '../../src/errors.ts';
import { listSources, parseLoaderCatalog, readLoaderCatalog } from '../../src/images/catalog.ts';

/** Firmware for which Debian has no package on this kind of machine: the operator brings these. */
const NOT_IN_DEBIAN = /ia32|arm64|arm32|aa64|riscv64|loong64/;

describe('the shipped catalogue', () => {
  test('can fill every loader the decision table hands out, but for those the distribution lacks', async () => {
    const provided = new Set(listSources(await readLoaderCatalog()).map(({ to }) => to));
    const unfilled = LOADER_FILES.map(({ image }) => image).filter((image) => !provided.has(image));
    expect(unfilled.filter((image) => !NOT_IN_DEBIAN.test(image))).toEqual([]);
    expect([...provided].filter((to) => NOT_IN_DEBIAN.test(to))).toEqual([]);
  });

  test('has the modules PXELINUX asks for beside itself', async () => {
    const provided = listSources(await readLoaderCatalog()).map(({ to }) => to);
    for (const name of ['ldlinux.c32', 'libcom32.c32', 'libutil.c32', 'menu.c32', 'vesamenu.c32', 'chain.c32']) {
      expect(provided).toContain(`pxelinux/${name}`);
    }
  });
});

describe('parseLoaderCatalog', () => {
  const entry = (file: string) => `loaders: [{ name: x, package: xx, licence: MIT, about: x, files: [${file}] }]`;

  test.each<[string, string, string]>([
    ['broken YAML', 'loaders: [', 'Flow sequence'],
    ['a target that climbs out', entry('{ from: a, to: ../b }'), 'not a relative path'],
    ['a target with a climb inside', entry('{ from: a, to: a/../../b }'), 'not a relative path'],
    ['an absolute source', entry('{ from: /etc/shadow, to: b }'), 'not a relative path'],
    ['a hidden target', entry('{ from: a, to: .placed.json }'), 'not a relative path'],
    [
      'a package name with an option in it',
      entry('{ from: a, to: b }').replace('package: xx', 'package: --help'),
      'not a package name',
    ],
    ['an unknown key', entry('{ from: a, to: b, mode: 7 }'), 'Unrecognized key'],
    ['no file at all', entry(''), 'Too small'],
    ['two files for one place', entry('{ from: a, to: c }, { from: b, to: c }'), 'two entries go to c'],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseLoaderCatalog('loaders.yaml', text)).toThrow(AppError);
    try {
      parseLoaderCatalog('loaders.yaml', text);
    } catch (error) {
      const problems = error instanceof AppError ? error.problems : [];
      expect(problems.map((problem) => problem.message).join('\n')).toContain(message);
    }
  });
});

test('a catalogue that is not there is said by name', async () => {
  await expect(readLoaderCatalog('/nonexistent')).rejects.toThrow('/nonexistent/loaders.yaml');
});
