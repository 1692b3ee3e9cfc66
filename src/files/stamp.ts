/** Whether a file may have changed since it was read, told by its inode alone. */
import type { BigIntStats } from 'node:fs';

/** Kernels stamp files by their timer tick (up to 10 ms): two writes within one look the same. */
const TICK_MS = 20;

/** Changes whenever the file may have. Undefined while it is too fresh to tell: read it again. */
export function stampOf(stats: BigIntStats, now = Date.now()): string | undefined {
  if (Math.abs(now - Number(stats.ctimeMs)) < TICK_MS) return undefined;
  return `${stats.dev}-${stats.ino}-${stats.size}-${stats.mtimeNs}-${stats.ctimeNs}`;
}
