/** profiles/ ⇄ Catalog: load, watch, keep the last good snapshot, and edit hosts without losing a comment. */
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { watch as watchFiles } from 'chokidar';
import type { Catalog } from '../boot/catalog.ts';
import type { EventKind, RecordEvent } from '../boot/event.ts';
import { nameSchema } from '../boot/host.ts';
import { LOADER_FILES } from '../boot/loaders.ts';
import type { PeImage } from '../boot/pe.ts';
import { AppError, formatProblem, messageOf, type Problem } from '../errors.ts';
import { DISK, type Disk, removeDurably, writeAtomically } from './atomic-write.ts';
import { scanInstalled } from './installed.ts';
import {
  assembleCatalog,
  hostRef,
  kernelsOf,
  type LoadedFile,
  type LoadedFiles,
  loadFile,
  loadFiles,
  placeOf,
  readText,
} from './inventory-files.ts';
import type { CheckOption, ObjectRef } from './inventory-schema.ts';
import { readPeImages } from './pe-images.ts';
import { editYaml, isObject, mergePatch, writeYaml, type YamlObject } from './yaml-edit.ts';
import { type DataPath, parseYaml } from './yaml-source.ts';

export interface InventoryDeps {
  readonly profilesRoot: string;
  readonly templatesRoot: string;
  readonly imagesRoot: string;
  /** From the DHCP vocabulary: the problem with a custom option, if any. */
  readonly checkOption: CheckOption;
  readonly record: RecordEvent;
  readonly log: { info(fields: object, text: string): void; warn(fields: object, text: string): void };
  /** Milliseconds since 1970; default: the system's clock. */
  readonly now?: () => number;
  /** Default: the real one. */
  readonly disk?: Disk;
}

/** A host as its file has it: no defaults filled in. */
export interface HostFile {
  readonly name: string;
  readonly document: YamlObject;
  readonly revision: string;
}

/** `create` refuses to replace; `replace` makes the file say exactly this; `merge` is a JSON merge patch (RFC 7396). */
export type HostChange =
  | { readonly kind: 'create'; readonly document: YamlObject }
  | { readonly kind: 'replace'; readonly document: YamlObject }
  | { readonly kind: 'merge'; readonly patch: YamlObject };

/** The revision the caller saw; without it the change is made whatever is there. */
export interface EditOptions {
  readonly ifMatch?: string | undefined;
}

export interface Inventory {
  /** The last good catalog; empty before the first `reload`. */
  snapshot(): Catalog;
  /** Problems of the files as they are on disk now, whatever is being served. */
  problems(): readonly Problem[];
  /** Where a value of an object is written, for problems that others find: `place('profile', 'web', ['kernel'])`. */
  place(kind: ObjectRef['kind'], name: string, path: DataPath): Pick<Problem, 'file' | 'line' | 'column' | 'path'>;
  /** Reads what changed. True when the disk is what is served now, false when the last good snapshot was kept. */
  reload(): Promise<boolean>;
  /** Reloads when files change, a moment after the last change. Resolves when watching. */
  watch(): Promise<void>;
  close(): Promise<void>;
  /** Throws `AppError` not-found, inventory-invalid. */
  readHost(name: string): Promise<HostFile>;
  /**
   * Throws `AppError` not-found, already-exists, revision-stale, request-invalid (name), inventory-invalid (with
   * `problems`), disk-full, write-failed; the file and the snapshot are then as before.
   */
  writeHost(name: string, change: HostChange, options?: EditOptions): Promise<HostFile>;
  deleteHost(name: string, options?: EditOptions): Promise<void>;
}

/** Editors write in several steps; wait for the last. */
const SETTLE_MS = 100;

