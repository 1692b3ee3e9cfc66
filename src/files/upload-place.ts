/** Puts a finished upload under its name: as the policy wants it, whole, and safe against a power cut. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, readdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { UploadPolicy } from '../boot/upload.ts';
import { AppError } from '../errors.ts';
import { syncDirectory } from './atomic-write.ts';
import { checkPlace, makeDirectories, type WritePlace } from './confined-write.ts';
import { newestVersion, nextVersion } from './upload-names.ts';

export interface FinishedFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export interface Placed {
  /** Relative to the root. */
  readonly file: string;
  readonly unchanged: boolean;
  /** Bytes the file that was there before had. */
  readonly replacedBytes: number;
  /** Takes it away again, where nothing was there before. */
  undo(): Promise<void>;
}

/**
 * Moves `finished` to `file` under `root`. One call a file at a time.
 * @throws AppError `already-exists`, `write-refused`; what the file system throws
 */
export async function placeUpload(
  root: string,
  file: string,
  policy: Exclude<UploadPolicy, 'refuse'>,
  finished: FinishedFile,
  nowMs: number,
): Promise<Placed> {
  const undoDirectories = await makeDirectories(root, file);
  try {
    const place = await checkPlace(root, file);
    if (place.kind === 'refused') throw new AppError('write-refused', `${file}: ${place.reason}`);
    const parent = dirname(file) === '.' ? '' : `${dirname(file)}/`;
    const placed = await placeBy[policy](place, finished, nowMs);
    if (!placed.unchanged) await syncDirectory(place.directory);
    return {
      file: `${parent}${placed.name}`,
      unchanged: placed.unchanged,
      replacedBytes: placed.replacedBytes ?? 0,
      async undo() {
        if (placed.unchanged || placed.replacedBytes !== undefined) return;
        await unlink(join(place.directory, placed.name)).catch(() => undefined);
        await undoDirectories();
      },
    };
  } catch (error) {
    await undoDirectories();
    throw error;
  }
}

interface PlacedName {
  readonly name: string;
  readonly unchanged: boolean;
  readonly replacedBytes?: number;
}

const placeBy: Readonly<
  Record<
    Exclude<UploadPolicy, 'refuse'>,
    (place: WritePlace, finished: FinishedFile, nowMs: number) => Promise<PlacedName>
  >
> = {
  /** A link, unlike a renaming, never takes the place of what is there. */
  async create({ directory, name }, { path }) {
    if (!(await linkNew(path, join(directory, name)))) {
      throw new AppError('already-exists', `${name} is there already, and the policy is "create"`);
    }
    return { name, unchanged: false };
  },

  async overwrite(place, finished) {
    if (place.existing) return replace(place, finished);
    await rename(finished.path, join(place.directory, place.name));
    return { name: place.name, unchanged: false };
  },

  async existing(place, finished) {
    if (place.existing) return replace(place, finished);
    throw new AppError('write-refused', `${place.name} is not there any more, and the policy is "existing"`);
  },

  async versions({ directory, name }, finished, nowMs) {
    let newest = newestVersion(name, await readdir(directory));
    if (newest && (await holds(join(directory, newest.file), finished))) return { name: newest.file, unchanged: true };
    for (;;) {
      const next = nextVersion(name, nowMs, newest);
      if (await linkNew(finished.path, join(directory, next.file))) return { name: next.file, unchanged: false };
      newest = next;
    }
  },
};

async function replace({ directory, name }: WritePlace, finished: FinishedFile): Promise<PlacedName> {
  const target = join(directory, name);
  const { size } = await stat(target);
  if (await holds(target, finished)) return { name, unchanged: true };
  await rename(finished.path, target);
  return { name, unchanged: false, replacedBytes: size };
}

async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Whether the file has the same bytes; one that cannot be read has not. */
async function holds(path: string, finished: FinishedFile): Promise<boolean> {
  try {
    if ((await stat(path)).size !== finished.size) return false;
    const hash = createHash('sha256');
    for await (const part of createReadStream(path)) hash.update(part as Buffer);
    return hash.digest('hex') === finished.sha256;
  } catch {
    return false;
  }
}
