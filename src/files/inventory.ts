/** profiles/ ⇄ Catalog: load, watch, keep the last good snapshot, and change objects without losing a comment. */
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { watch as watchFiles } from 'chokidar';
import type { Catalog } from '../boot/catalog.ts';
import type {
  DocumentChange,
  EditOptions,
  FileEdit,
  ObjectChange,
  ObjectFile,
  ObjectKind,
  PlainObject,
} from '../boot/edit.ts';
import type { EventKind, RecordEvent } from '../boot/event.ts';
import { LOADER_FILES } from '../boot/loaders.ts';
import type { PeImage } from '../boot/pe.ts';
import { AppError, formatProblem, messageOf, type Problem } from '../errors.ts';
import { assembleCatalog, assembleInSteps, kernelsOf, type LiveParts, placeOf } from './assemble.ts';
import { DISK, type Disk } from './atomic-write.ts';
import { runInTurns } from './in-turns.ts';
import { scanInstalled } from './installed.ts';
import {
  checkedRef,
  invalidInventory,
  noSuchObject,
  type PlannedEdit,
  planEdit,
  requireMapping,
  writeEdits,
} from './inventory-edit.ts';
import { type LoadedFiles, loadFile, loadFiles, revisionOf, treePathOf } from './inventory-files.ts';
import type { CheckOption } from './inventory-schema.ts';
import { readPeImages } from './pe-images.ts';
import { isObject } from './yaml-edit.ts';
import { type DataPath, parseYaml } from './yaml-source.ts';

export interface InventoryDeps {
  readonly profilesRoot: string;
  readonly templatesRoot: string;
  readonly imagesRoot: string;
  /** From the DHCP vocabulary: the problem with a custom option, if any. */
  readonly checkOption: CheckOption;
  /** What the settings say for all machines, what is under way, what was seen: each snapshot refers to them. */
  readonly live?: LiveParts | undefined;
  readonly record: RecordEvent;
  readonly log: { info(fields: object, text: string): void; warn(fields: object, text: string): void };
  /** Milliseconds since 1970; default: the system's clock. */
  readonly now?: () => number;
  /** Default: the real one. */
  readonly disk?: Disk;
}

export interface Inventory {
  /** The last good catalog; empty before the first `reload`. */
  snapshot(): Catalog;
  /** Shared memory; its first number changes with every snapshot. */
  readonly epochs: Int32Array;
  /** Problems of the files as they are on disk now, whatever is being served. */
  problems(): readonly Problem[];
  /** Where a value of an object is written, for problems that others find: `place('profile', 'web', ['kernel'])`. */
  place(kind: ObjectKind, name: string, path: DataPath): Pick<Problem, 'file' | 'line' | 'column' | 'path'>;
  /** Reads what changed. True when the disk is what is served now, false when the last good snapshot was kept. */
  reload(): Promise<boolean>;
  /** Reloads when files change, a moment after the last change. Resolves when watching. */
  watch(): Promise<void>;
  close(): Promise<void>;
  /** @throws AppError `not-found`, `request-invalid` (name), `inventory-invalid` (no YAML) */
  readObject(kind: ObjectKind, name: string): Promise<ObjectFile>;
  /** Every file as it is on disk, with its path in the tree (`profiles/hosts/web01.yaml`). */
  listObjects(): Promise<readonly { readonly path: string; readonly text: string }[]>;
  /** The catalog these changes would make, and the texts of the files. Writes nothing. Throws what `applyChanges` throws. */
  preview(
    changes: readonly ObjectChange[],
  ): Promise<{ readonly catalog: Catalog; readonly edits: readonly FileEdit[] }>;
  /**
   * All or none. Checks the whole catalog that would result, then writes.
   * @throws AppError `not-found`, `already-exists`, `revision-stale`, `request-invalid` (name), `inventory-invalid` (with
   * `problems`), `disk-full`, `write-failed`; files and snapshot are then as before
   */
  applyChanges(changes: readonly ObjectChange[]): Promise<readonly FileEdit[]>;
  /** One change. With `dryRun` nothing is written, and the answer is what would be. Throws what `applyChanges` throws. */
  writeObject(kind: ObjectKind, name: string, change: WrittenChange, options?: EditOptions): Promise<ObjectFile>;
  deleteObject(kind: ObjectKind, name: string, options?: EditOptions): Promise<void>;
}

/** A change after which the object is there. */
export type WrittenChange = Exclude<DocumentChange, { kind: 'delete' }>;

/** Editors write in several steps; wait for the last. */
const SETTLE_MS = 100;

