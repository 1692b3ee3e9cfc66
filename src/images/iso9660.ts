/**
 * ISO 9660 images, read without mounting: directories and files, by Rock Ridge names (IEEE P1282), else Joliet, else the plain
 * ones in lower case. Bounded in size and depth, whatever the image says.
 */
import {
  directoryRecords,
  type Extent,
  IsoError,
  type IsoRecord,
  type RawNames,
  type ReadAt,
  SECTOR,
} from './iso9660-record.ts';

const MAX_DIRECTORY = 64 * 1024 * 1024;
const MAX_DEPTH = 64;
const MAX_ENTRIES = 1_000_000;
const MAX_LINKS = 16;

export type IsoEntry =
  | { readonly kind: 'file'; readonly path: string; readonly size: number; readonly extents: readonly Extent[] }
  | { readonly kind: 'directory'; readonly path: string }
  /** `target` as it is written, relative to the directory of `path`. */
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

export interface Iso {
  /** Volume identifier, trimmed. */
  readonly label: string;
  /** Finds a path, `/` between its parts, links followed inside the image. */
  find(path: string): Promise<IsoEntry | undefined>;
  /** Everything below a directory (`''` is the root), directories before what is in them. Links are not followed. */
  walk(path: string): AsyncGenerator<IsoEntry>;
}

/** @throws IsoError */
export async function openIso(readAt: ReadAt): Promise<Iso> {
  const { root, label, names } = await findRoot(readAt);

  async function list(directory: IsoRecord): Promise<readonly IsoRecord[]> {
    const length = directory.extents.reduce((sum, extent) => sum + extent.length, 0);
    if (length > MAX_DIRECTORY) throw new IsoError('a directory of the image is absurdly large');
    const parts = await Promise.all(directory.extents.map((extent) => readAt(extent.start, extent.length)));
    const bytes = Buffer.concat(parts);
    if (bytes.length < length) throw new IsoError('the image ends inside a directory: it is cut short');
    return directoryRecords(bytes, names, readAt);
  }

  async function findRecord(path: string): Promise<{ record: IsoRecord; path: string } | undefined> {
    const pending = path.split('/').filter(Boolean).reverse();
    let at: { record: IsoRecord; name: string }[] = [{ record: root, name: '' }];
    let links = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === '.') continue;
      if (name === '..') {
        at = at.length > 1 ? at.slice(0, -1) : at;
        continue;
      }
      const here = at.at(-1)?.record ?? root;
      if (here.kind !== 'directory') return undefined;
      const record = (await list(here)).find((one) => one.name === name);
      if (!record) return undefined;
      if (record.kind === 'link') {
        if (++links > MAX_LINKS) return undefined;
        if (record.target?.startsWith('/')) at = at.slice(0, 1);
        pending.push(...(record.target ?? '').split('/').filter(Boolean).reverse());
        continue;
      }
      at.push({ record, name });
    }
    const found = at.at(-1);
    return (
      found && {
        record: found.record,
        path: at
          .map((one) => one.name)
          .filter(Boolean)
          .join('/'),
      }
    );
  }

  return {
    label,
    async find(path) {
      const found = await findRecord(path);
      return found && entryOf(found.record, found.path);
    },
    async *walk(path) {
      const top = await findRecord(path);
      if (top?.record.kind !== 'directory') return;
      let seen = 0;
      const pending: { record: IsoRecord; path: string; depth: number }[] = [{ ...top, path: '', depth: 0 }];
      for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
        if (one.depth > MAX_DEPTH) throw new IsoError('directories of the image are nested without end');
        for (const record of await list(one.record)) {
          if (++seen > MAX_ENTRIES) throw new IsoError('the image has more than a million files, or a loop');
          const below = one.path === '' ? record.name : `${one.path}/${record.name}`;
          yield entryOf(record, below);
          if (record.kind === 'directory') pending.push({ record, path: below, depth: one.depth + 1 });
        }
      }
    },
  };
}

function entryOf(record: IsoRecord, path: string): IsoEntry {
  switch (record.kind) {
    case 'directory':
      return { kind: 'directory', path };
    case 'link':
      return { kind: 'link', path, target: record.target ?? '' };
    case 'file': {
      const size = record.extents.reduce((sum, { length }) => sum + length, 0);
      return { kind: 'file', path, size, extents: record.extents };
    }
    default:
      return record.kind satisfies never;
  }
}

/** Volume descriptors begin at sector 16 (ECMA-119 §8). */
async function findRoot(readAt: ReadAt): Promise<{ root: IsoRecord; label: string; names: RawNames }> {
  let primary: Buffer | undefined;
  let joliet: Buffer | undefined;
  for (let sector = 16; sector < 16 + 64; sector++) {
    const descriptor = await readAt(sector * SECTOR, SECTOR);
    if (descriptor.length < SECTOR || descriptor.toString('latin1', 1, 6) !== 'CD001') break;
    const type = descriptor[0];
    if (type === 1) primary ??= descriptor;
    if (type === 2 && /^%\/[@CE]/.test(descriptor.toString('latin1', 88, 91))) joliet ??= descriptor;
    if (type === 255) break;
  }
  if (!primary) throw new IsoError('it is no ISO 9660 image (an image with UDF alone, or another kind of file)');
  const label = primary.toString('latin1', 40, 72).trim();
  const rootOf = (descriptor: Buffer): IsoRecord => ({
    kind: 'directory',
    name: '',
    extents: [{ start: descriptor.readUInt32LE(156 + 2) * SECTOR, length: descriptor.readUInt32LE(156 + 10) }],
  });
  const root = rootOf(primary);
  const first = await readAt(root.extents[0]?.start ?? 0, SECTOR);
  const skip = rockRidgeSkip(first);
  if (skip !== undefined) return { root, label, names: { kind: 'rock-ridge', skip } };
  return joliet
    ? { root: rootOf(joliet), label, names: { kind: 'joliet' } }
    : { root, label, names: { kind: 'plain' } };
}

/** Bytes to skip in front of each record's system use area, when the root says that there is one (SUSP §5.3, `SP`). */
function rockRidgeSkip(first: Buffer): number | undefined {
  const length = first[0] ?? 0;
  const at = 34;
  if (length < at + 7 || first.toString('latin1', at, at + 2) !== 'SP') return undefined;
  return first[at + 4] === 0xbe && first[at + 5] === 0xef ? (first[at + 6] ?? 0) : undefined;
}
