/** Matchbox's groups and profiles → hosts by MAC, profiles with kernel and arguments. */
import type { PlainObject } from '../boot/edit.ts';
import { profileOf } from './boot-entry.ts';
import { createDraft, type Draft, type ImportResult, type SourceFile, toMac, toName } from './draft.ts';
import { field, itemsOf, type Json, plain, readJson, textOf } from './json.ts';

interface Read {
  readonly file: string;
  readonly json: Json;
}

/** @param files `groups/*.json` and `profiles/*.json` under its data directory */
export function importMatchbox(files: readonly SourceFile[]): ImportResult {
  const draft = createDraft();
  const read = files.flatMap(({ path, text }): Read[] => {
    const reading = readJson(text);
    if ('json' in reading) return [{ file: path, json: reading.json }];
    draft.skip({ file: path, line: reading.line }, path, `it is no JSON: ${reading.problem}`);
    return [];
  });
  const names = new Map<string, string>();
  for (const one of read.filter(({ file }) => /(?:^|\/)profiles\/[^/]+$/.test(file))) readProfile(one, names, draft);
  for (const one of read.filter(({ file }) => /(?:^|\/)groups\/[^/]+$/.test(file))) readGroup(one, names, draft);
  return draft.result();
}

function readProfile({ file, json }: Read, names: Map<string, string>, draft: Draft): void {
  const id = textOf(field(json, 'id')) ?? '';
  const boot = field(json, 'boot');
  const kernel = textOf(field(boot, 'kernel'));
  for (const key of ['ignition_id', 'cloud_id', 'generic_id']) {
    const value = textOf(field(json, key));
    if (value)
      draft.skip(
        { file, line: field(json, key)?.line ?? 1 },
        `${key} ${value}`,
        'its template is written in another language; write a file route with a template of your own',
      );
  }
  if (kernel === undefined) {
    draft.skip({ file, line: json.line }, id, 'it boots no kernel');
    return;
  }
  const entry = {
    title: textOf(field(json, 'name')),
    kernel: assetPath(kernel),
    initrd: itemsOf(field(boot, 'initrd'))
      .flatMap((one) => textOf(one) ?? [])
      .map((one) => assetPath(one.replace(/^--name\s+\S+\s+/, ''))),
    args: itemsOf(field(boot, 'args')).flatMap((one) => {
      const text = textOf(one) ?? '';
      if (!/\$\{/.test(text)) return [text];
      draft.skip(
        { file, line: one.line },
        text,
        'it holds a variable of iPXE, which only iPXE could fill in; use {{mac.colon}} or {{host.uuid}}',
      );
      return [];
    }),
  };
  const document = profileOf(entry, () => {
    draft.note(
      `"${id}": whether it writes to disks cannot be told, so its profile is destructive and needs arming; if it does not, write "destructive: false"`,
    );
  });
  names.set(id, draft.profile(id, document, { file, line: json.line }));
}

function readGroup({ file, json }: Read, names: ReadonlyMap<string, string>, draft: Draft): void {
  const place = { file, line: json.line };
  const id = textOf(field(json, 'id')) ?? file;
  const selector = field(json, 'selector');
  const mac = toMac(textOf(field(selector, 'mac')) ?? '');
  const wanted = textOf(field(json, 'profile')) ?? '';
  if (!mac) {
    const keys = selector?.kind === 'object' ? [...selector.fields.keys()] : [];
    const why =
      keys.length === 0
        ? `it is for every machine: set "unknown" of the network${names.has(wanted) ? ` to a profile that writes to no disk, or give hosts "${names.get(wanted)}"` : ''}`
        : `it selects by ${keys.join(', ')}; a host needs a MAC, and a group can select by facts`;
    draft.skip(place, id, why);
    return;
  }
  const host = draft.host(mac, toName(id), place);
  const profile = names.get(wanted);
  if (profile === undefined)
    draft.skip(
      { file, line: field(json, 'profile')?.line ?? json.line },
      wanted,
      'there is no such profile among the files',
    );
  else host.fields.set('profile', profile);
  const uuid = textOf(field(selector, 'uuid'));
  if (uuid !== undefined) host.fields.set('uuid', uuid);
  const serial = textOf(field(selector, 'serial'));
  if (serial !== undefined) host.fields.set('serial', serial);
  const metadata = field(json, 'metadata');
  if (metadata) host.fields.set('vars', plain(metadata) as PlainObject);
}

/** Matchbox serves its assets under `/assets`. */
function assetPath(path: string): string {
  return path.replace(/^(?:https?:\/\/[^/]+)?\/assets\//, '');
}
