/** Where a file may be written under a root: plain directories all the way, never through a link. */
import { type FileHandle, lstat, mkdir, open, realpath, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from './atomic-write.ts';
import { NAME_MAX_BYTES } from './upload-names.ts';

export interface WritePlace {
  /** Absolute. */
  readonly directory: string;
  readonly name: string;
  /** What has the name now; undefined for nothing, or while the directory is not there. */
  readonly existing: 'file' | undefined;
}

export type WriteCheck =
  | ({ readonly kind: 'place' } & WritePlace)
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Looks at the way to `path`, which is relative and free of `..`; makes nothing.
 * @throws what the file system throws, but for "not there"
 */
export async function checkPlace(root: string, path: string): Promise<WriteCheck> {
  const segments = path.split('/');
  if (segments.some((segment) => Buffer.byteLength(segment) > NAME_MAX_BYTES)) {
    return { kind: 'refused', reason: `a name is longer than ${NAME_MAX_BYTES} bytes` };
  }
  const base = await realpath(root).catch(() => root);
  const name = segments.at(-1) ?? '';
  const directory = join(base, ...segments.slice(0, -1));
  let at = base;
  for (const segment of segments.slice(0, -1)) {
    at = join(at, segment);
    const stats = await lstatOrNothing(at);
    if (!stats) return { kind: 'place', directory, name, existing: undefined };
    if (!stats.isDirectory()) return { kind: 'refused', reason: `${segment} is no directory` };
  }
  const stats = await lstatOrNothing(join(directory, name));
  if (stats && !stats.isFile()) return { kind: 'refused', reason: `${name} is no regular file` };
  return { kind: 'place', directory, name, existing: stats ? 'file' : undefined };
}

/**
 * Makes the directories that are missing, and tells how to take them away again.
 * @throws what the file system throws
 */
export async function makeDirectories(root: string, path: string): Promise<() => Promise<void>> {
  const made: string[] = [];
  const undo = async () => {
    for (const directory of made.reverse()) await rmdir(directory).catch(() => undefined);
  };
  await mkdir(root, { recursive: true, mode: DIRECTORY_MODE });
  let at = await realpath(root);
  try {
    for (const segment of path.split('/').slice(0, -1)) {
      const parent = at;
      at = join(at, segment);
      try {
        await mkdir(at, { mode: DIRECTORY_MODE });
        made.push(at);
        await syncDirectory(parent);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  } catch (error) {
    await undo();
    throw error;
  }
  return undo;
}

/** Configurations hold secrets: their group may read them, the world may not. */
export const DIRECTORY_MODE = 0o750;
export const FILE_MODE = 0o640;

async function lstatOrNothing(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** A file that was not there before. */
export function createFile(path: string): Promise<FileHandle> {
  return open(path, 'wx', FILE_MODE);
}