export function createInventory(deps: InventoryDeps): Inventory {
  const { checkOption, log, disk = DISK, now = Date.now } = deps;
  let files: LoadedFiles = new Map();
  let served: LoadedFiles = new Map();
  let installed: ReadonlySet<string> = new Set();
  let images: ReadonlyMap<string, PeImage> = new Map();
  let problems: readonly Problem[] = [];
  let current: Catalog = assembleCatalog(served, installed).catalog;
  let loadedOnce = false;
  let watcher: ReturnType<typeof watchFiles> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  /** Edits and reloads one after the other. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = queue.then(work);
    queue = done.catch(() => undefined);
    return done;
  };

  const event = (kind: EventKind, summary: string, more: { host?: string; detail?: Record<string, unknown> } = {}) =>
    deps.record({ at: now(), kind, summary, ...more });

  const reload = async (): Promise<boolean> => {
    const loaded = await loadFiles(deps, files, checkOption);
    const found = await scanInstalled(deps.imagesRoot);
    const loaders = LOADER_FILES.map(({ image }) => image).filter((image) => found.has(image));
    const heads = await readPeImages(deps.imagesRoot, [...loaders, ...kernelsOf(loaded.files)]);
    const built = assembleCatalog(loaded.files, found, heads);
    const before = problems;
    problems = [...loaded.problems, ...built.problems];
    files = loaded.files;
    const errors = problems.filter(({ severity }) => severity === 'error');
    if (errors.length > 0) {
      const lines = errors.map(formatProblem);
      if (
        lines.join('\n') !==
        before
          .filter(({ severity }) => severity === 'error')
          .map(formatProblem)
          .join('\n')
      ) {
        log.warn({ problems: lines }, 'the inventory has problems; the last good one is served');
        event('config.rejected', `${count(errors.length, 'problem')}; the last good inventory is kept`, {
          detail: { problems: lines },
        });
      }
      return false;
    }
    const changed =
      !loadedOnce || !sameTexts(served, files) || !sameSet(found, installed) || !isDeepStrictEqual(heads, images);
    served = files;
    if (!changed) return true;
    installed = found;
    images = heads;
    current = built.catalog;
    loadedOnce = true;
    const counts = { hosts: current.hosts.size, profiles: current.profiles.size, networks: current.networks.size };
    log.info(counts, 'inventory loaded');
    event('config.loaded', `${count(counts.hosts, 'host')}, ${count(counts.profiles, 'profile')} loaded`, {
      detail: counts,
    });
    return true;
  };

  /** The file now on disk, whatever the watcher has seen of it. Throws when it is broken. */
  const hostOnDisk = async (name: string): Promise<LoadedFile | undefined> => {
    const ref = hostRef(deps, checkName(name));
    const file = await loadFile(ref, files.get(ref.file), checkOption);
    if (file && file.problems.length > 0 && !isObject(parseYaml(ref.label, file.text).data))
      throw invalid(file.problems);
    return file;
  };

  /** Validates what would be served and, once `write` has succeeded, serves it. */
  const commit = async (next: Map<string, LoadedFile>, write: () => Promise<void>): Promise<void> => {
    const built = assembleCatalog(next, installed, images);
    if (built.problems.length > 0) throw invalid(built.problems);
    await write();
    served = next;
    current = built.catalog;
  };

  const writeHost = async (name: string, change: HostChange, { ifMatch }: EditOptions): Promise<HostFile> => {
    const ref = hostRef(deps, checkName(name));
    const before = await hostOnDisk(name);
    checkRevision(name, before, ifMatch);
    if (!before && change.kind === 'merge') throw notFound(name);
    if (before && change.kind === 'create') throw new AppError('already-exists', `There is a host "${name}" already.`);
    const old = before ? parseYaml(ref.label, before.text).data : undefined;
    const document = change.kind === 'merge' ? mergePatch(old, change.patch) : change.document;
    if (!isObject(document)) throw new AppError('request-invalid', 'A host is an object.');
    const text = before ? edited(ref.label, before.text, document) : writeYaml(document);
    const draft = readText(ref, text, undefined, checkOption);
    await commit(new Map(served).set(ref.file, draft), () => writeAtomically(ref.file, text, disk));
    const stored = await loadFile(ref, undefined, checkOption);
    files = new Map(files).set(ref.file, stored ?? draft);
    problems = problems.filter(({ file }) => file !== ref.label);
    event('host.changed', `host "${name}" ${before ? 'changed' : 'created'}`, { host: name });
    return { name, document, revision: draft.revision };
  };

  const deleteHost = async (name: string, { ifMatch }: EditOptions): Promise<void> => {
    const ref = hostRef(deps, checkName(name));
    const before = await loadFile(ref, files.get(ref.file), checkOption);
    if (!before) throw notFound(name);
    checkRevision(name, before, ifMatch);
    const without = new Map(served);
    without.delete(ref.file);
    await commit(without, () => removeDurably(ref.file, disk));
    files = new Map([...files].filter(([file]) => file !== ref.file));
    problems = problems.filter(({ file }) => file !== ref.label);
    event('host.changed', `host "${name}" deleted`, { host: name });
  };

  return {
    snapshot: () => current,
    problems: () => problems,
    place: (kind, name, path) => placeOf(served, kind, name, path),
    reload: () => inTurn(reload),
    readHost: async (name) => {
      const file = await hostOnDisk(name);
      if (!file) throw notFound(name);
      const document = parseYaml(file.ref.label, file.text).data;
      return { name, document: isObject(document) ? document : {}, revision: file.revision };
    },
    writeHost: (name, change, options = {}) => inTurn(() => writeHost(name, change, options)),
    deleteHost: (name, options = {}) => inTurn(() => deleteHost(name, options)),
    watch: async () => {
      if (watcher) return;
      const paths = [deps.profilesRoot, join(deps.templatesRoot, 'routes.yaml'), deps.imagesRoot];
      // Depth 1 is profiles/hosts/x.yaml and boot-images/ipxe/x.efi; big trees below are nobody's loader.
      watcher = watchFiles(paths, { ignoreInitial: true, depth: 1, ignored: (path) => basename(path).startsWith('.') });
      watcher.on('error', (error) => log.warn({ error: messageOf(error) }, 'watching the inventory failed'));
      watcher.on('all', () => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          inTurn(reload).catch((error) => log.warn({ error: messageOf(error) }, 'reloading the inventory failed'));
        }, SETTLE_MS);
      });
      const started = watcher;
      await new Promise<void>((resolve) => started.once('ready', () => resolve()));
    },
    close: async () => {
      clearTimeout(timer);
      await watcher?.close();
      watcher = undefined;
      clearTimeout(timer);
      await queue;
    },
  };
}

