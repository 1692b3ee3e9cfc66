/** Whether a file is still the one that was read, told by its inode alone. */
import { statSync } from 'node:fs';

interface Look {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** Follows links, costs a few microseconds, and never throws: what cannot be looked at is not the same. */
export function looksTheSame(file: string, look: Look): boolean {
  try {
    const stats = statSync(file, { throwIfNoEntry: false });
    return (
      stats !== undefined &&
      stats.ino === look.ino &&
      stats.dev === look.dev &&
      stats.size === look.size &&
      stats.mtimeMs === look.mtimeMs &&
      stats.ctimeMs === look.ctimeMs
    );
  } catch {
    return false;
  }
}
