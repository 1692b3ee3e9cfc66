/** One image from addresses or local files: fetched beside its place, proved, taken apart, then moved in, all or nothing. */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AppError, messageOf } from '../errors.ts';
import { extractIso, extractTar, type Staged } from './archive.ts';
import type { BuildFile, ImageBuild } from './build.ts';
import { type Digest, findInIndex } from './checksums.ts';
import { discard, download } from './download.ts';
import { buildGrub } from './grub.ts';
import { incomingDirectory, type PlacedFile, readLedger, updateLedger } from './ledger.ts';
import { copyTree } from './local-tree.ts';
import { withLock } from './lock.ts';
import { throughMirror } from './mirror.ts';
import type { PullOutcome, PullProgress } from './outcome.ts';
import type { PackageSource } from './packages.ts';
import { digestOfEntry, diskError, judge, placeAll } from './place.ts';
import { createProver, overWhat, type ProofDeps, type Prover, resolveUrl, type ToldDigest } from './proof.ts';
import { withWorkDirectory } from './pull-packages.ts';
import type { RunGpgv } from './signature.ts';
import { requireSpace } from './space.ts';

export interface RemotePull {
  readonly imagesRoot: string;
  readonly packages: PackageSource;
  readonly force: boolean;
  readonly mirror?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly report: (progress: PullProgress) => void;
  /** Runs downloads, a few at once. */
  readonly limit: <T>(work: () => Promise<T>) => Promise<T>;
  readonly now: () => number;
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly pauseMs?: ((attempt: number) => number) | undefined;
  readonly stallMs?: number | undefined;
  readonly runGpgv?: RunGpgv | undefined;
}

/** A file that is fetched: where from, and where it goes when it is no archive. */
interface Fetch {
  readonly url: string;
  readonly path: string;
  readonly expected?: ToldDigest;
  readonly to?: string;
}

