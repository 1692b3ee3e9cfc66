/**
 * Small images that were opened before and are unchanged: one look at the file instead of the walk that proves where it is.
 * Whatever the path leads to now, it is served from memory only when it is the very file, with the very times, that was read.
 */
import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';

/** Images up to this size are kept, so that a storm of machines does not ask the disk for the same loader. */
export const SMALL_BYTES = 1024 * 1024;
const CACHE_BYTES = 64 * 1024 * 1024;

/** What makes a file the same: its device and inode, its size, when it was written, when anything about it changed. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

export interface HotImage {
  readonly bytes: Uint8Array;
  readonly identity: FileIdentity;
}

export interface HotImages {
  /** The bytes of a path below the root, when they are known to be those on the disk at this moment. */
  find(image: string): HotImage | undefined;
  /** The same for a file that is open already. */
  known(image: string, identity: FileIdentity): Uint8Array | undefined;
  /** @param identity as it was before the bytes were read */
  keep(image: string, bytes: Uint8Array, identity: FileIdentity): void;
}

/** A file written to a moment ago may be written to again within the same tick of its times: not kept yet. */
const SETTLED_MS = 1000;

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

/** @param now milliseconds since 1970 */
export function createHotImages(root: string, now: () => number): HotImages {
  const cache = new LRUCache<string, HotImage>({
    maxSize: CACHE_BYTES,
    maxEntrySize: SMALL_BYTES,
    sizeCalculation: ({ bytes }) => Math.max(1, bytes.length),
  });
  let local = false;
  statfs(root).then(
    ({ type }) => {
      local = LOCAL.has(type);
    },
    () => undefined,
  );
  return {
    find(image) {
      if (!local) return undefined;
      const hot = cache.get(image);
      if (!hot) return undefined;
      const found = lookAt(join(root, image));
      if (found && isSame(found, hot.identity)) return hot;
      cache.delete(image);
      return undefined;
    },
    known(image, identity) {
      const hot = cache.get(image);
      return hot && isSame(identity, hot.identity) ? hot.bytes : undefined;
    },
    keep(image, bytes, { dev, ino, size, mtimeMs, ctimeMs }) {
      if (now() - Math.max(mtimeMs, ctimeMs) < SETTLED_MS || bytes.length !== size) return;
      cache.set(image, { bytes, identity: { dev, ino, size, mtimeMs, ctimeMs } });
    },
  };
}

/** Synchronous on purpose: on a local disk it takes a few microseconds, and a turn through the thread pool ten times that. */
function lookAt(path: string): FileIdentity | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function isSame(a: FileIdentity, b: FileIdentity): boolean {
  return a.ino === b.ino && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.size === b.size && a.dev === b.dev;
}
