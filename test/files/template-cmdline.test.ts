/** One list of kernel arguments in each loader's form. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMAND_LINE_LOADERS, commandLine } from '../../src/files/template-cmdline.ts';

describe('the kernel command line', () => {
  it.each([
    ['plain words', ['quiet', 'console=ttyS0,115200'], 'quiet console=ttyS0,115200', undefined],
    ['a value with blanks', ['motd=a b'], 'motd="a b"', "'motd=a b'"],
    [
      'a value with blanks in quotes of its own',
      ['dyndbg="file x.c +p"'],
      'dyndbg="file x.c +p"',
      "'dyndbg=file x.c +p'",
    ],
    ['an argument with blanks', ['a b'], '"a b"', "'a b'"],
    ['blanks around it, and nothing', [' a ', ''], 'a', undefined],
    ['no quotes around nothing', ['a', '""', 'b'], 'a b', undefined],
    ['what ends the options of the kernel', ['a', '---', 'b'], 'a --- b', undefined],
  ])('keeps %s', (_, args, kernel, grub) => {
    for (const loader of ['pxelinux', 'ipxe', 'extlinux']) expect(commandLine(loader, args)).toBe(kernel);
    expect(commandLine('grub', args)).toBe(grub ?? kernel);
  });

  it.each([
    ['an unknown loader', 'lilo', ['a'], 'no command line for "lilo"'],
    ['a line break', 'pxelinux', ['a\nLABEL b'], 'line breaks'],
    ['a quote that is open', 'pxelinux', ['a="b'], 'a quote is not closed'],
    ['quotes and blanks mixed', 'pxelinux', ['a "b" c'], 'mixed'],
    ['a backslash in GRUB', 'grub', ['a\\b'], 'with a backslash'],
    ['quotes in a value in GRUB', 'grub', ['a={"b":1}'], 'with a backslash'],
    ['runs of blanks in iPXE', 'ipxe', ['a="b  c"'], 'one of several blanks'],
    ['variables in iPXE', 'ipxe', ['a=\u0024{net0/mac}'], 'cannot escape'],
    ['variables in U-Boot', 'extlinux', ['a=\u0024b'], 'would act on $'],
    ['more than Linux reads', 'grub', Array.from({ length: 32 }, () => 'x'.repeat(63)).concat('y'), '2049 bytes'],
  ])('refuses %s', (_, loader, args, message) => {
    expect(() => commandLine(loader, args)).toThrow(message);
  });

  it('takes all that Linux reads', () => {
    expect(
      commandLine(
        'ipxe',
        Array.from({ length: 32 }, () => 'x'.repeat(63)),
      ),
    ).toHaveLength(2047);
  });

  it('reads back, as the kernel splits it, as the list it was, or is refused', () => {
    const argument = fc.string({ unit: fc.constantFrom(...'ab= ".,-$\\\''), minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom(...COMMAND_LINE_LOADERS), fc.array(argument, { maxLength: 4 }), (loader, args) => {
        let line: string;
        try {
          line = commandLine(loader, args);
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          return;
        }
        const given = loader === 'grub' ? afterGrub(line) : line;
        const meant = args.map((text) => text.trim()).filter((text) => text !== '' && text !== '""');
        expect(split(given)).toEqual(
          meant.flatMap((text) => (/\s/.test(text.replace(/"[^"]*"/g, '')) ? [text] : split(text))),
        );
      }),
      { examples: [['grub', ['""']]] },
    );
  });
});

/** lib/cmdline.c, next_arg: quotes keep blanks; those around an argument or its value are taken away. */
function split(line: string): string[] {
  return (line.match(/(?:"[^"]*"|[^\s"])+/g) ?? []).map((word) =>
    word.replace(/^"([^"]*)"$/, '$1').replace(/^([^"\s=]+=)"([^"]*)"$/, '$1$2'),
  );
}

/** GRUB's own words, then the quotes it puts around those with blanks. */
function afterGrub(line: string): string {
  const words = line.match(/(?:'[^']*'|\\'|[^\s'])+/g) ?? [];
  return words
    .map((word) => word.replace(/'([^']*)'/g, '$1'))
    .map((word) => (word.includes(' ') ? `"${word}"` : word))
    .join(' ');
}
