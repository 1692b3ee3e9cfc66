/** Files taken out of ISO and tar archives into a staging directory: named members or whole trees, and nothing outside of it. */
import { createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, symlink } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { AppError, messageOf } from '../errors.ts';
import type { BuildFile } from './build.ts';
import { type Iso, type IsoEntry, openIso } from './iso9660.ts';
import { type Extent, IsoError } from './iso9660-record.ts';
import { diskError } from './place.ts';
import { requireSpace } from './space.ts';
import { unpacking } from './unpack.ts';

/** A file or link in the staging directory, and where it belongs below `boot-images/`. */
export interface Staged {
  readonly file: string;
  readonly to: string;
  readonly link?: boolean;
}

export interface ExtractOptions {
  readonly archive: string;
  readonly wanted: readonly BuildFile[];
  /** Exists and is empty. */
  readonly staging: string;
  readonly onBytes?: (done: number, total: number | undefined) => void;
  readonly signal?: AbortSignal | undefined;
}

/** @throws AppError `image-invalid`, `disk-full` */
export async function extractIso(options: ExtractOptions): Promise<readonly Staged[]> {
  const { archive, wanted, staging, onBytes = () => {}, signal } = options;
  return withIso(archive, async (iso, handle) => {
    const picked: { entry: IsoEntry; to: string }[] = [];
    for (const { from, to, tree } of wanted) {
      const before = picked.length;
      if (tree) for await (const entry of iso.walk(from)) picked.push({ entry, to: posix.join(to, entry.path) });
      else {
        const entry = await iso.find(from);
        if (entry?.kind === 'file') picked.push({ entry, to });
      }
      if (picked.length === before) throw missingMember(archive, from);
    }
    const total = picked.reduce((sum, { entry }) => sum + (entry.kind === 'file' ? entry.size : 0), 0);
    await requireSpace(staging, total, 'What is taken out of the ISO');
    let done = 0;
    const staged: Staged[] = [];
    const links = new Set<string>();
    for (const { entry, to } of picked) {
      signal?.throwIfAborted();
      if (entry.kind === 'directory') continue;
      requireNoLinkAbove(archive, to, links);
      const file = join(staging, to);
      await mkdir(dirname(file), { recursive: true });
      if (entry.kind === 'link') {
        await makeLink(archive, file, to, entry.target, wanted);
        staged.push({ file, to, link: true });
        links.add(to);
        continue;
      }
      await copyExtents(handle, entry.extents, file, (bytes) => {
        done += bytes;
        onBytes(done, total);
      });
      staged.push({ file, to });
    }
    return staged;
  });
}

/** Opens an image for looking into. @throws AppError `image-invalid` */
export async function withIso<T>(archive: string, work: (iso: Iso, handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(archive).catch((cause: unknown) => {
    throw new AppError('read-failed', `${archive} cannot be read: ${messageOf(cause)}`, { cause });
  });
  try {
    const iso = await openIso(async (position, length) => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
      return buffer.subarray(0, bytesRead);
    });
    return await work(iso, handle);
  } catch (error) {
    if (error instanceof IsoError)
      throw new AppError('image-invalid', `${archive}: ${error.message}`, { cause: error });
    throw diskError(error, archive) ?? error;
  } finally {
    await handle.close();
  }
}

