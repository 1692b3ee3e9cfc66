/** Files put into `boot-images/` whole or not at all. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, link, lstat, mkdir, open, readlink, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../errors.ts';
import type { Ledger } from './ledger.ts';

/** What stands at a destination, seen against the ledger. */
export type Standing =
  | { readonly kind: 'absent' }
  | { readonly kind: 'same' }
  | { readonly kind: 'ours' }
  | { readonly kind: 'operators' };

/** Digest (hex) of a file; undefined when there is no such file. */
export async function digestOf(
  file: string,
  algorithm: 'sha256' | 'sha512' = 'sha256',
  onBytes: (bytes: number) => void = () => {},
): Promise<string | undefined> {
  const hash = createHash(algorithm);
  try {
    await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        hash.update(chunk);
        onBytes(chunk.length);
      }
    });
    return hash.digest('hex');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** As `digestOf`, and of a link the digest of what it names. */
export async function digestOfEntry(file: string): Promise<string | undefined> {
  const target = await readlink(file).catch(() => undefined);
  return target === undefined ? digestOf(file) : createHash('sha256').update(target).digest('hex');
}

/** @param wanted SHA-256 (hex) of the file that would be put there */
export async function judge(imagesRoot: string, to: string, wanted: string, ledger: Ledger): Promise<Standing> {
  const target = join(imagesRoot, to);
  const entry = await lstat(target).catch(() => undefined);
  if (!entry) return { kind: 'absent' };
  const ours = ledger[to];
  // A link is the operator's doing, wherever it leads and even when it leads nowhere, unless it came out of an archive.
  if (entry.isDirectory() || (!entry.isFile() && ours?.link !== true)) return { kind: 'operators' };
  const present = await digestOfEntry(target);
  if (present === wanted) return { kind: 'same' };
  return { kind: present !== undefined && present === ours?.sha256 ? 'ours' : 'operators' };
}

/**
 * Copies `source` to `to` below the root: beside it first, synced, then renamed, so that no client is ever given a half file.
 * @throws AppError `disk-full`, `file-refused` (no right to write, with the command that mends it)
 */
export async function place(imagesRoot: string, source: string, to: string): Promise<void> {
  const target = join(imagesRoot, to);
  const temporary = `${target}.${randomUUID()}.part`;
  try {
    await mkdir(dirname(target), { recursive: true });
    await copyFile(source, temporary);
    await settle(temporary);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw placeError(error, imagesRoot, to);
  }
}

/** A file on the file system of `boot-images/` that is to be moved to its place. */
export interface Move {
  readonly file: string;
  readonly to: string;
  readonly link?: boolean;
}

/**
 * Moves files to their places, all or none: when one cannot be moved, those before it are as they were.
 * @throws AppError `disk-full`, `file-refused`
 */
export async function placeAll(imagesRoot: string, moves: readonly Move[]): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  const leftovers: string[] = [];
  try {
    for (const { file, to, link: isLink } of moves) {
      await mkdir(dirname(join(imagesRoot, to)), { recursive: true }).catch((error) => {
        throw placeError(error, imagesRoot, to);
      });
      if (!isLink) await settle(file);
    }
    for (const { file, to } of moves) {
      const target = join(imagesRoot, to);
      const backup = join(dirname(file), `.${randomUUID()}.old`);
      const had = await keep(target, backup);
      if (had) leftovers.push(backup);
      undo.push(() => (had ? rename(backup, target) : rm(target, { force: true })));
      await rename(file, target).catch((error) => {
        throw placeError(error, imagesRoot, to);
      });
    }
  } catch (error) {
    for (const back of undo.reverse()) await back().catch(() => {});
    throw error;
  } finally {
    await Promise.all(leftovers.map((file) => rm(file, { force: true }).catch(() => {})));
  }
}

/** A second name for what stands there; false when nothing does. Links and file systems without hard links are moved aside. */
async function keep(target: string, backup: string): Promise<boolean> {
  const entry = await lstat(target).catch(() => undefined);
  if (!entry || entry.isDirectory()) return false;
  await link(target, backup).catch(() => rename(target, backup));
  return true;
}

/** True when there is a file, directly or by a link. */
export async function isThere(imagesRoot: string, to: string): Promise<boolean> {
  return stat(join(imagesRoot, to)).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

/** Readable by everybody, and on the disk. */
async function settle(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.chmod(0o644);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The disk's own faults in words; undefined for anything else. */
export function diskError(cause: unknown, where: string): AppError | undefined {
  const { code } = cause as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EFBIG') return undefined;
  const text = `no room for ${where}: free some space, "hobnail images gc" shows what can go`;
  return new AppError('disk-full', text, { cause });
}

function placeError(cause: unknown, imagesRoot: string, to: string): unknown {
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new AppError('disk-full', `no room for ${to}: free some space on the disk of ${imagesRoot}`, { cause });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new AppError(
        'file-refused',
        `no right to write ${to}: let this user write to it (sudo chown -R "$(id -u)" ${imagesRoot}) or run as its owner`,
        { cause },
      );
    case 'EISDIR':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'ENOTEMPTY':
      return new AppError('file-refused', `${to} cannot be put there: a file stands where a directory belongs`, {
        cause,
      });
    default:
      return cause;
  }
}
