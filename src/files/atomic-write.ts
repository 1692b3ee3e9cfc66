/** Writes a file whole or not at all: temporary file beside it, fsync, rename, fsync of the directory. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, realpath, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../errors.ts';

/** What writing needs of a disk; tests pass one that is full. */
export interface Disk {
  open(path: string, flags: number, mode: number): Promise<Pick<FileHandle, 'writeFile' | 'sync' | 'close'>>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

export const DISK: Disk = { open, rename, unlink };

/** A text on the disk beside the file it will replace. */
export interface StagedFile {
  /** Puts it in place. Throws `AppError` disk-full or write-failed. */
  commit(): Promise<void>;
  /** Takes the text away if it is not in place yet. Never throws. */
  discard(): Promise<void>;
}

/**
 * Puts a text on the disk beside `path`, which it replaces or creates by `commit`; a link is followed, so that it stays a
 * link. In two steps, so that several files can be replaced only once all of them are safely there.
 * Throws `AppError` disk-full or write-failed, and then the old file is untouched and no temporary file is left.
 * @param newMode of a file that is not there yet
 */
export async function stageFile(path: string, text: string, disk: Disk = DISK, newMode = 0o644): Promise<StagedFile> {
  const target = await realpath(path).catch(() => path);
  const directory = dirname(target);
  // A leading dot and another ending: neither the loader nor git's eye takes it for a profile.
  const temporary = join(directory, `.${basename(target)}.${randomUUID()}.tmp`);
  const mode = await stat(target).then(
    (stats) => stats.mode & 0o777,
    () => newMode,
  );
  let waiting = false;
  /** The topmost directory made for it. */
  let made: string | undefined;
  const discard = async () => {
    if (waiting) await disk.unlink(temporary).catch(() => undefined);
    waiting = false;
    if (made !== undefined) await removeEmpty(directory, made);
    made = undefined;
  };
  try {
    made = await mkdir(directory, { recursive: true });
    const handle = await disk.open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
    waiting = true;
    try {
      await handle.writeFile(text, 'utf8');
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await discard();
    throw writeError(path, error);
  }
  return {
    discard,
    async commit() {
      try {
        await disk.rename(temporary, target);
        waiting = false;
        made = undefined;
        await syncDirectory(directory);
      } catch (error) {
        throw writeError(path, error);
      }
    },
  };
}

/** Removes a file for good. Throws `AppError` write-failed. */
export async function removeDurably(path: string, disk: Disk = DISK): Promise<void> {
  try {
    await disk.unlink(path);
    await syncDirectory(dirname(path));
  } catch (error) {
    throw writeError(path, error);
  }
}

/** The rename itself must survive a power cut. Not every file system lets a directory be synced: that is not a failure. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY).catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

function writeError(path: string, cause: unknown): AppError {
  const { code = 'unknown' } = cause as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AppError('disk-full', `${path} was not changed: the disk is full. Free some space and try again.`, {
      cause,
    });
  }
  if (code === 'EROFS') {
    return new AppError('write-failed', `${path} was not changed: its file system is mounted read-only.`, { cause });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const advice = 'Give the user Hobnail runs as the right to write its directory.';
    return new AppError('write-failed', `${path} was not changed: no permission. ${advice}`, { cause });
  }
  return new AppError('write-failed', `${path} was not changed (${code}).`, { cause });
}

/** From `directory` up to `top`, as long as nothing is in them. */
async function removeEmpty(directory: string, top: string): Promise<void> {
  try {
    for (let one = directory; one.length >= top.length; one = dirname(one)) await rmdir(one);
  } catch {
    // Something else is in it by now, and keeps it.
  }
}