function edited(label: string, text: string, document: YamlObject): string {
  try {
    return editYaml(text, document);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw invalid([{ severity: 'error', file: label, message: error.message }]);
  }
}

/** The name becomes a file name: nothing but a plain one may pass. */
function checkName(name: string): string {
  const parsed = nameSchema.safeParse(name);
  if (parsed.success) return name;
  throw new AppError('request-invalid', `"${name}" is no host name: ${parsed.error.issues[0]?.message}.`);
}

function checkRevision(name: string, file: LoadedFile | undefined, ifMatch: string | undefined): void {
  if (ifMatch === undefined || file?.revision === ifMatch) return;
  const what = file ? 'changed since you read it' : 'does not exist any more';
  throw new AppError('revision-stale', `Host "${name}" ${what}. Read it again and repeat your change.`);
}

function notFound(name: string): AppError {
  return new AppError('not-found', `There is no host "${name}".`);
}

function invalid(problems: readonly Problem[]): AppError {
  return new AppError('inventory-invalid', problems.map(formatProblem).join('\n'), { problems });
}

function sameTexts(a: LoadedFiles, b: LoadedFiles): boolean {
  return a.size === b.size && [...a.values()].every((file) => b.get(file.ref.file)?.revision === file.revision);
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((item) => b.has(item));
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
