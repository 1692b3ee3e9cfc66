/** Which files stand in `boot-images/`: what loaders are there to be offered. */
import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isInside } from './confined.ts';

/** Paths of the regular files in the root and in its directories, one level down; a missing root is empty. */
export async function scanInstalled(root: string): Promise<ReadonlySet<string>> {
  const installed = new Set<string>();
  const base = await realpath(root).catch(() => undefined);
  if (base === undefined) return installed;
  for (const entry of await list(base)) {
    const kind = await kindOf(base, entry.name, entry);
    if (kind === 'file') installed.add(entry.name);
    if (kind !== 'directory') continue;
    for (const below of await list(join(base, entry.name))) {
      const path = `${entry.name}/${below.name}`;
      if ((await kindOf(base, path, below)) === 'file') installed.add(path);
    }
  }
  return installed;
}

/** Links count as what they lead to, as long as they stay inside: the reader serves no others. */
async function kindOf(base: string, path: string, entry: Dirent): Promise<'file' | 'directory' | 'other'> {
  if (entry.name.startsWith('.')) return 'other';
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  if (!entry.isSymbolicLink()) return 'other';
  const target = await realpath(join(base, path)).catch(() => undefined);
  if (target === undefined || !isInside(base, target)) return 'other';
  const stats = await stat(target).catch(() => undefined);
  return stats?.isFile() ? 'file' : stats?.isDirectory() ? 'directory' : 'other';
}

async function list(directory: string): Promise<readonly Dirent[]> {
  return readdir(directory, { withFileTypes: true }).catch(() => []);
}
