/** The bytes of one upload while they come: a hidden file, not made before the first byte, that is gone when it fails. */
import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createFile, DIRECTORY_MODE } from './confined-write.ts';

/** Under the root of uploads, so that a file is moved into its place without copying. Paths never lead into it. */
const INCOMING = '.incoming';

export interface UploadFile {
  /** Appends. @throws what the file system throws */
  write(bytes: Uint8Array): Promise<void>;
  /** Everything is on the disk, under a name of our own. */
  finish(): Promise<{ readonly path: string; readonly size: number; readonly sha256: string }>;
  /** Takes the hidden file away, if there is one. */
  remove(): Promise<void>;
}

export function createUploadFile(root: string): UploadFile {
  const directory = join(root, INCOMING);
  const path = join(directory, randomUUID());
  const hash = createHash('sha256');
  let handle: FileHandle | undefined;
  let size = 0;
  let made = false;

  async function opened(): Promise<FileHandle> {
    if (handle) return handle;
    await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
    handle = await createFile(path);
    made = true;
    return handle;
  }

  async function close(): Promise<void> {
    const open = handle;
    handle = undefined;
    await open?.close();
  }

  return {
    async write(bytes) {
      const file = await opened();
      for (let rest = bytes; rest.length > 0; ) {
        const { bytesWritten } = await file.write(rest);
        hash.update(rest.subarray(0, bytesWritten));
        size += bytesWritten;
        rest = rest.subarray(bytesWritten);
      }
    },
    async finish() {
      const file = await opened();
      await file.sync();
      await close();
      return { path, size, sha256: hash.digest('hex') };
    },
    async remove() {
      await close().catch(() => undefined);
      if (made) await unlink(path).catch(() => undefined);
    },
  };
}

/** Takes away what a process left that was killed. Only while no upload is under way; without a root nothing is done. */
export async function removeLeftovers(root: string): Promise<number> {
  const directory = join(root, INCOMING);
  const names = await readdir(directory).catch(() => []);
  await Promise.all(names.map((name) => unlink(join(directory, name)).catch(() => undefined)));
  return names.length;
}
