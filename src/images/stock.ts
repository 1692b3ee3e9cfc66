/** What of the catalogue is in `boot-images/`: listed, verified, removed, tidied. */
import { lstat, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../errors.ts';
import { type ImageBuild, listBuilds } from './build.ts';
import { readCatalog } from './catalog.ts';
import { incomingDirectory, type Ledger, readLedger, updateLedger } from './ledger.ts';
import { digestOfEntry } from './place.ts';

export interface StockOptions {
  readonly imagesRoot: string;
  readonly catalogDirectory?: string;
}

/** `there`: every file; `part`: some of them; `missing`: none. */
export type StockState = 'there' | 'part' | 'missing';

export interface StockedImage {
  readonly reference: string;
  readonly name: string;
  readonly kind: string;
  readonly about: string;
  readonly licence: string;
  readonly version?: string;
  readonly arch?: string;
  readonly default: boolean;
  readonly profile?: string;
  readonly templates: readonly string[];
  readonly notes?: string;
  readonly source: string;
  readonly state: StockState;
  /** Of what we put there. */
  readonly bytes: number;
  readonly files: readonly { readonly to: string; readonly present: boolean }[];
  /** What proved it, when we put it there. */
  readonly proof?: string;
}

/**
 * Every build of the catalogue, and what is there of versions that it does not list.
 * @throws AppError `config-invalid`, `read-failed` for the catalogue
 */
export async function listImages({ imagesRoot, catalogDirectory }: StockOptions): Promise<readonly StockedImage[]> {
  const [entries, ledger] = await Promise.all([readCatalog(imagesRoot, catalogDirectory), readLedger(imagesRoot)]);
  const listed = await Promise.all(entries.flatMap(listBuilds).map((build) => stockOf(build, imagesRoot, ledger)));
  const known = new Set(listed.map(({ reference }) => reference));
  const others = new Map<string, string[]>();
  for (const [to, { image }] of Object.entries(ledger)) {
    if (image !== undefined && !known.has(image)) others.set(image, [...(others.get(image) ?? []), to]);
  }
  const unlisted = await Promise.all(
    [...others].map(async ([reference, places]): Promise<StockedImage> => {
      const entry = entries.find(({ name }) => name === reference.replace(/[@/].*/, ''));
      const version = /@([^/]+)/.exec(reference)?.[1];
      const arch = /\/(.+)/.exec(reference)?.[1];
      const files = await presence(imagesRoot, places);
      return {
        reference,
        name: entry?.name ?? reference,
        kind: entry?.kind ?? 'system',
        about: entry?.about ?? 'not in the catalogue any more',
        licence: entry?.licence ?? 'unknown',
        ...(version !== undefined && { version }),
        ...(arch !== undefined && { arch }),
        default: false,
        templates: entry?.templates ?? [],
        source: entry ? sourceText(entry.source) : '',
        state: stateOf(files),
        files,
        ...accountOf(ledger, reference),
      };
    }),
  );
  return [...listed, ...unlisted];
}

async function stockOf(build: ImageBuild, imagesRoot: string, ledger: Ledger): Promise<StockedImage> {
  const { entry, reference, version, arch } = build;
  const files = await presence(
    imagesRoot,
    build.files.map(({ to }) => to),
  );
  const owned = Object.values(ledger).some(({ image }) => image === reference);
  return {
    reference,
    name: entry.name,
    kind: entry.kind,
    about: entry.about,
    licence: entry.licence,
    ...(version !== undefined && { version }),
    ...(arch !== undefined && { arch }),
    default: entry.default,
    ...(entry.profile !== undefined && { profile: entry.profile }),
    templates: entry.templates,
    ...(entry.notes !== undefined && { notes: entry.notes }),
    source: sourceText(build.source),
    state: stateOf(files),
    files,
    ...(owned ? accountOf(ledger, reference) : { bytes: 0 }),
  };
}

function accountOf(ledger: Ledger, reference: string): { readonly bytes: number; readonly proof?: string } {
  const rows = Object.values(ledger).filter(({ image }) => image === reference);
  const proof = rows.find((row) => row.proof !== undefined)?.proof;
  return { bytes: rows.reduce((sum, { size = 0 }) => sum + size, 0), ...(proof !== undefined && { proof }) };
}

function sourceText(source: ImageBuild['source']): string {
  if ('deb' in source) return `package ${source.deb}`;
  return Object.values(source)[0] ?? '';
}

function stateOf(files: readonly { readonly present: boolean }[]): StockState {
  const there = files.filter(({ present }) => present).length;
  return there === 0 ? 'missing' : there === files.length ? 'there' : 'part';
}

function presence(imagesRoot: string, places: readonly string[]) {
  return Promise.all(
    places.map(async (to) => ({
      to,
      present: await stat(join(imagesRoot, to)).then(
        () => true,
        () => false,
      ),
    })),
  );
}

/** What a byte by byte look found. `foreign`: there, but not what we put there. */
export interface Verified {
  readonly to: string;
  readonly image: string;
  readonly state: 'good' | 'changed' | 'gone';
}

/**
 * Reads every file that we put there and compares it with what it was then.
 * @param references images to look at; all without any
 * @throws AppError `not-found` for an image that is not there
 */
export async function verifyImages(
  imagesRoot: string,
  references: readonly string[],
  onFile: (to: string, index: number, count: number) => void = () => {},
): Promise<readonly Verified[]> {
  const rows = rowsOf(await readLedger(imagesRoot), references);
  const results: Verified[] = [];
  for (const [index, { to, image, sha256 }] of rows.entries()) {
    onFile(to, index, rows.length);
    const found = await digestOfEntry(join(imagesRoot, to));
    results.push({ to, image, state: found === undefined ? 'gone' : found === sha256 ? 'good' : 'changed' });
  }
  return results;
}

/**
 * Takes an image's files away. A file that was changed since stays, unless `force`.
 * @throws AppError `not-found`
 */
export async function removeImage(
  imagesRoot: string,
  reference: string,
  force: boolean,
): Promise<{ readonly removed: readonly string[]; readonly kept: readonly string[] }> {
  const removed: string[] = [];
  const kept: string[] = [];
  for (const { to, sha256 } of rowsOf(await readLedger(imagesRoot), [reference])) {
    const file = join(imagesRoot, to);
    const found = await digestOfEntry(file);
    if (found !== undefined && found !== sha256 && !force) {
      kept.push(to);
      continue;
    }
    await rm(file, { force: true });
    removed.push(to);
    await removeEmpty(dirname(file), imagesRoot);
  }
  await updateLedger(imagesRoot, Object.fromEntries([...removed, ...kept].map((to) => [to, undefined])));
  return { removed, kept };
}

interface Row {
  readonly to: string;
  readonly image: string;
  readonly sha256: string;
}

/** `ubuntu` means every version and architecture of it. */
function rowsOf(ledger: Ledger, references: readonly string[]): readonly Row[] {
  const all = Object.entries(ledger).map(([to, { image = 'unknown', sha256 }]) => ({ to, image, sha256 }));
  if (references.length === 0) return all;
  return references.flatMap((reference) => {
    const rows = all.filter(
      ({ image }) => image === reference || (/^[@/]/.test(image.replace(reference, '')) && image.startsWith(reference)),
    );
    if (rows.length === 0) {
      const have = [...new Set(all.map(({ image }) => image))].sort().join(', ');
      throw new AppError('not-found', `No image "${reference}" was put there. There are: ${have || 'none'}.`);
    }
    return rows;
  });
}

/** Something that can go, and why. */
export interface Garbage {
  readonly kind: 'download' | 'image';
  /** Path below `boot-images/`, or the reference of an image. */
  readonly what: string;
  readonly bytes: number;
  readonly because: string;
}

/** A download may be gone on with for so long. */
const DOWNLOAD_KEPT_MS = 24 * 3600_000;

/**
 * What can go: downloads that nobody goes on with, and versions of which a newer one of the same architecture is there and
 * which no profile names.
 * @param used whether a profile or host leads to a path below `boot-images/`
 */
export async function findGarbage(
  imagesRoot: string,
  used: (path: string) => boolean,
  now: number,
): Promise<readonly Garbage[]> {
  const garbage: Garbage[] = [];
  const incoming = incomingDirectory(imagesRoot);
  for (const name of await readdir(incoming).catch(() => [])) {
    const entry = await lstat(join(incoming, name)).catch(() => undefined);
    if (!entry || name.endsWith('.lock') || name.endsWith('.json')) continue;
    if (now - entry.mtimeMs < DOWNLOAD_KEPT_MS) continue;
    const bytes = entry.isDirectory() ? 0 : entry.size;
    garbage.push({ kind: 'download', what: `.incoming/${name}`, bytes, because: 'nothing was added to it for a day' });
  }
  const images = new Map<string, { places: string[]; bytes: number; at: number }>();
  for (const [to, { image, size = 0, at = 0 }] of Object.entries(await readLedger(imagesRoot))) {
    if (image === undefined) continue;
    const one = images.get(image) ?? { places: [], bytes: 0, at: 0 };
    images.set(image, { places: [...one.places, to], bytes: one.bytes + size, at: Math.max(one.at, at) });
  }
  const line = (reference: string) => reference.replace(/@[^/]+/, '@');
  for (const [reference, { places, bytes, at }] of images) {
    const newer = [...images].find(
      ([other, image]) => other !== reference && line(other) === line(reference) && image.at > at,
    );
    if (newer && !places.some(used))
      garbage.push({
        kind: 'image',
        what: reference,
        bytes,
        because: `${newer[0]} came later, and no profile names it`,
      });
  }
  return garbage;
}

/** Takes away what `findGarbage` found. */
export async function removeGarbage(imagesRoot: string, garbage: readonly Garbage[]): Promise<void> {
  for (const { kind, what } of garbage) {
    if (kind === 'image') await removeImage(imagesRoot, what, false);
    else {
      await rm(join(imagesRoot, what), { recursive: true, force: true });
      await rm(`${join(imagesRoot, what)}.json`, { force: true });
    }
  }
}

async function removeEmpty(directory: string, stop: string): Promise<void> {
  for (let at = directory; at.startsWith(`${stop}/`); at = dirname(at)) {
    if (
      !(await rmdir(at).then(
        () => true,
        () => false,
      ))
    )
      return;
  }
}
