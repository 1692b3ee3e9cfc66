/**
 * Small images that were opened before and are unchanged: one look at the file instead of the walk that proves where it is.
 * Whatever the path leads to now, it is served from memory only when it is the very file, with the very times, that was read.
 */
import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { FileLook } from '../boot/content.ts';

const CACHE_BYTES = 64 * 1024 * 1024;

export interface HotImages<T> {
  /**
   * What was kept under `key`, when the file is the same at this moment.
   * @param image path below the root
   */
  find(key: string, image: string): T | undefined;
  /** @param look at the file, before its bytes were read and long enough after they were written */
  keep(key: string, answer: T, look: FileLook): void;
}

/** File systems whose answers come from this machine's memory; a server that hangs would hold up everything here (statfs(2)). */
const LOCAL = new Set([
  0xef53, // ext2 to ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x01021994, // tmpfs
  0x794c7630, // overlayfs
  0x2fc12fc1, // ZFS
  0xf2f52010, // F2FS
]);

export function createHotImages<T extends object>(root: string): HotImages<T> {
  const cache = new LRUCache<string, { readonly answer: T; readonly look: FileLook }>({
    maxSize: CACHE_BYTES,
    sizeCalculation: ({ look }) => Math.max(1, look.size),
  });
  let local = false;
  statfs(root).then(
    ({ type }) => {
      local = LOCAL.has(type);
    },
    () => undefined,
  );
  return {
    find(key, image) {
      const hot = local ? cache.get(key) : undefined;
      if (!hot) return undefined;
      const found = lookAt(join(root, image));
      if (found && isSame(found, hot.look)) return hot.answer;
      cache.delete(key);
      return undefined;
    },
    keep(key, answer, look) {
      cache.set(key, { answer, look });
    },
  };
}

/** Synchronous on purpose: on a local disk it takes a few microseconds, and a turn through the thread pool ten times that. */
function lookAt(path: string): FileLook | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function isSame(a: FileLook, b: FileLook): boolean {
  return a.ino === b.ino && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.size === b.size && a.dev === b.dev;
}
