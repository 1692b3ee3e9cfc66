/** Reads of open files in large pieces, kept for a while: many transfers of one file ask the kernel once. */

import { fstatSync, readSync } from 'node:fs';
import { AppError } from '../errors.ts';

/** A file as it was when it was opened. */
export interface ChunkedFile {
  /** For the operator. */
  readonly origin: string;
  /** Another one when the file is another. */
  readonly etag: string;
  readonly descriptor: number;
  readonly size: number;
  /** Whole milliseconds since 1970. */
  readonly modifiedAt: number;
}

export interface FileChunks {
  /**
   * What a chunk has from `position` on, empty at the end of the file; a view that stays as it is.
   * @throws AppError `file-changed`; otherwise the errno's error
   */
  read(file: ChunkedFile, position: number): Uint8Array;
}

const CHUNK_BYTES = 256 * 1024;
/** What windows of a boot storm need again soon; the kernel's own cache has the rest. */
const MOST_CHUNKS = 128;

export function createFileChunks(): FileChunks {
  /** In the order of use, the latest last. */
  const chunks = new Map<string, Uint8Array>();

  function load(file: ChunkedFile, number: number): Uint8Array {
    const name = `${number} ${file.etag} ${file.origin}`;
    let chunk = chunks.get(name);
    if (chunk) chunks.delete(name);
    else {
      const fresh = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      chunk = fresh.subarray(0, readSync(file.descriptor, fresh, 0, CHUNK_BYTES, number * CHUNK_BYTES));
      // Looked at afterwards: the kernel sets the time of a write before it takes the bytes.
      const { size, mtimeMs } = fstatSync(file.descriptor);
      if (size !== file.size || Math.floor(mtimeMs) !== file.modifiedAt) throw written(file);
      if (chunks.size >= MOST_CHUNKS) {
        const [oldest] = chunks.keys();
        if (oldest !== undefined) chunks.delete(oldest);
      }
    }
    // A short read is the end of the file: it is not for keeping.
    if (chunk.length === CHUNK_BYTES) chunks.set(name, chunk);
    return chunk;
  }

  return {
    read(file, position) {
      const number = Math.floor(position / CHUNK_BYTES);
      return load(file, number).subarray(position - number * CHUNK_BYTES);
    },
  };
}

function written({ origin }: ChunkedFile): AppError {
  const text = `${origin} was written to while it was sent. Rename a finished file over it instead.`;
  return new AppError('file-changed', text);
}
