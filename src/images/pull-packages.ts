/** Files of the distribution's packages brought into `boot-images/`. */
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import type { ImageBuild } from './build.ts';
import { type PlacedFile, readLedger, updateLedger } from './ledger.ts';
import type { PullOutcome } from './outcome.ts';
import { type FetchedPackage, findUnpacked, type PackageSource } from './packages.ts';
import { digestOf, isThere, judge, place } from './place.ts';

export interface PackagePull {
  readonly imagesRoot: string;
  readonly builds: readonly ImageBuild[];
  readonly packages: PackageSource;
  /** Fetch every package anew, and overwrite files that the operator put there. */
  readonly force: boolean;
  readonly settle: (outcome: PullOutcome) => void;
  readonly now: () => number;
}

/** One file with the package it is in. */
interface PackageFile {
  readonly image: string;
  readonly package: string;
  readonly from: string;
  readonly to: string;
}

/**
 * From an installed package, else fetched by apt without root. Asks the network only for files that are missing. One file's
 * failure does not stop the others.
 */
export async function pullPackages(pull: PackagePull): Promise<void> {
  const { imagesRoot, packages, force, settle } = pull;
  const sources = pull.builds.flatMap(filesOf);
  const rows: Record<string, PlacedFile> = {};
  const put = async (source: PackageFile, file: string, from: 'installed' | 'fetched') =>
    settle(await placeOne(pull, source, file, from, rows));

  const toFetch: PackageFile[] = [];
  for (const source of sources) {
    const installed = force ? undefined : await packages.findInstalled(source.from);
    if (installed) await put(source, installed, 'installed');
    else if (!force && (await isThere(imagesRoot, source.to))) settle({ kind: 'present', ...named(source) });
    else toFetch.push(source);
  }
  if (toFetch.length > 0) {
    await withWorkDirectory(async (directory) => {
      const fetched = await packages.fetch([...new Set(toFetch.map((source) => source.package))], directory);
      for (const source of toFetch) {
        const found = await findFetched(fetched.get(source.package), source.from);
        if (typeof found === 'string') await put(source, found, 'fetched');
        else settle({ kind: 'missing', ...named(source), package: source.package, reason: found.reason });
      }
    });
  }
  await updateLedger(imagesRoot, rows);
}

/** What the operator can do about files that no package gave. */
export function adviseOn(outcomes: readonly PullOutcome[], imagesRoot: string): string | undefined {
  const missing = outcomes.filter((outcome) => outcome.kind === 'missing');
  if (missing.length === 0) return undefined;
  const names = [...new Set(missing.flatMap((outcome) => outcome.package ?? []))];
  const files = missing.map(({ to }) => to).join(', ');
  // A package of another architecture is never installed beside the system's own: only a newer list can help.
  const own = names.filter((name) => !name.includes(':')).join(' ');
  const install = own === '' ? '' : ` && sudo apt-get install --no-install-recommends ${own}`;
  return (
    `On Debian or Ubuntu: sudo apt-get update${install}, ` +
    `then run \`hobnail images pull\` again. Elsewhere, or by hand: put these files under ${imagesRoot}: ${files}`
  );
}

async function placeOne(
  { imagesRoot, force, now }: PackagePull,
  source: PackageFile,
  file: string,
  from: 'installed' | 'fetched',
  rows: Record<string, PlacedFile>,
): Promise<PullOutcome> {
  try {
    const wanted = await digestOf(file);
    if (wanted === undefined)
      return { kind: 'missing', ...named(source), package: source.package, reason: `${file} is gone` };
    const standing = await judge(imagesRoot, source.to, wanted, await readLedger(imagesRoot));
    const proof = `package ${source.package}, by apt`;
    if (standing.kind === 'same') return { kind: 'present', ...named(source) };
    if (standing.kind === 'operators' && !force) {
      const reason = 'differs from the package’s and was not put there by this command; --force replaces it';
      return { kind: 'kept', ...named(source), reason };
    }
    await place(imagesRoot, file, source.to);
    const { size } = await stat(file);
    rows[source.to] = { sha256: wanted, size, image: source.image, proof, at: now() };
    return { kind: 'placed', ...named(source), from, proof };
  } catch (error) {
    return { kind: 'failed', ...named(source), reason: messageOf(error) };
  }
}

async function findFetched(
  fetched: FetchedPackage | undefined,
  path: string,
): Promise<string | { readonly reason: string }> {
  if (!fetched) return { reason: 'the package was not fetched' };
  if (fetched.kind === 'failed') return { reason: fetched.reason };
  return (await findUnpacked(fetched.directory, path)) ?? { reason: `the package has no /${path} in this version` };
}

/** A directory for packages that are unpacked, gone afterwards. */
export async function withWorkDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'hobnail-loaders-'));
  try {
    // As root, apt downloads as a user of its own, who has to get in.
    await chmod(directory, 0o755);
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function filesOf({ source, files, reference }: ImageBuild): readonly PackageFile[] {
  if (!('deb' in source)) return [];
  return files.map(({ from, to }) => ({ image: reference, package: source.deb, from, to }));
}

function named({ to, image }: PackageFile): { readonly to: string; readonly image: string } {
  return { to, image };
}