/** @throws AppError `image-invalid`, `disk-full` */
export async function extractTar(options: ExtractOptions): Promise<readonly Staged[]> {
  const { archive, wanted, staging, onBytes = () => {}, signal } = options;
  const found = new Set<BuildFile>();
  const staged: Staged[] = [];
  const links = new Set<string>();
  let done = 0;
  const entries = extract();
  const reading = pipeline([...(await unpacking(archive)), entries], { signal });
  // Its failure is also that of the loop below, which tells it.
  reading.catch(() => {});
  try {
    for await (const entry of entries) {
      const { name, type, size = 0, linkname } = entry.header;
      const path = memberPath(archive, name);
      const want = wanted.find(({ from, tree }) => (tree ? isBelow(from, path) : path === from));
      if (!want || type === 'directory') {
        entry.resume();
        continue;
      }
      found.add(want);
      const to = want.tree ? posix.join(want.to, posix.relative(want.from, path)) : want.to;
      requireNoLinkAbove(archive, to, links);
      const file = join(staging, to);
      await mkdir(dirname(file), { recursive: true });
      if (type === 'symlink') {
        await makeLink(archive, file, to, linkname ?? '', wanted);
        staged.push({ file, to, link: true });
        links.add(to);
        entry.resume();
        continue;
      }
      if (type !== 'file' && type !== 'contiguous-file')
        throw new AppError('image-invalid', `${archive}: ${name} is a ${type}, which no boot file is.`);
      await requireSpace(staging, size, `${name} of the archive`);
      await pipeline(entry, createWriteStream(file, { flags: 'wx' }));
      done += size;
      onBytes(done, undefined);
      staged.push({ file, to });
    }
    await reading;
  } catch (error) {
    entries.destroy();
    if (error instanceof AppError) throw error;
    throw (
      diskError(error, archive) ??
      new AppError('image-invalid', `${archive} is not a sound tar archive: ${messageOf(error)}`, { cause: error })
    );
  }
  const missing = wanted.find((want) => !found.has(want));
  if (missing) throw missingMember(archive, missing.from);
  return staged;
}

/** @throws AppError `image-invalid` for a member that would land elsewhere; nothing of such an archive is believed */
function memberPath(archive: string, name: string): string {
  const path = name.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
  if (path.startsWith('/') || path.split('/').includes('..') || path.includes('\0'))
    throw new AppError('image-invalid', `${archive}: the name ${JSON.stringify(name)} leads out of the archive.`);
  return path;
}

/** What lies behind a link would be written where the link leads, and its own links would lead from there. */
function requireNoLinkAbove(archive: string, to: string, links: ReadonlySet<string>): void {
  for (let above = posix.dirname(to); above !== '.' && above !== '/'; above = posix.dirname(above)) {
    if (links.has(above)) throw new AppError('image-invalid', `${archive}: ${to} lies behind the link ${above}.`);
  }
}

/** Only links that stay in the tree they are in: a server must not be led to its own files. */
async function makeLink(
  archive: string,
  file: string,
  to: string,
  target: string,
  wanted: readonly BuildFile[],
): Promise<void> {
  const tree = wanted.find((want) => want.tree && isBelow(want.to, to));
  const leads = posix.normalize(posix.join(posix.dirname(to), target));
  const isInside = tree && (leads === tree.to || isBelow(tree.to, leads));
  if (!isInside || target.startsWith('/') || target === '' || climbsAgain(target))
    throw new AppError('image-invalid', `${archive}: the link ${to} → ${target} leads out of what is taken.`);
  await symlink(target, file);
}

function isBelow(directory: string, path: string): boolean {
  return path.startsWith(`${directory}/`);
}

function missingMember(archive: string, from: string): AppError {
  return new AppError('image-invalid', `${archive} has no ${from}. Is it the image the catalogue means?`);
}

async function copyExtents(
  from: FileHandle,
  extents: readonly Extent[],
  file: string,
  onBytes: (bytes: number) => void,
): Promise<void> {
  async function* chunks() {
    for (const { start, length } of extents) {
      for (let at = 0; at < length; ) {
        const { buffer, bytesRead } = await from.read(
          Buffer.allocUnsafe(Math.min(1024 * 1024, length - at)),
          0,
          undefined,
          start + at,
        );
        if (bytesRead === 0) throw new IsoError('the image is cut short');
        at += bytesRead;
        onBytes(bytesRead);
        yield buffer.subarray(0, bytesRead);
      }
    }
  }
  await pipeline(Readable.from(chunks(), { objectMode: false }), createWriteStream(file, { flags: 'wx' }));
}

/** `..` behind a name goes up from wherever that name leads, which the text does not show. */
function climbsAgain(target: string): boolean {
  const steps = target.split('/').filter((step) => step !== '' && step !== '.');
  const down = steps.findIndex((step) => step !== '..');
  return down >= 0 && steps.includes('..', down);
}
