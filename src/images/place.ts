/** Files put into `boot-images/` whole or not at all, and the memory of which of them are ours to replace. */
import { createHash, randomUUID } from 'node:crypto';
import { copyFile, lstat, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../errors.ts';

/** Beside the files, hidden from clients: `to` → SHA-256 (hex) of what we put there. */
const LEDGER = '.placed.json';

export type Ledger = Record<string, string>;

/** What stands at a destination, seen against the ledger. */
export type Standing =
  | { readonly kind: 'absent' }
  | { readonly kind: 'same' }
  | { readonly kind: 'ours' }
  | { readonly kind: 'operators' };

/** An unreadable or foreign ledger counts as empty: then every file there is the operator's, and none is overwritten. */
export async function readLedger(imagesRoot: string): Promise<Ledger> {
  try {
    const value: unknown = JSON.parse(await readFile(join(imagesRoot, LEDGER), 'utf8'));
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(Object.entries(value).filter(([, digest]) => typeof digest === 'string'));
  } catch {
    return {};
  }
}

export async function writeLedger(imagesRoot: string, ledger: Ledger): Promise<void> {
  const temporary = join(imagesRoot, `${LEDGER}.${randomUUID()}`);
  try {
    await writeFile(temporary, `${JSON.stringify(ledger, null, 2)}\n`);
    await rename(temporary, join(imagesRoot, LEDGER));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** SHA-256 (hex) of a file; undefined when there is no such file. Loaders are a few megabytes at most. */
export async function digestOf(file: string): Promise<string | undefined> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  return bytes && createHash('sha256').update(bytes).digest('hex');
}

/** @param wanted SHA-256 (hex) of the file that would be put there */
export async function judge(imagesRoot: string, to: string, wanted: string, ledger: Ledger): Promise<Standing> {
  const target = join(imagesRoot, to);
  // A link is the operator's doing, wherever it leads and even when it leads nowhere.
  const entry = await lstat(target).catch(() => undefined);
  if (!entry) return { kind: 'absent' };
  if (!entry.isFile()) return { kind: 'operators' };
  const present = await digestOf(target);
  if (present === wanted) return { kind: 'same' };
  return { kind: present !== undefined && present === ledger[to] ? 'ours' : 'operators' };
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
    const file = await open(temporary, 'r+');
    try {
      await file.chmod(0o644);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw placeError(error, imagesRoot, to);
  }
}

/** True when there is a file, directly or by a link. */
export async function isThere(imagesRoot: string, to: string): Promise<boolean> {
  return stat(join(imagesRoot, to)).then(
    (entry) => entry.isFile(),
    () => false,
  );
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
    default:
      return cause;
  }
}
