/** Boot loaders brought from the distribution's packages into `boot-images/`. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import { type LoaderSource, listSources, readLoaderCatalog } from './catalog.ts';
import { createAptSource, type FetchedPackage, findUnpacked, type PackageSource } from './packages.ts';
import { digestOf, isThere, judge, type Ledger, place, readLedger, writeLedger } from './place.ts';

/** What became of one file; `to` is its path below `boot-images/`. */
export type PullOutcome =
  | { readonly kind: 'placed'; readonly to: string; readonly package: string; readonly from: 'installed' | 'fetched' }
  /** Already there, and as the package has it, or the package is not installed and the file is left alone. */
  | { readonly kind: 'present'; readonly to: string; readonly package: string }
  /** There, but neither the package's nor put there by us. */
  | { readonly kind: 'kept'; readonly to: string; readonly package: string; readonly reason: string }
  /** The package or the file in it cannot be had. */
  | { readonly kind: 'missing'; readonly to: string; readonly package: string; readonly reason: string }
  /** It could be had but not be written; the reason says what to change. */
  | { readonly kind: 'failed'; readonly to: string; readonly package: string; readonly reason: string };

export type PullProgress =
  | { readonly kind: 'step'; readonly text: string }
  | { readonly kind: 'outcome'; readonly outcome: PullOutcome };

export interface PullOptions {
  /** The directory `boot-images/`. Made when it is not there. */
  readonly imagesRoot: string;
  /** Fetch every package anew, and overwrite files that the operator put there. Default false. */
  readonly force?: boolean;
  /** Directory with `loaders.yaml`. Default: the one that ships with the program. */
  readonly catalogDirectory?: string;
  readonly onProgress?: (progress: PullProgress) => void;
  /** Default: apt. */
  readonly packages?: PackageSource;
}

export interface PullReport {
  readonly outcomes: readonly PullOutcome[];
  /** What the operator can do about the missing files; undefined when none is missing. */
  readonly advice?: string;
}

/**
 * Brings every loader of the catalogue: from an installed package, else fetched by apt without root. Asks the network only
 * for files that are missing. One file's failure does not stop the others.
 * @throws AppError `config-invalid`, `read-failed` for the catalogue only
 */
export async function pullLoaders(options: PullOptions): Promise<PullReport> {
  const { imagesRoot, force = false, catalogDirectory, onProgress = () => {} } = options;
  const sources = listSources(await readLoaderCatalog(catalogDirectory));
  const packages =
    options.packages ?? createAptSource({ onStep: (text) => onProgress({ kind: 'step', text: `${text} …` }) });
  const ledger: Ledger = { ...(await readLedger(imagesRoot)) };
  const outcomes: PullOutcome[] = [];
  const settle = (outcome: PullOutcome) => {
    outcomes.push(outcome);
    onProgress({ kind: 'outcome', outcome });
  };
  const put = async (source: LoaderSource, file: string, from: 'installed' | 'fetched') =>
    settle(await placeOne(imagesRoot, source, file, from, ledger, force));

  const toFetch: LoaderSource[] = [];
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
        else settle({ kind: 'missing', ...named(source), reason: found.reason });
      }
    });
  }
  if (outcomes.some(({ kind }) => kind === 'placed')) await writeLedger(imagesRoot, ledger);
  const advice = adviseOn(outcomes, imagesRoot);
  return advice === undefined ? { outcomes } : { outcomes, advice };
}

/** A loader of the catalogue and whether its file is there. */
export interface ListedLoader {
  readonly name: string;
  readonly package: string;
  readonly licence: string;
  readonly about: string;
  readonly files: readonly { readonly to: string; readonly present: boolean }[];
}

/** @throws AppError `config-invalid`, `read-failed` for the catalogue */
export async function listLoaders(
  options: Pick<PullOptions, 'imagesRoot' | 'catalogDirectory'>,
): Promise<readonly ListedLoader[]> {
  const loaders = await readLoaderCatalog(options.catalogDirectory);
  return Promise.all(
    loaders.map(async ({ files, name, licence, about, package: packageName }) => ({
      name,
      package: packageName,
      licence,
      about,
      files: await Promise.all(files.map(async ({ to }) => ({ to, present: await isThere(options.imagesRoot, to) }))),
    })),
  );
}

async function placeOne(
  imagesRoot: string,
  source: LoaderSource,
  file: string,
  from: 'installed' | 'fetched',
  ledger: Ledger,
  force: boolean,
): Promise<PullOutcome> {
  try {
    const wanted = await digestOf(file);
    if (wanted === undefined) return { kind: 'missing', ...named(source), reason: `${file} is gone` };
    const standing = await judge(imagesRoot, source.to, wanted, ledger);
    if (standing.kind === 'same') return { kind: 'present', ...named(source) };
    if (standing.kind === 'operators' && !force) {
      const reason = 'differs from the package’s and was not put there by this command; --force replaces it';
      return { kind: 'kept', ...named(source), reason };
    }
    await place(imagesRoot, file, source.to);
    ledger[source.to] = wanted;
    return { kind: 'placed', ...named(source), from };
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

async function withWorkDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'hobnail-loaders-'));
  try {
    // As root, apt downloads as a user of its own, who has to get in.
    await chmod(directory, 0o755);
    await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function adviseOn(outcomes: readonly PullOutcome[], imagesRoot: string): string | undefined {
  const missing = outcomes.filter((outcome) => outcome.kind === 'missing');
  if (missing.length === 0) return undefined;
  const names = [...new Set(missing.map((outcome) => outcome.package))].join(' ');
  const files = missing.map(({ to }) => to).join(', ');
  return (
    `On Debian or Ubuntu: sudo apt-get update && sudo apt-get install --no-install-recommends ${names}, ` +
    `then run \`hobnail images pull\` again. Elsewhere, or by hand: put these files under ${imagesRoot}: ${files}`
  );
}

function named(source: LoaderSource): { readonly to: string; readonly package: string } {
  return { to: source.to, package: source.package };
}
