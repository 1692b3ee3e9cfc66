/** A TFTP root as others lay it out → hosts by MAC, profiles by what they boot. */
import { imagePath, profileOf } from './boot-entry.ts';
import { createDraft, type Draft, type ImportResult, type SourceFile, toMac, toName } from './draft.ts';
import { parseGrub } from './grub.ts';
import { type PxelinuxEntry, parsePxelinux } from './pxelinux.ts';

/** Files of a TFTP root that this import reads; everything else there is images. */
export function isBootConfiguration(path: string): boolean {
  return /(?:^|\/)pxelinux\.cfg\/[^/]+$/.test(path) || /(?:^|\/)grub\.cfg[^/]*$/.test(path);
}

/**
 * @param files configurations, by `isBootConfiguration`
 * @param present every path of the tree, to say what kernels are not there
 */
export function importTftpboot(files: readonly SourceFile[], present: ReadonlySet<string>): ImportResult {
  const draft = createDraft();
  const needed = new Set<string>();
  for (const file of files) {
    const name = file.path.slice(file.path.lastIndexOf('/') + 1);
    if (/(?:^|\/)pxelinux\.cfg\/[^/]+$/.test(file.path)) readPxelinux(file, name, draft, needed);
    else readGrub(file, name, draft, needed);
  }
  const images = [...needed].filter((path) => !path.includes('://')).sort();
  const there = images.filter((path) => present.has(path));
  const absent = images.filter((path) => !present.has(path));
  if (there.length > 0) draft.note(`copy to boot-images/, under the same names: ${there.join(', ')}`);
  if (absent.length > 0) draft.note(`not found in the directory, yet named: ${absent.join(', ')}`);
  return draft.result();
}

function readPxelinux(file: SourceFile, name: string, draft: Draft, needed: Set<string>): void {
  const { entries, chosen } = parsePxelinux(file, draft);
  const place = { file: file.path, line: 1 };
  if (entries.length === 0) {
    draft.skip(place, file.path, 'it boots nothing that could be carried over');
    return;
  }
  const names = new Map(entries.map((entry) => [entry.label, profileNameOf(entry, file.path, draft, needed)]));
  if (name === 'default') return;
  const owner = ownerOf(name, file, draft);
  if (owner)
    owner.fields.set(
      'profile',
      names.get(chosen ?? '') ??
        draft.profile('local', { title: 'Local disk', kind: 'local' }, { file: file.path, line: 1 }),
    );
}

function readGrub(file: SourceFile, name: string, draft: Draft, needed: Set<string>): void {
  const { entries, chosen } = parseGrub(file, draft);
  const suffix = /^grub\.cfg-(.+)$/.exec(name)?.[1];
  const names = entries.map(({ line, ...entry }) => {
    for (const path of [entry.kernel, ...entry.initrd]) needed.add(imagePath(path));
    const from = { file: file.path, line };
    const document = profileOf(entry, () => doubt(draft, entry.title ?? entry.kernel));
    return draft.profile(toName(entry.title ?? '') ?? 'grub-entry', document, from);
  });
  if (suffix === undefined) return;
  const owner = ownerOf(suffix, file, draft);
  if (owner)
    owner.fields.set(
      'profile',
      names[chosen] ?? draft.profile('local', { title: 'Local disk', kind: 'local' }, { file: file.path, line: 1 }),
    );
}

/** Whom a file is for: PXELINUX and GRUB ask by MAC, by UUID, and by ever shorter parts of the address in hex. */
function ownerOf(name: string, file: SourceFile, draft: Draft) {
  const place = { file: file.path, line: 1 };
  const mac = toMac(name);
  if (mac) return draft.host(mac, hostNameIn(file.text), place);
  if (/^[0-9A-F]{1,8}$/.test(name)) {
    const whole = name.length === 8;
    const what = whole ? `one address (${addressOf(name)})` : 'a range of addresses';
    const cure = whole ? 'add the host with its MAC and give it this address' : 'a group or the network can say it';
    draft.skip(place, name, `it is for ${what}, and a host is known by its MAC: ${cure}`);
  } else if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name)) {
    draft.skip(place, name, 'it is for a machine by its UUID; a host needs a MAC as well: add it by hand, with uuid');
  } else {
    draft.skip(place, name, 'no loader asks for a file of this name');
  }
  return undefined;
}

function profileNameOf(entry: PxelinuxEntry, file: string, draft: Draft, needed: Set<string>): string {
  if (entry.kind === 'local')
    return draft.profile('local', { title: 'Local disk', kind: 'local' }, { file, line: entry.line });
  const { label, line, kernel, initrd, args, title } = entry;
  for (const path of [kernel, ...initrd]) needed.add(imagePath(path));
  const document = profileOf({ title, kernel, initrd, args }, () => doubt(draft, label));
  return draft.profile(toName(label) ?? 'entry', document, { file, line });
}

function doubt(draft: Draft, what: string): void {
  draft.note(
    `"${what}": whether it writes to disks cannot be told, so its profile is destructive and needs arming; if it does not, write "destructive: false"`,
  );
}

/** Administrators write the machine's name into a comment or into the arguments; the arguments are sure. */
function hostNameIn(text: string): string | undefined {
  return /(?:^|\s)(?:hostname|netcfg\/get_hostname)=([A-Za-z0-9][\w.-]*)/m.exec(text)?.[1];
}

function addressOf(hex: string): string {
  return (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)).join('.');
}
