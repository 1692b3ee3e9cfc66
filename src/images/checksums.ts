/** Lists of digests as publishers write them. Pure. */

export interface Digest {
  readonly algorithm: 'sha256' | 'sha512';
  /** Lower case. */
  readonly hex: string;
}

const ALGORITHM: Readonly<Record<number, Digest['algorithm']>> = { 64: 'sha256', 128: 'sha512' };

/**
 * The digest a list gives for a file. Understood: `hash  name` and `hash *name` (coreutils), `SHA256 (name) = hash` (BSD),
 * `name = sha256:hash` (.treeinfo), and a file that is nothing but one hash, as `x.iso.sha256` often is. MD5 and SHA-1
 * prove nothing and are skipped; text around the lines, such as an OpenPGP signature, is skipped too.
 * @param path as the catalogue has it; a list that names files without directories is matched by the last part
 * @returns undefined when the list has no usable digest for it, and when it has two that differ
 */
export function findDigest(list: string, path: string): Digest | undefined {
  const rows = parseRows(list);
  const base = lastPart(path);
  const exact = rows.filter(({ name }) => name === path);
  const ending = rows.filter(
    ({ name }) => name !== undefined && (path.endsWith(`/${name}`) || name.endsWith(`/${path}`)),
  );
  const same = rows.filter(({ name }) => name !== undefined && lastPart(name) === base);
  const bare = rows.filter(({ name }) => name === undefined);
  for (const found of [exact, ending, same, bare]) {
    // The strongest that is there; two lines for one file must agree.
    for (const algorithm of ['sha512', 'sha256'] as const) {
      const hexes = new Set(
        found.filter(({ digest }) => digest.algorithm === algorithm).map(({ digest }) => digest.hex),
      );
      if (hexes.size > 1) return undefined;
      const [hex] = hexes;
      if (hex !== undefined) return { algorithm, hex };
    }
  }
  return undefined;
}

interface Row {
  readonly name: string | undefined;
  readonly digest: Digest;
}

function parseRows(list: string): readonly Row[] {
  return list.split(/\r?\n/).flatMap((line) => {
    const gnu = /^\\?([0-9a-f]{64,128})(?:\s+[ *]?(\S.*?))?\s*$/i.exec(line);
    if (gnu) return rowOf(gnu[2], gnu[1]);
    const bsd = /^SHA(?:2-)?(?:256|512)\s*\((.+)\)\s*=\s*([0-9a-f]+)\s*$/i.exec(line);
    if (bsd) return rowOf(bsd[1], bsd[2]);
    const tree = /^(\S+)\s*=\s*sha(?:256|512):([0-9a-f]+)\s*$/i.exec(line);
    if (tree) return rowOf(tree[1], tree[2]);
    return [];
  });
}

function rowOf(name: string | undefined, hex = ''): Row[] {
  const algorithm = ALGORITHM[hex.length];
  return algorithm ? [{ name: name?.replace(/^\.\//, ''), digest: { algorithm, hex: hex.toLowerCase() } }] : [];
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** `{ location, sha256 }` at a dotted path of a JSON document (Fedora CoreOS's stream metadata). */
export function findInIndex(
  document: unknown,
  path: string,
): { readonly location: string; readonly digest: Digest } | undefined {
  let at: unknown = document;
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  const { location, sha256 } = (typeof at === 'object' && at !== null ? at : {}) as Record<string, unknown>;
  if (typeof location !== 'string' || typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(sha256)) return undefined;
  return { location, digest: { algorithm: 'sha256', hex: sha256.toLowerCase() } };
}
