/** PXELINUX configuration (SYSLINUX's file format): labels with kernel, initrd and arguments. */
import { type BootEntry, splitArgs } from './boot-entry.ts';
import type { Draft, SourceFile } from './draft.ts';

export type PxelinuxEntry =
  | ({ readonly kind: 'kernel'; readonly label: string; readonly line: number } & BootEntry)
  | { readonly kind: 'local'; readonly label: string; readonly line: number };

export interface PxelinuxFile {
  readonly entries: readonly PxelinuxEntry[];
  /** Label that boots without a keystroke. */
  readonly chosen: string | undefined;
}

interface Section {
  readonly label: string;
  readonly line: number;
  title?: string;
  kernel?: string;
  local?: boolean;
  isDefault?: boolean;
  initrd: string[];
  append: string;
}

/** Words that concern the look of the menu or the console, which Hobnail's own templates take care of. */
const LOOKS =
  /^(?:ui|prompt|noescape|nocomplete|allowoptions|implicit|display|say|f\d+|font|kbdmap|serial|console|timeout|totaltimeout|ontimeout|onerror|text|endtext|menu|localbootdelay)$/;

export function parsePxelinux({ path, text }: SourceFile, draft: Draft): PxelinuxFile {
  const entries: PxelinuxEntry[] = [];
  let wanted: string | undefined;
  let global = '';
  let section: Section | undefined;
  let inText = false;

  const finish = () => {
    if (section) entries.push(...entryOf(section, global, path, draft));
    if (section?.isDefault) wanted = section.label;
    section = undefined;
  };

  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const place = { file: path, line: index + 1 };
    const line = raw.trim();
    const [, first = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
    const word = first.toLowerCase();
    if (inText) {
      if (word === 'endtext') inText = false;
      continue;
    }
    if (line === '' || line.startsWith('#')) continue;
    switch (word) {
      case 'label':
        finish();
        section = { label: rest, line: index + 1, initrd: [], append: '' };
        break;
      case 'default':
        // `DEFAULT menu.c32` names a user interface, not a label.
        if (!/\.(?:c32|0)$/i.test(rest)) wanted = rest.split(/\s/)[0];
        break;
      case 'ontimeout':
        wanted = rest.split(/\s/)[0];
        break;
      case 'kernel':
      case 'linux':
        if (section) section.kernel = rest;
        else draft.skip(place, raw, 'it stands in no label');
        break;
      case 'initrd':
        section?.initrd.push(...rest.split(','));
        break;
      case 'append':
        if (section) section.append = rest;
        else global = rest;
        break;
      case 'localboot':
        if (section) section.local = true;
        break;
      case 'menu':
        if (section && /^label\s/i.test(rest)) section.title = rest.slice(6).replaceAll('^', '').trim();
        else if (section && /^default$/i.test(rest)) section.isDefault = true;
        break;
      case 'text':
        inText = true;
        break;
      case 'include':
      case 'config':
        draft.skip(
          place,
          raw,
          'files are read one by one; what stands in it is imported if it is itself a configuration',
        );
        break;
      case 'ipappend':
      case 'sysappend':
        draft.skip(place, raw, 'Hobnail adds BOOTIF and ip= by its templates; write what is needed into args');
        break;
      case 'com32':
      case 'boot':
      case 'bss':
      case 'pxe':
      case 'fdimage':
      case 'comboot':
        draft.skip(place, raw, `"${word}" has no counterpart; a "chain" profile starts other loaders`);
        break;
      default:
        if (!LOOKS.test(word)) draft.skip(place, raw, `"${first}" is not known in PXELINUX configuration`);
    }
  }
  finish();
  const known = entries.find(({ label }) => label.toLowerCase() === wanted?.toLowerCase());
  return { entries, chosen: known?.label ?? entries[0]?.label };
}

function entryOf(section: Section, global: string, file: string, draft: Draft): PxelinuxEntry[] {
  const { label, line, kernel, title } = section;
  if (section.local) return [{ kind: 'local', label, line }];
  if (kernel === undefined) return [];
  if (/\.c32$/i.test(kernel)) {
    const local = /(?:^|\/)chain\.c32$/i.test(kernel) && /\bhd\d|\bboot\b/.test(section.append);
    if (local) return [{ kind: 'local', label, line }];
    draft.skip({ file, line }, `label ${label}`, `${kernel} is a module of PXELINUX, not a kernel`);
    return [];
  }
  // `APPEND -` in a label: none of the general arguments either.
  const append = section.append === '-' ? '' : section.append === '' ? global : section.append;
  const words = splitArgs(append);
  const fromArgs = words.filter((word) => /^initrd=/i.test(word)).flatMap((word) => word.slice(7).split(','));
  const args = words.filter((word) => !/^initrd=/i.test(word));
  return [
    { kind: 'kernel', label, line, title: title ?? label, kernel, initrd: [...section.initrd, ...fromArgs], args },
  ];
}
