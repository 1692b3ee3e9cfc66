/** Opens files under a root and nowhere else: regular files only, wherever links lead. */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { AppError } from '../errors.ts';

/** `file`: close the handle when done. The reasons name no path outside the root. */
export type ConfinedFile =
  | { readonly kind: 'file'; readonly handle: FileHandle; readonly stats: Stats; readonly realPath: string }
  | { readonly kind: 'absent'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * @param path relative, already free of `..`
 * Throws `AppError` read-failed when the disk or the permissions fail.
 */
export async function openConfined(root: string, path: string): Promise<ConfinedFile> {
  try {
    return await openInside(await realpath(root), path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') {
      return { kind: 'absent', reason: `there is no ${path}` };
    }
    if (code === 'ELOOP') return { kind: 'refused', reason: `${path} is a loop of links` };
    // A NUL in the path; the resolver refuses it earlier, this is for other callers.
    if (code === 'ERR_INVALID_ARG_VALUE') return { kind: 'refused', reason: 'the path holds NUL' };
    throw new AppError('read-failed', `${path} cannot be read (${code ?? 'unknown'}). Check its owner and mode.`, {
      cause: error,
    });
  }
}

/** Whether `path` is `root` or below it, by path segments: `/srv/boot-evil` is not in `/srv/boot`. */
export function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === '' || (!isAbsolute(way) && way.split(sep)[0] !== '..');
}

async function openInside(root: string, path: string): Promise<ConfinedFile> {
  const target = await realpath(join(root, path));
  if (!isInside(root, target)) return { kind: 'refused', reason: `${path} is a link that leaves the root` };
  const before = await lstat(target);
  // Looked at before it is opened: opening a device can act on it.
  if (!before.isFile()) return { kind: 'refused', reason: `${path} is no regular file` };
  // A FIFO put there in between must not hang the open, and a link must not be followed.
  const handle = await open(target, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    const same = stats.isFile() && stats.dev === before.dev && stats.ino === before.ino;
    if (same && (await realpath(join(root, path))) === target) return { kind: 'file', handle, stats, realPath: target };
    await handle.close();
    return { kind: 'absent', reason: `${path} was replaced while it was opened` };
  } catch (error) {
    await handle.close().catch(() => undefined);
    throw error;
  }
}
