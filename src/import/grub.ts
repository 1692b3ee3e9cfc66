/** GRUB configuration, as far as it says what to boot: menu entries with `linux` and `initrd`. It is a script; no more is run. */
import { type BootEntry, splitArgs } from './boot-entry.ts';
import type { Draft, SourceFile } from './draft.ts';

export interface GrubFile {
  readonly entries: readonly (BootEntry & { readonly line: number })[];
  /** Index into `entries`. */
  readonly chosen: number;
}

export function parseGrub({ path, text }: SourceFile, draft: Draft): GrubFile {
  const entries: (BootEntry & { line: number })[] = [];
  const variables = new Map<string, string>();
  let title: string | undefined;
  let chosen = 0;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const place = { file: path, line: index + 1 };
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || /^[}\])]+$/.test(line)) continue;
    const words = splitArgs(expand(line, variables));
    const [command = '', ...rest] = words;
    switch (command) {
      case 'menuentry':
      case 'submenu':
        title = unquote(rest[0] ?? '');
        break;
      case 'set': {
        const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(rest.join(' ')) ?? [];
        variables.set(name, unquote(value));
        if (name === 'default' && /^\d+$/.test(unquote(value))) chosen = Number(unquote(value));
        break;
      }
      case 'linux':
      case 'linuxefi':
      case 'linux16': {
        const [kernel, ...args] = rest.map(unquote);
        if (kernel === undefined) draft.skip(place, raw, 'it names no kernel');
        else entries.push({ title, kernel, initrd: [], args: args.filter((arg) => arg !== '---'), line: index + 1 });
        break;
      }
      case 'initrd':
      case 'initrdefi':
      case 'initrd16': {
        const last = entries.pop();
        if (last) entries.push({ ...last, initrd: rest.map(unquote) });
        else draft.skip(place, raw, 'it follows no kernel');
        break;
      }
      case 'if':
      case 'elif':
      case 'for':
      case 'while':
      case 'function':
      case 'configfile':
      case 'source':
      case 'chainloader':
      case 'multiboot':
      case 'multiboot2':
        draft.skip(place, raw, `"${command}" is a script's; what depends on the machine goes into a template`);
        break;
      default: // insmod, echo, terminal_output, timeouts: the look of it, which the templates take care of
    }
  }
  return { entries, chosen: chosen < entries.length ? chosen : 0 };
}

function expand(line: string, variables: ReadonlyMap<string, string>): string {
  return line.replace(/\$\{?(\w+)\}?/g, (whole, name: string) => variables.get(name) ?? whole);
}

function unquote(word: string): string {
  return word.replace(/^(["'])(.*)\1$/s, '$2');
}
