/** What each lint finds, as files; the name of a case begins with its target. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lintRendered, TARGETS, type Target, targetOf, unknownTarget } from '../../../src/files/lint/targets.ts';
import { expectGolden, goldenCases } from '../../support/golden-files.ts';

const cases = goldenCases('lint').map((golden) => {
  const target = [...TARGETS]
    .sort((a, b) => b.length - a.length)
    .find((one) => golden.name === one || golden.name.startsWith(`${one}-`));
  if (!target) throw new Error(`${golden.name} names no target`);
  return { golden, target };
});

describe('a rendered file', () => {
  for (const { golden, target } of cases) {
    it(`is read: ${golden.name.replaceAll('-', ' ')}`, () => {
      const lines = lintRendered(target, golden.input).map(({ line, column, severity, message, advice = '' }) =>
        `${line}:${column}: ${severity}: ${message}. ${advice}`.trim(),
      );
      expectGolden(golden, lines.map((line) => `${line}\n`).join(''));
      if (golden.name.endsWith('-good')) expect(lines).toEqual([]);
      else expect(lines).not.toEqual([]);
    });
  }

  it('has a case for every target', () => {
    expect(new Set(cases.map(({ target }) => target))).toEqual(new Set(TARGETS));
  });

  const pieces = cases.map(({ golden }) => golden.input).join('');
  it.each(TARGETS)('never breaks the lint, whatever it is: %s', (target: Target) => {
    const words = fc.constantFrom(...(pieces.match(/\S+|\s+/g) ?? []));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words, { maxLength: 40 }).map((list) => list.join('')),
        ),
        (text) => {
          const lines = text.split('\n').length;
          for (const slip of lintRendered(target, text)) {
            expect(slip.line).toBeGreaterThan(0);
            expect(slip.line).toBeLessThanOrEqual(lines);
            expect(slip.column).toBeGreaterThan(0);
          }
        },
      ),
    );
  });
});

describe('the target of a template', () => {
  it.each<[string, string, string, Target]>([
    ['ipxe/machine.ipxe.hbs', '', '', 'ipxe'],
    ['pxelinux.cfg/machine.hbs', '', '', 'pxelinux'],
    ['u-boot/extlinux.conf.hbs', '', '', 'extlinux'],
    ['grub/grub.cfg.hbs', '', '', 'grub'],
    ['preseed/debian.cfg.hbs', '', '', 'preseed'],
    ['kickstart/rocky.ks.hbs', '', '', 'kickstart'],
    ['cloud-init/user-data.hbs', '', '', 'cloud-config'],
    ['cloud-init/network-config.hbs', '', '', 'network-config'],
    ['phone/cisco-sep.cnf.xml.hbs', '', '', 'xml'],
    ['x.hbs', '', '#!ipxe\n', 'ipxe'],
    ['x.hbs', '', 'words', 'text'],
    ['x.xml.hbs', 'a\n{{! syntax: talos }}', '', 'talos'],
    ['x.hbs', '{{!-- syntax: json --}}', '', 'json'],
    ['x.xml.hbs', '{{! syntax: sgml }}', '', 'xml'],
  ])('of %s with %j that begins %j is %s', (name, source, text, target) => {
    expect(targetOf(name, source, text)).toBe(target);
  });

  it('is said to be unknown', () => {
    expect(unknownTarget('{{! syntax: sgml }}')).toBe('sgml');
    expect(unknownTarget('{{! syntax: json }}')).toBeUndefined();
  });
});
