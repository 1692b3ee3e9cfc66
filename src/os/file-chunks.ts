/** Reads of open files in large pieces, kept for a while: many transfers of one file ask the kernel once. */

import { readSync } from 'node:fs';

export interface FileChunks {
  /**
   * What a chunk has from `position` on, empty at the end of the file; a view that stays as it is.
   * @param key the same for descriptors of the same unchanged file
   * @throws the errno's error
   */
  read(key: string, descriptor: number, position: number): Uint8Array;
}

const CHUNK_BYTES = 256 * 1024;
/** What windows of a boot storm need again soon; the kernel's own cache has the rest. */
const MOST_CHUNKS = 128;

export function createFileChunks(): FileChunks {
  /** In the order of use, the latest last. */
  const chunks = new Map<string, Uint8Array>();

  function load(key: string, descriptor: number, number: number): Uint8Array {
    const name = `${number} ${key}`;
    let chunk = chunks.get(name);
    if (chunk) chunks.delete(name);
    else {
      const fresh = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      chunk = fresh.subarray(0, readSync(descriptor, fresh, 0, CHUNK_BYTES, number * CHUNK_BYTES));
      if (chunks.size >= MOST_CHUNKS) {
        const [oldest] = chunks.keys();
        if (oldest !== undefined) chunks.delete(oldest);
      }
    }
    // A short read is the end of the file, or a file that still grows: it is not for keeping.
    if (chunk.length === CHUNK_BYTES) chunks.set(name, chunk);
    return chunk;
  }

  return {
    read(key, descriptor, position) {
      const number = Math.floor(position / CHUNK_BYTES);
      return load(key, descriptor, number).subarray(position - number * CHUNK_BYTES);
    },
  };
}
