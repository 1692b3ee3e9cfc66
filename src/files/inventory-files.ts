/** The inventory's files on disk: which there are, read again only when they changed. */
import { createHash } from 'node:crypto';
import { type BigIntStats, readFileSync, statSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { OBJECT_KINDS, type ObjectKind } from '../boot/edit.ts';
import { eachInSteps } from '../boot/sliced.ts';
import type { Problem } from '../errors.ts';
import { runInTurns } from './in-turns.ts';
import { type CheckOption, type InventoryObject, type ObjectRef, readObject } from './inventory-schema.ts';
import { labelOf } from './label.ts';
import { stampOf } from './stamp.ts';

export interface InventoryRoots {
  /** `profiles/` */
  readonly profilesRoot: string;
  /** `templates/`, for its `routes.yaml`. */
  readonly templatesRoot: string;
}

/** A file as it was last read. `object` is absent when it has problems. */
export interface LoadedFile {
  readonly ref: ObjectRef;
  readonly text: string;
  /** Changes when the text does. */
  readonly revision: string;
  /** Changes when the file on disk may have; undefined when that could not be told. */
  readonly stamp: string | undefined;
  readonly object?: InventoryObject;
  readonly problems: readonly Problem[];
}

/** By absolute path. */
export type LoadedFiles = ReadonlyMap<string, LoadedFile>;

const BATCH = 32;
const MAX_FILE_BYTES = 1024 * 1024;

/** Where each kind has its files, under `profiles/`. */
const FOLDERS: Readonly<Record<Exclude<ObjectKind, 'routes'>, string>> = {
  profile: '',
  host: 'hosts',
  group: 'groups',
  network: 'networks',
  quirk: 'quirks',
};

export function objectRef(roots: InventoryRoots, kind: ObjectKind, name: string): ObjectRef {
  if (kind === 'routes') return refOf('routes', 'routes', join(roots.templatesRoot, 'routes.yaml'));
  return refOf(kind, name, join(roots.profilesRoot, FOLDERS[kind], `${name}.yaml`));
}

/** Its place in the tree, wherever the tree is: `profiles/hosts/web01.yaml`. */
export function treePathOf({ kind, name }: Pick<ObjectRef, 'kind' | 'name'>): string {
  return kind === 'routes'
    ? 'templates/routes.yaml'
    : ['profiles', FOLDERS[kind], `${name}.yaml`].filter(Boolean).join('/');
}

/** Hash of a file's text: what `ETag` and `If-Match` carry. */
export function revisionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Reads everything; files whose stamp is the one in `before` are taken from there. */
export async function loadFiles(
  roots: InventoryRoots,
  before: LoadedFiles,
  checkOption: CheckOption,
): Promise<{ readonly files: LoadedFiles; readonly problems: readonly Problem[] }> {
  const problems: Problem[] = [];
  const refs: ObjectRef[] = [];
  for (const kind of OBJECT_KINDS) {
    if (kind === 'routes') refs.push(objectRef(roots, kind, 'routes'));
    else refs.push(...(await listRefs(kind, join(roots.profilesRoot, FOLDERS[kind]), problems)));
  }
  const files = new Map<string, LoadedFile>();
  // At the start nobody is kept waiting, and four trips through the thread pool a file take as long as parsing it.
  const disk = before.size === 0 ? BLOCKING : PATIENT;
  // In batches: enough to keep the disk busy, few enough that boots get their turn in between.
  for (let start = 0; start < refs.length; start += BATCH) {
    const batch = refs.slice(start, start + BATCH);
    const loaded = await Promise.all(batch.map((ref) => loadFile(ref, before.get(ref.file), checkOption, disk)));
    for (const [index, ref] of batch.entries()) {
      const file = loaded[index];
      if (file) files.set(ref.file, file);
      else if (ref.kind === 'routes') problems.push(missingRoutes(ref));
    }
  }
  return { files, problems };
}

interface Reading {
  stat(file: string): BigIntStats | Promise<BigIntStats>;
  read(file: string): Uint8Array | Promise<Uint8Array>;
}

const PATIENT: Reading = { stat: (file) => stat(file, { bigint: true }), read: (file) => readFile(file) };
const BLOCKING: Reading = { stat: (file) => statSync(file, { bigint: true }), read: (file) => readFileSync(file) };

/** Undefined when there is no such file. */
export async function loadFile(
  ref: ObjectRef,
  before: LoadedFile | undefined,
  checkOption: CheckOption,
  disk: Reading = PATIENT,
): Promise<LoadedFile | undefined> {
  try {
    const stats = await disk.stat(ref.file);
    const stamp = stampOf(stats);
    if (before && stamp !== undefined && before.stamp === stamp) return before;
    // Reading a FIFO would wait for ever.
    if (!stats.isFile()) return unreadable(ref, stamp, 'is no regular file', 'Remove it.');
    if (stats.size > MAX_FILE_BYTES) return unreadable(ref, stamp, 'is larger than 1 MiB', 'One object a file.');
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await disk.read(ref.file));
    return readText(ref, text, stamp, checkOption);
  } catch (error) {
    if (error instanceof TypeError) return unreadable(ref, undefined, 'is not UTF-8 text', 'Save it as UTF-8.');
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    return unreadable(ref, undefined, `cannot be read (${code ?? 'unknown'})`, 'Check its owner and mode.');
  }
}

/** A text as if it stood in the file. */
export function readText(
  ref: ObjectRef,
  text: string,
  stamp: string | undefined,
  checkOption: CheckOption,
): LoadedFile {
  return { ref, text, stamp, revision: revisionOf(text), ...readObject(ref, text, checkOption) };
}

async function listRefs(kind: ObjectKind, directory: string, problems: Problem[]): Promise<readonly ObjectRef[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') {
      problems.push(
        fileProblem('error', labelOf(directory), `cannot be read (${error.code})`, 'Check its owner and mode.'),
      );
    } else if (kind === 'profile') {
      problems.push(
        fileProblem('warning', labelOf(directory), 'does not exist', 'Create it, or set the right directory.'),
      );
    }
    return [];
  });
  const names = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
  for (const name of names.filter((name) => name.endsWith('.yml'))) {
    problems.push(fileProblem('warning', labelOf(join(directory, name)), 'is not read', 'Rename it to end in .yaml.'));
  }
  // Asked once: it costs more than all else about a name.
  const label = labelOf(directory);
  const refs: ObjectRef[] = [];
  const add = (name: string) =>
    refs.push({ kind, name: basename(name, '.yaml'), file: join(directory, name), label: join(label, name) });
  await runInTurns(eachInSteps(names.filter((name) => name.endsWith('.yaml')).sort(), add));
  return refs;
}

function missingRoutes(ref: ObjectRef): Problem {
  return fileProblem('warning', ref.label, 'does not exist', 'Without it only the rows of profiles are served.');
}

function unreadable(ref: ObjectRef, stamp: string | undefined, message: string, advice: string): LoadedFile {
  const problems = [fileProblem('error', ref.label, message, advice)];
  return { ref, text: '', stamp, revision: revisionOf(''), problems };
}

function fileProblem(severity: Problem['severity'], file: string, message: string, advice: string): Problem {
  return { severity, file, message, advice };
}

function refOf(kind: ObjectKind, name: string, file: string): ObjectRef {
  return { kind, name, file, label: labelOf(file) };
}