export function createInventory(deps: InventoryDeps): Inventory {
  const { checkOption, live, log, disk = DISK, now = Date.now } = deps;
  let files: LoadedFiles = new Map();
  let served: LoadedFiles = new Map();
  let installed: ReadonlySet<string> = new Set();
  let images: ReadonlyMap<string, PeImage> = new Map();
  let problems: readonly Problem[] = [];
  let current: Catalog = assembleCatalog(served, installed, live).catalog;
  let loadedOnce = false;
  const epochs = new Int32Array(new SharedArrayBuffer(4));
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

  const serve = (catalog: Catalog) => {
    current = catalog;
    Atomics.add(epochs, 0, 1);
  };

  const reload = async (): Promise<boolean> => {
    const loaded = await loadFiles(deps, files, checkOption);
    const found = await scanInstalled(deps.imagesRoot);
    const loaders = LOADER_FILES.map(({ image }) => image).filter((image) => found.has(image));
    const heads = await readPeImages(deps.imagesRoot, [...loaders, ...kernelsOf(loaded.files)]);
    const built = await runInTurns(assembleInSteps(loaded.files, found, live, heads));
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
    serve(built.catalog);
    loadedOnce = true;
    const counts = { hosts: current.hosts.size, profiles: current.profiles.size, networks: current.networks.size };
    log.info(counts, 'inventory loaded');
    event('config.loaded', `${count(counts.hosts, 'host')}, ${count(counts.profiles, 'profile')} loaded`, {
      detail: counts,
    });
    return true;
  };

  /** Worked out on the files that are on disk now, whatever the watcher has seen of them. */
  const planAll = async (changes: readonly ObjectChange[]) => {
    const edits: PlannedEdit[] = [];
    const next = new Map(served);
    for (const one of changes) {
      const ref = checkedRef(deps, one.kind, one.name);
      if (edits.some((edit) => edit.ref.file === ref.file)) {
        throw new AppError('request-invalid', `${ref.kind} "${ref.name}" is changed twice at once.`);
      }
      const edit = planEdit(ref, await loadFile(ref, files.get(ref.file), checkOption), one, checkOption);
      edits.push(edit);
      if (edit.draft) next.set(ref.file, edit.draft);
      else next.delete(ref.file);
    }
    const built = await runInTurns(assembleInSteps(next, installed, live, images));
    const errors = built.problems.filter(({ severity }) => severity === 'error');
    if (errors.length > 0) throw invalidInventory(errors);
    return { edits, next, catalog: built.catalog };
  };

  const applyChanges = async (changes: readonly ObjectChange[]): Promise<readonly PlannedEdit[]> => {
    const { edits, next, catalog } = await planAll(changes);
    const real = edits.filter(({ before, after }) => before !== after);
    await writeEdits(real, disk);
    served = next;
    serve(catalog);
    const onDisk = new Map(files);
    for (const { ref, draft } of edits) {
      if (draft) onDisk.set(ref.file, (await loadFile(ref, undefined, checkOption)) ?? draft);
      else onDisk.delete(ref.file);
    }
    files = onDisk;
    const labels = new Set(edits.map(({ file }) => file));
    problems = problems.filter(({ file }) => !labels.has(file));
    for (const edit of real) tell(edit);
    return edits;
  };

  const tell = ({ kind, name, before, after }: FileEdit) => {
    const done = after === undefined ? 'deleted' : before === undefined ? 'created' : 'changed';
    const summary = kind === 'routes' ? `file routes ${done}` : `${kind} "${name}" ${done}`;
    if (kind === 'host') event('host.changed', summary, { host: name });
    else event('config.changed', summary, { detail: { kind, name } });
  };

  const writeObject = async (
    kind: ObjectKind,
    name: string,
    change: WrittenChange,
    { ifMatch, dryRun = false }: EditOptions,
  ): Promise<ObjectFile> => {
    const changes = [{ kind, name, change, ifMatch }];
    const [edit] = dryRun ? (await planAll(changes)).edits : await applyChanges(changes);
    const text = edit?.after ?? '';
    return { kind, name, text, revision: revisionOf(text), document: documentOf(edit?.file ?? '', text) };
  };

  return {
    snapshot: () => current,
    epochs,
    problems: () => problems,
    place: (kind, name, path) => placeOf(served, kind, name, path),
    reload: () => inTurn(reload),
    readObject: async (kind, name) => {
      const ref = checkedRef(deps, kind, name);
      const file = await loadFile(ref, files.get(ref.file), checkOption);
      if (!file) throw noSuchObject(ref);
      requireMapping(file);
      const { text, revision } = file;
      return { kind, name, text, revision, document: documentOf(ref.label, text) };
    },
    listObjects: () =>
      inTurn(async () => {
        const loaded = await loadFiles(deps, files, checkOption);
        return [...loaded.files.values()].map(({ ref, text }) => ({ path: treePathOf(ref), text }));
      }),
    preview: (changes) => inTurn(() => planAll(changes)),
    applyChanges: (changes) => inTurn(() => applyChanges(changes)),
    writeObject: (kind, name, change, options = {}) => inTurn(() => writeObject(kind, name, change, options)),
    deleteObject: (kind, name, { ifMatch, dryRun = false } = {}) =>
      inTurn(async () => {
        const changes: ObjectChange[] = [{ kind, name, change: { kind: 'delete' }, ifMatch }];
        await (dryRun ? planAll(changes) : applyChanges(changes));
      }),
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

function documentOf(label: string, text: string): PlainObject {
  const { data } = parseYaml(label, text);
  return isObject(data) ? data : {};
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