/** Never throws: what went wrong is the outcome. */
export async function pullRemote(build: ImageBuild, pull: RemotePull): Promise<readonly PullOutcome[]> {
  const { imagesRoot, force } = pull;
  const { reference: image, files } = build;
  const incoming = incomingDirectory(imagesRoot);
  try {
    if (!force && (await isThereAlready(build, imagesRoot)))
      return files.map(({ to }) => ({ kind: 'present', to, image }));
    await mkdir(incoming, { recursive: true });
    return await withLock(join(incoming, `${image.replace(/[^\w.-]/g, '_')}.lock`), image, async () => {
      const work = await mkdtemp(join(incoming, 'work-'));
      try {
        const { staged, proofs, from } = await gather(build, work, pull);
        await install(build, staged, proofs, pull);
        return files.map(({ to, tree }) => ({
          kind: 'placed',
          to: tree ? `${to}/ (${staged.filter((one) => one.to.startsWith(`${to}/`)).length} files)` : to,
          image,
          from,
          proof: [...new Set(proofs.values())].join('; '),
        }));
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    });
  } catch (cause) {
    const error = diskError(cause, imagesRoot) ?? cause;
    const reason = messageOf(error);
    const code = error instanceof AppError ? error.code : undefined;
    // The address or the server is at fault: what is asked for cannot be had. All else is a failure on the way.
    if (code === 'fetch-failed') return files.map(({ to }) => ({ kind: 'missing', to, image, reason }));
    return files.map(({ to }) => ({ kind: 'failed', to, image, reason, ...(code !== undefined && { code }) }));
  }
}

interface Gathered {
  readonly staged: readonly Staged[];
  /** `to` → in words. */
  readonly proofs: ReadonlyMap<string, string>;
  readonly from: 'fetched' | 'local' | 'made';
}

async function gather(build: ImageBuild, work: string, pull: RemotePull): Promise<Gathered> {
  const { source, files, reference: image } = build;
  const staging = join(work, 'files');
  await mkdir(staging);
  const onExtract = (done: number, total: number | undefined) =>
    pull.report({ kind: 'bytes', image, file: image, phase: 'extract', done, total });
  const proveAll = (how: string) => new Map(files.map(({ to }) => [to, how]));

  if ('directory' in source) {
    const staged = await copyTree(source.directory, files, staging);
    return { staged, proofs: proveAll(`local, ${source.directory}`), from: 'local' };
  }
  if ('grub' in source) {
    const { packages } = pull;
    const file = await withWorkDirectory(async (directory) => {
      const made = await buildGrub({ format: source.grub, modules: source.modules, packages, work: directory });
      const kept = join(staging, 'grub.efi');
      await copyFile(made, kept);
      return kept;
    });
    const proof = `made of package ${source.modules}, by apt`;
    return { staged: files.map(({ to }) => ({ file, to })), proofs: proveAll(proof), from: 'made' };
  }
  if ('iso' in source || 'tar' in source) {
    const place = 'iso' in source ? source.iso : source.tar;
    const take = 'iso' in source ? extractIso : extractTar;
    const common = { wanted: files, staging, onBytes: onExtract, signal: pull.signal };
    if (!/^https?:/.test(place)) {
      const staged = await take({ archive: place, ...common });
      return { staged, proofs: proveAll(`local, ${place}`), from: 'local' };
    }
    const prover = await createProver(build, place, proofDeps(work, pull));
    const path = basename(new URL(place).pathname);
    const { file, proof } = await fetchProved(build, { url: place, path }, prover, pull);
    const staged = await take({ archive: file, ...common });
    await discard(file);
    return { staged, proofs: proveAll(proof), from: 'fetched' };
  }
  if (!('url' in source || 'index' in source)) throw new Error('packages are pulled elsewhere');

  const base = 'url' in source ? source.url.replace(/\/*$/, '/') : source.index;
  const prover = await createProver(build, base, proofDeps(work, pull));
  const fetches =
    'url' in source
      ? files.map((file) => fetchOf(file, base))
      : await readIndex(source.index, files, proofDeps(work, pull));
  const done = await Promise.all(
    fetches.map(async (one) => ({ ...(await fetchProved(build, one, prover, pull)), to: one.to ?? '' })),
  );
  return {
    staged: done.map(({ file, to }) => ({ file, to })),
    proofs: new Map(done.map(({ to, proof }) => [to, proof])),
    from: 'fetched',
  };
}

function fetchOf({ from, to, sha256 }: BuildFile, base: string): Fetch {
  const digest: Digest | undefined = sha256 === undefined ? undefined : { algorithm: 'sha256', hex: sha256 };
  const expected = digest && { digest, by: 'given by the catalogue' };
  return { url: resolveUrl(from, base), path: from, to, ...(expected && { expected }) };
}

async function readIndex(url: string, files: readonly BuildFile[], deps: ProofDeps): Promise<readonly Fetch[]> {
  const file = join(deps.work, 'index.json');
  await deps.fetchTo(url, file);
  let document: unknown;
  try {
    document = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new AppError('image-invalid', `${url} is no JSON: ${messageOf(cause)}`, { cause });
  }
  const by = overWhat(url, deps.mirrored).replace('list', 'index');
  return files.map(({ from, to }) => {
    const found = findInIndex(document, from);
    if (!found) throw new AppError('image-invalid', `${url} has no location and sha256 at ${from}.`);
    return {
      url: resolveUrl(found.location, url),
      path: basename(found.location),
      expected: { digest: found.digest, by },
      to,
    };
  });
}

/** Fetches one file to a part file that survives this run, and proves it. */
async function fetchProved(
  { reference: image }: ImageBuild,
  { url, path, expected }: Fetch,
  prover: Prover,
  pull: RemotePull,
): Promise<{ readonly file: string; readonly proof: string }> {
  const { imagesRoot, report } = pull;
  const name = basename(new URL(url).pathname) || 'index';
  const key = createHash('sha256').update(url).digest('hex').slice(0, 12);
  const part = join(incomingDirectory(imagesRoot), `${key}-${name.replace(/[^\w.+-]/g, '_')}.part`);
  const size = await pull.limit(() =>
    download({
      url: throughMirror(url, pull.mirror),
      part,
      ...fetchSettings(pull),
      onSize: (bytes) => requireSpace(imagesRoot, bytes, `${image}: ${name}`),
      onBytes: (done, total) => report({ kind: 'bytes', image, file: name, phase: 'fetch', done, total }),
    }),
  );
  try {
    let checked = 0;
    const proof = await prover.prove(part, path, url, expected, (bytes) => {
      checked += bytes;
      report({ kind: 'bytes', image, file: name, phase: 'check', done: checked, total: size });
    });
    return { file: part, proof };
  } catch (error) {
    // Bytes that are not what was promised are of no use to the next attempt.
    if (error instanceof AppError && error.code === 'image-unproved') await discard(part);
    throw error;
  }
}

function fetchSettings({ signal, fetch, pauseMs, stallMs }: RemotePull) {
  return { signal, ...(fetch && { fetch }), ...(pauseMs && { pauseMs }), ...(stallMs !== undefined && { stallMs }) };
}

/** Lists, signatures, indexes: small, and never continued. */
const SMALL_FILE = 64 * 1024 * 1024;

function proofDeps(work: string, pull: RemotePull): ProofDeps {
  return {
    packages: pull.packages,
    work,
    mirrored: pull.mirror !== undefined,
    runGpgv: pull.runGpgv,
    fetchTo: async (url: string, file: string) => {
      await download({
        url: throughMirror(url, pull.mirror),
        part: file,
        maxBytes: SMALL_FILE,
        ...fetchSettings(pull),
      });
    },
  };
}

/** Judges every place before anything moves; then all move and the ledger says so, or neither. */
async function install(
  { reference: image }: ImageBuild,
  staged: readonly Staged[],
  proofs: ReadonlyMap<string, string>,
  { imagesRoot, force, now }: RemotePull,
): Promise<void> {
  const ledger = await readLedger(imagesRoot);
  const rows: Record<string, PlacedFile | undefined> = {};
  for (const { file, to, link } of staged) {
    const sha256 = (await digestOfEntry(file)) ?? '';
    const standing = await judge(imagesRoot, to, sha256, ledger);
    if (standing.kind === 'operators' && !force)
      throw new AppError(
        'already-exists',
        `${to} is there already, is another file, and was not put there by this command: move it away, or use --force.`,
      );
    const { size } = link ? { size: 0 } : await stat(file);
    const proof = proofs.get(to) ?? [...proofs.values()][0] ?? '';
    rows[to] = { sha256, size, image, proof, at: now(), ...(link && { link }) };
  }
  // Files which the version before had at other places under the same reference are no longer its own.
  const former = Object.keys(ledger).filter((to) => ledger[to]?.image === image && !(to in rows));
  for (const to of former) rows[to] = undefined;
  await updateLedger(imagesRoot, rows, () => placeAll(imagesRoot, staged));
  for (const { file } of staged) await discard(file);
  for (const to of former) await rm(join(imagesRoot, to), { force: true });
}

/** Put there by us under this reference, and of the size it had. `verify` looks at every byte. */
async function isThereAlready({ files, reference }: ImageBuild, imagesRoot: string): Promise<boolean> {
  const ledger = await readLedger(imagesRoot);
  for (const { to, tree } of files) {
    const rows = Object.entries(ledger).filter(([place]) => (tree ? place.startsWith(`${to}/`) : place === to));
    if (rows.length === 0) return false;
    for (const [place, row] of rows) {
      if (row.image !== reference) return false;
      if (row.link) continue;
      const there = await stat(join(imagesRoot, place)).catch(() => undefined);
      if (!there?.isFile() || there.size !== row.size) return false;
    }
  }
  return true;
}
