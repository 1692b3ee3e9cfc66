/** iPXE scripts: labels, operators, variables, commands (iPXE core/exec.c, core/script.c). */
import { adviseName, findNearest } from '../../net/nearest.ts';
import { checkKernelLine } from './kernel-line.ts';
import { collectSlips, type Slip, type Slips, type Word, wordsOf } from './slip.ts';

/** Of builds with every command in; a word that is none of them is most likely a slip. */
const COMMANDS = (
  'autoboot boot certfree certstat certstore chain choose clear colour color config console cpair cpuid dhcp echo exit fcels ' +
  'fcstat fdt form gdbstub goto help ibmgmt iblinkup ibstat ifclose ifconf iflinkwait ifopen ifstat imgargs imgdecrypt ' +
  'imgexec imgextract imgfetch imgfree imgload imgmem imgselect imgset imgstat imgtrust imgverify import inc initrd ipstat iseq ' +
  'isset item kernel login logout lotest md5sum menu module neighbour nslookup nstat ntp param params pciscan ping poweroff ' +
  'present profstat prompt pxebs read reboot route sanboot sanhook sanunhook set sha1sum shell shim show sleep startpxe stoppxe ' +
  'sync time usbscan vcreate vdestroy'
).split(' ');

interface Jump extends Word {
  readonly line: number;
}

export function lintIpxe(text: string): readonly Slip[] {
  const slips = collectSlips();
  if (!/^#!ipxe\s*(?:\n|$)/.test(text)) {
    slips.error(1, 1, 'an iPXE script begins with the line "#!ipxe"', 'Put it first, with nothing before it.');
  }
  const labels = new Map<string, number>();
  const jumps: Jump[] = [];
  const items: Jump[] = [];
  const chosen = new Set<string>();
  const followed = new Set<string>();

  for (const { line, text: source } of logicalLines(text)) {
    const words = wordsOf(source);
    const [first] = words;
    if (!first || first.text.startsWith('#')) continue;
    checkVariables(slips, line, source);
    if (first.text.startsWith(':')) {
      const name = first.text.slice(1);
      const before = labels.get(name);
      if (before !== undefined) {
        slips.warning(
          line,
          first.column,
          `label "${name}" stands in line ${before} already`,
          'Only the first is used.',
        );
      } else labels.set(name, line);
      continue;
    }
    checkOperators(slips, line, words);
    for (const command of commandsOf(words)) {
      const [name, ...rest] = command;
      if (!name) continue;
      const options = rest.filter((word) => !word.text.startsWith('--'));
      if (name.text === 'goto' && rest[0]) {
        const variable = /^\$\{([^}]+)\}$/.exec(rest[0].text)?.[1];
        if (variable) followed.add(variable);
        else if (!rest[0].text.includes('${')) jumps.push({ ...rest[0], line });
      } else if (name.text === 'item') {
        const target = itemName(rest);
        if (target) items.push({ ...target, line });
      } else if (name.text === 'choose') {
        const variable = options.at(-1)?.text;
        if (variable) chosen.add(variable);
      } else if (name.text === 'kernel' && rest[0]) {
        const at = source.indexOf(options[0]?.text ?? '', name.column) + (options[0]?.text.length ?? 0);
        checkKernelLine(
          slips,
          command
            .slice(command.indexOf(options[0] ?? name) + 1)
            .map((word) => word.text)
            .join(' '),
          {
            line,
            column: at + 2,
          },
        );
      }
      checkCommand(slips, line, name);
    }
  }
  for (const { line, column, text: name } of jumps) {
    if (!labels.has(name)) {
      slips.error(line, column, `there is no label ":${name}"`, adviseName(name, [...labels.keys()]));
    }
  }
  const leads = [...chosen].some((variable) => followed.has(variable));
  for (const { line, column, text: name } of leads ? items : []) {
    if (!labels.has(name)) {
      slips.error(
        line,
        column,
        `the menu leads to label ":${name}", which is not there`,
        adviseName(name, [...labels.keys()]),
      );
    }
  }
  return slips.all;
}

/** A backslash at the end of a line goes on to the next one. */
function logicalLines(text: string): readonly { readonly line: number; readonly text: string }[] {
  const lines: { line: number; text: string }[] = [];
  let open: { line: number; text: string } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const goesOn = line.endsWith('\\');
    const part = goesOn ? line.slice(0, -1) : line;
    open = open ? { line: open.line, text: open.text + part } : { line: index + 1, text: part };
    if (goesOn) continue;
    lines.push(open);
    open = undefined;
  }
  return open ? [...lines, open] : lines;
}

function commandsOf(words: readonly Word[]): readonly (readonly Word[])[] {
  const commands: Word[][] = [[]];
  for (const word of words) {
    if (word.text.startsWith('#')) break;
    if (word.text === '||' || word.text === '&&') commands.push([]);
    else commands.at(-1)?.push(word);
  }
  return commands;
}

/** `item [--menu NAME] [--key K] [--default] [--gap] [NAME [text]]`; a gap leads nowhere. */
function itemName(words: readonly Word[]): Word | undefined {
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    if (!word) return undefined;
    if (word.text === '--gap' || word.text === '-g') return undefined;
    if (/^(?:--menu|--key|-m|-k)$/.test(word.text)) index += 1;
    else if (!word.text.startsWith('-')) return word.text.includes('${') ? undefined : word;
  }
  return undefined;
}

function checkOperators(slips: Slips, line: number, words: readonly Word[]): void {
  for (const { text, column } of words) {
    const glued = /^(?:(?:\|\||&&).|.+(?:\|\||&&)$)/.test(text) && !text.includes('://');
    if (!glued) continue;
    slips.error(line, column, `"${text}" is one word to iPXE`, 'Put blanks on both sides of || and &&.');
  }
}

function checkVariables(slips: Slips, line: number, source: string): void {
  for (const found of source.matchAll(/\$\{/g)) {
    const end = source.indexOf('}', found.index);
    if (end !== -1) continue;
    slips.error(line, found.index + 1, 'a variable is not closed', 'Put a "}" behind its name.');
    return;
  }
}

function checkCommand(slips: Slips, line: number, { text, column }: Word): void {
  if (text.includes('${') || COMMANDS.includes(text)) return;
  const nearest = findNearest(text, COMMANDS);
  const advice = nearest ? `Did you mean "${nearest}"?` : 'If your build of iPXE has it, this is no problem.';
  slips.warning(line, column, `iPXE has no command "${text}"`, advice);
}
