/** PXELINUX's configuration and U-Boot's reading of it: keywords, labels, the kernel's line. */
import { adviseName, findNearest } from '../../net/nearest.ts';
import { checkKernelLine } from './kernel-line.ts';
import { collectSlips, type Slip } from './slip.ts';

/** Syslinux 6: doc/syslinux.txt. */
const PXELINUX = {
  top: (
    'allowoptions append allow autoload console default display f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12 font implicit include ' +
    'ipappend kbdmap label localboot menu nohalt nocomplete noescape notice onerror ontimeout path prompt say sendcookies serial ' +
    'sysappend text timeout totaltimeout ui'
  ).split(' '),
  label:
    'append bss boot com32 config endtext fdimage fdt initrd ipappend kernel linux localboot menu pxe say sysappend text'.split(
      ' ',
    ),
  boots: ['bss', 'boot', 'com32', 'config', 'fdimage', 'kernel', 'linux', 'localboot', 'pxe', 'menu'],
};

/** U-Boot boot/pxe_utils.c: a word it does not know ends the label, and what follows is not read as part of it. */
const UBOOT = {
  top: 'default fallback include label menu ontimeout prompt timeout'.split(' '),
  label:
    'append devicetree devicetree-overlay devicetreedir fdt fdtdir fdtoverlays initrd ipappend kaslrseed kernel linux localboot menu say'.split(
      ' ',
    ),
  boots: ['kernel', 'linux', 'localboot'],
};

interface Label {
  readonly name: string;
  readonly line: number;
  readonly column: number;
  boots: boolean;
}

export const lintPxelinux = (text: string): readonly Slip[] => lint(text, 'PXELINUX', PXELINUX);
export const lintExtlinux = (text: string): readonly Slip[] => lint(text, 'U-Boot', UBOOT);

function lint(text: string, loader: string, grammar: typeof PXELINUX): readonly Slip[] {
  const slips = collectSlips();
  const labels: Label[] = [];
  const uses: Omit<Label, 'boots'>[] = [];
  let inText = false;
  for (const [index, source] of text.split('\n').entries()) {
    const line = index + 1;
    const [, blanks = '', word = '', gap = '', rest = ''] = /^(\s*)(\S*)(\s*)(.*)$/.exec(source) ?? [];
    const keyword = word.toLowerCase();
    if (keyword === 'endtext') inText = false;
    if (inText || keyword === '' || keyword.startsWith('#')) continue;
    if (keyword === 'text') inText = true;
    const column = blanks.length + 1;
    const valueColumn = column + word.length + gap.length;
    const current = labels.at(-1);
    if (keyword === 'label') {
      const name = rest.trim();
      if (name === '') slips.error(line, column, 'the label has no name', 'Write LABEL name.');
      if (labels.some((one) => one.name === name)) slips.warning(line, column, `label "${name}" is there twice`);
      labels.push({ name, line, column: valueColumn, boots: false });
      continue;
    }
    if (!grammar.top.includes(keyword) && !(current && grammar.label.includes(keyword))) {
      if (grammar.label.includes(keyword)) {
        slips.error(line, column, `${word} stands under no LABEL`, 'Put it below the LABEL it belongs to.');
        continue;
      }
      const nearest = findNearest(keyword, [...grammar.label, ...grammar.top]);
      const advice = nearest ? `Did you mean "${nearest.toUpperCase()}"?` : 'Remove it.';
      slips.error(line, column, `${loader} has no keyword "${word}"`, advice);
      continue;
    }
    if (current && grammar.boots.includes(keyword)) current.boots = true;
    if (keyword === 'append')
      checkKernelLine(slips, rest, { line, column: valueColumn }, loader === 'U-Boot' ? 'uboot' : 'linux');
    if (/^(?:default|ontimeout|onerror|fallback)$/.test(keyword) && (!current || loader === 'U-Boot')) {
      uses.push({ name: rest.trim().split(/\s+/)[0] ?? '', line, column: valueColumn });
    }
    if (/^(?:timeout|totaltimeout|prompt)$/.test(keyword) && !/^\d+\s*$/.test(rest)) {
      slips.error(line, valueColumn, `${keyword.toUpperCase()} needs a number, not "${rest}"`);
    }
  }
  for (const { name, line, column, boots } of labels) {
    if (!boots && name !== '')
      slips.error(line, column, `label "${name}" boots nothing`, 'Give it KERNEL or LOCALBOOT.');
  }
  const names = labels.map(({ name }) => name);
  for (const { name, line, column } of uses) {
    // A name that is no label is a file to PXELINUX: only one without a dot or slash is most likely a slip.
    if (names.includes(name) || (loader === 'PXELINUX' && (/[./]/.test(name) || names.length === 0))) continue;
    slips.error(line, column, `there is no label "${name}"`, adviseName(name, names));
  }
  return slips.all;
}
