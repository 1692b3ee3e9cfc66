/** Names in any case → names as they are on disk, from an index of directories that are read again only when they change. */
import type { BigIntStats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { stampOf } from './stamp.ts';

export interface AnyCaseIndex {
  /**
   * The path under `root` that differs from `path` in the case of ASCII letters at most; a name in the case asked for
   * wins, then the first in the order of the alphabet. Undefined when there is none. Links out of the root are not
   * noticed here: open what is found through `openConfined`.
   */
  find(root: string, path: string): Promise<string | undefined>;
}

interface Listing {
  readonly stamp: string | undefined;
  readonly names: ReadonlySet<string>;
  /** Lower case → the first name on disk. */
  readonly byLower: ReadonlyMap<string, string>;
}

const MAX_NAMES = 500_000;

export function createAnyCaseIndex(): AnyCaseIndex {
  const listings = new LRUCache<string, Listing>({
    maxSize: MAX_NAMES,
    sizeCalculation: ({ names }) => names.size + 1,
  });

  async function list(directory: string): Promise<Listing | undefined> {
    const stats = await stat(directory, { bigint: true }).catch((): BigIntStats | undefined => undefined);
    if (!stats?.isDirectory()) return undefined;
    const stamp = stampOf(stats);
    const known = listings.get(directory);
    if (known && stamp !== undefined && known.stamp === stamp) return known;
    const sorted = (await readdir(directory).catch((): string[] => [])).sort();
    const byLower = new Map<string, string>();
    for (const name of sorted) if (!byLower.has(lower(name))) byLower.set(lower(name), name);
    const listing = { stamp, names: new Set(sorted), byLower };
    listings.set(directory, listing);
    return listing;
  }

  return {
    async find(root, path) {
      const found: string[] = [];
      for (const segment of path.split('/')) {
        const listing = await list(join(root, ...found));
        const name = listing?.names.has(segment) ? segment : listing?.byLower.get(lower(segment));
        if (name === undefined) return undefined;
        found.push(name);
      }
      return found.join('/');
    },
  };
}

function lower(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
