/** The inventory's files on disk: which there are, read again only when they changed, and the catalog they make. */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { buildCatalog, type Catalog, type CatalogProblem } from '../boot/catalog.ts';
import type { Host, Network, Profile, RoutesDocument } from '../boot/host.ts';
import type { PeImage } from '../boot/pe.ts';
import type { Problem } from '../errors.ts';
import { type CheckOption, type InventoryObject, type ObjectRef, readObject } from './inventory-schema.ts';
import { labelOf } from './label.ts';
import { stampOf } from './stamp.ts';
import { formatPath } from './yaml.ts';
import { type DataPath, parseYaml } from './yaml-source.ts';

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

export function hostRef(roots: InventoryRoots, name: string): ObjectRef {
  return refOf('host', name, join(roots.profilesRoot, 'hosts', `${name}.yaml`));
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
  const { profilesRoot, templatesRoot } = roots;
  const problems: Problem[] = [];
  const refs = [
    ...(await listRefs('profile', profilesRoot, problems)),
    ...(await listRefs('host', join(profilesRoot, 'hosts'), problems)),
    ...(await listRefs('network', join(profilesRoot, 'networks'), problems)),
    refOf('routes', 'routes', join(templatesRoot, 'routes.yaml')),
  ];
  const files = new Map<string, LoadedFile>();
  // In batches: enough to keep the disk busy, few enough that boots get their turn in between.
  for (let start = 0; start < refs.length; start += BATCH) {
    const batch = refs.slice(start, start + BATCH);
    const loaded = await Promise.all(batch.map((ref) => loadFile(ref, before.get(ref.file), checkOption)));
    for (const [index, ref] of batch.entries()) {
      const file = loaded[index];
      if (file) files.set(ref.file, file);
      else if (ref.kind === 'routes') problems.push(missingRoutes(ref));
    }
  }
  return { files, problems };
}

/** Undefined when there is no such file. */
export async function loadFile(
  ref: ObjectRef,
  before: LoadedFile | undefined,
  checkOption: CheckOption,
): Promise<LoadedFile | undefined> {
  try {
    const stats = await stat(ref.file, { bigint: true });
    const stamp = stampOf(stats);
    if (before && stamp !== undefined && before.stamp === stamp) return before;
    // Reading a FIFO would wait for ever.
    if (!stats.isFile()) return unreadable(ref, stamp, 'is no regular file', 'Remove it.');
    if (stats.size > MAX_FILE_BYTES) return unreadable(ref, stamp, 'is larger than 1 MiB', 'One object a file.');
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(ref.file));
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

/** The catalog of these files, with the problems of each and of all together. */
export function assembleCatalog(
  files: LoadedFiles,
  installed: ReadonlySet<string>,
  images: ReadonlyMap<string, PeImage> = new Map(),
): { readonly catalog: Catalog; readonly problems: readonly Problem[] } {
  const hosts: Host[] = [];
  const profiles: Profile[] = [];
  const networks: Network[] = [];
  let table: RoutesDocument = { routes: [], rewrites: [], ignoreCase: false };
  for (const { object } of files.values()) {
    if (object?.kind === 'host') hosts.push(object.value);
    else if (object?.kind === 'profile') profiles.push(object.value);
    else if (object?.kind === 'network') networks.push(object.value);
    else if (object) table = object.value;
  }
  const built = buildCatalog({ hosts, profiles, networks, ...table, installed, images });
  const own = [...files.values()].flatMap(({ problems }) => problems);
  const broken = new Set(
    [...files.values()].filter(({ object }) => !object).map(({ ref }) => `${ref.kind} ${ref.name}`),
  );
  // A name is not unknown because the file behind it has a problem: that one is reported already.
  const shared = built.problems.filter((problem) => !blamesBroken(problem, files, broken));
  return { catalog: built.catalog, problems: [...own, ...shared.map((problem) => placed(problem, files))] };
}

/** Kernels under `boot-images/` that profiles name. */
export function kernelsOf(files: LoadedFiles): readonly string[] {
  return [...files.values()].flatMap(({ object }) => {
    const kernel = object?.kind === 'profile' ? object.value.kernel : undefined;
    return kernel === undefined || kernel.includes('://') ? [] : [kernel];
  });
}

function blamesBroken(problem: CatalogProblem, files: LoadedFiles, broken: ReadonlySet<string>): boolean {
  const field = problem.path.at(-1);
  const object = findFile(files, problem.object.kind, problem.object.name)?.object;
  if (object?.kind === 'host' && field === 'profile') return broken.has(`profile ${object.value.profile}`);
  if (object?.kind === 'network' && field === 'unknown') return broken.has(`profile ${object.value.unknown}`);
  return false;
}

/** Where a value of an object stands; the object's name when there is no file of it. */
export function placeOf(
  files: LoadedFiles,
  kind: ObjectRef['kind'],
  name: string,
  path: DataPath,
): Pick<Problem, 'file' | 'line' | 'column' | 'path'> {
  const found = findFile(files, kind, name);
  if (!found) return { file: name, path: formatPath(path) };
  return { file: found.ref.label, ...parseYaml(found.ref.label, found.text).locate(path), path: formatPath(path) };
}

function findFile(files: LoadedFiles, kind: ObjectRef['kind'], name: string): LoadedFile | undefined {
  return [...files.values()].find(({ ref }) => ref.kind === kind && ref.name === name);
}

function placed({ object, path, message, advice }: CatalogProblem, files: LoadedFiles): Problem {
  return { severity: 'error', ...placeOf(files, object.kind, object.name, path), message, advice };
}

async function listRefs(
  kind: ObjectRef['kind'],
  directory: string,
  problems: Problem[],
): Promise<readonly ObjectRef[]> {
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
  return names
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => refOf(kind, basename(name, '.yaml'), join(directory, name)));
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

function refOf(kind: ObjectRef['kind'], name: string, file: string): ObjectRef {
  return { kind, name, file, label: labelOf(file) };
}
