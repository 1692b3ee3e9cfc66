/** Bytes of known size, from memory or from an open file. */
import { fstatSync, type Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { OpenContent } from '../boot/content.ts';
import { AppError, messageOf } from '../errors.ts';

export type Readable = Pick<OpenContent, 'kind' | 'size' | 'read' | 'close' | 'bytes' | 'descriptor'>;

/** All of it, for whoever reads it at whatever place. */
export function inMemory(bytes: Uint8Array): Readable {
  return {
    kind: 'content',
    size: bytes.length,
    bytes,
    read: async (into, position) => {
      const part = bytes.subarray(position, position + into.length);
      into.set(part);
      return part.length;
    },
    close: async () => undefined,
  };
}

/**
 * The open file stays the one that was asked for when another is renamed over it; never more than its size is read, and
 * nothing any more once it was written to.
 */
export function fromHandle(handle: FileHandle, stats: Stats, label: string): Readable {
  const { size } = stats;
  let closed = false;
  return {
    kind: 'content',
    size,
    descriptor: handle.fd,
    read: async (into, position) => {
      const length = Math.max(0, Math.min(into.length, size - position));
      if (length === 0) return 0;
      try {
        const { bytesRead } = await handle.read(into, 0, length, position);
        if (!wasWritten(handle, stats)) return bytesRead;
      } catch (error) {
        throw readError(label, error);
      }
      throw changed(label);
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await handle.close();
    },
  };
}

/** Asked after a read: the kernel sets the time of a write before it takes the bytes. */
export function wasWritten({ fd }: FileHandle, { size, mtimeMs }: Stats): boolean {
  const now = fstatSync(fd);
  return now.size !== size || now.mtimeMs !== mtimeMs;
}

export function changed(label: string): AppError {
  return new AppError(
    'file-changed',
    `${label} was written to while it was read. Rename a finished file over it instead.`,
  );
}

export function readError(label: string, cause: unknown): AppError {
  return new AppError('read-failed', `${label} cannot be read: ${messageOf(cause)}. Check the disk.`, {
    cause,
  });
}
