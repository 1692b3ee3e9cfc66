/** The one reader behind TFTP and HTTP: virtual path → rendered template or file of `boot-images/`. */
import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { Catalog } from '../boot/catalog.ts';
import type { CommonContent, OpenContent, OpenPath, ReadOutcome, Requester } from '../boot/content.ts';
import type { ServerIdentity } from '../boot/context.ts';
import type { Deployment } from '../boot/deployment.ts';
import type { Network } from '../boot/network.ts';
import { isForEverybody, normalizePath, type ResolveRequester, type Resource, resolve } from '../boot/resolve.ts';
import { parseTokenPath } from '../boot/token-path.ts';
import { AppError, type Problem } from '../errors.ts';
import type { Mac } from '../net/mac.ts';
import { type AnyCaseIndex, createAnyCaseIndex } from './any-case.ts';
import { openConfined } from './confined.ts';
import { contentTypeOf, templateTypeOf } from './content-type.ts';
import { fillServer } from './fill-server.ts';
import { createHotImages } from './hot-images.ts';
import { changed, fromHandle, inMemory, readError, wasWritten } from './readable.ts';
import { renderFile } from './render.ts';
import { PREVIEW_TOKEN, type ReadSecret } from './template-helpers.ts';
import type { Templates } from './templates.ts';
import { newestVersion } from './upload-names.ts';

export interface ReaderDeps {
  snapshot(): Catalog;
  /** Shared memory that moves on with the snapshot; without it nothing is told to hold for everybody. */
  readonly epochs?: Int32Array;
  readonly templates: Templates;
  /** `boot-images/` */
  readonly imagesRoot: string;
  /** What machines wrote; without it none of it can be read. */
  readonly uploadsRoot?: string | undefined;
  /** The network a requester is in, by its address and ours. */
  networkOf(ip: string, localAddress: string): Network | undefined;
  /** Where machines fetch from, as seen through one of our addresses. */
  serverIdentity(localAddress: string): ServerIdentity;
  /** Who has permission to install; without it tokens are good for nothing, and nothing is spent. */
  readonly deployments?: DeploymentDesk | undefined;
  /** A secret as a host sees it; without it there are none. */
  readonly readSecret?: ((name: string, host: string | undefined) => string | undefined) | undefined;
  /** Milliseconds since 1970. */
  now(): number;
  /** Told of menu entries that had to be left out. */
  readonly report?: (problems: readonly Problem[]) => void;
  /** Told how long each file for a machine took to make, previews left out. */
  readonly rendered?: ((ms: number, outcome: 'done' | 'failed') => void) | undefined;
}

/** A file that is being written to is read anew so often. */
const MOST_TRIES = 3;
/** Images up to this size are kept in memory, so that a storm of machines does not ask the disk for the same loader. */
const SMALL_BYTES = 1024 * 1024;
const CACHE_BYTES = 64 * 1024 * 1024;
/** Kernels stamp files by their timer tick (up to 10 ms): what was just written may be written again and look the same. */
const TICK_MS = 20;

export function createReader(deps: ReaderDeps): OpenPath {
  const small = new LRUCache<string, Uint8Array>({
    maxSize: CACHE_BYTES,
    sizeCalculation: (bytes) => Math.max(1, bytes.length),
  });

  const hot = createHotImages<Opened>(deps.imagesRoot);
  const anyCase = createAnyCaseIndex();

  /** Images being opened right now: a storm asks for one loader a thousand times before the first has it. */
  const opening = new Map<string, Promise<Opened>>();

  async function openShared(resource: Resource & { kind: 'image' }, ignoreCase: boolean): Promise<Opened> {
    const key = `${resource.image}\0${resource.route.contentType ?? ''}`;
    const known = hot.find(key, resource.image);
    if (known) return known;
    const running = opening.get(key);
    const outcome = running && (await running);
    // What is in memory has no handle to close, so that one answer does for all.
    if (outcome && (outcome.kind !== 'content' || outcome.bytes)) return outcome;
    const own = openImage(deps.imagesRoot, resource, small, ignoreCase ? anyCase : undefined);
    if (running) return own;
    opening.set(key, own);
    try {
      const opened = await own;
      if (opened.kind !== 'content' || !opened.seen) return opened;
      const lasting: Opened = { ...opened, unchanged: () => hot.find(key, resource.image) === lasting };
      hot.keep(key, lasting, opened.seen.look);
      return lasting;
    } finally {
      opening.delete(key);
    }
  }

  async function openAs(asked: string, requester: Requester, catalog: Catalog, absent: boolean): Promise<Opened> {
    const network = deps.networkOf(requester.ip, requester.localAddress);
    const signed = parseTokenPath(normalizePath(asked) ?? '');
    const path = signed?.kind === 'file' ? signed.path : asked;
    const tokenHost = signed?.kind === 'file' ? deps.deployments?.hostOf(signed.token) : undefined;
    if (signed?.kind === 'file' && tokenHost === undefined) {
      return { kind: 'refused', reason: 'the token is nobody’s, or its deployment has ended or begun another boot' };
    }
    const who = { ip: requester.ip, mac: requester.mac, network, absent, tokenHost };
    const resource = resolve(path, who, catalog);
    // Before anything is noticed or spent.
    if (requester.posts && !takesPost(resource)) {
      return { kind: 'refused', reason: 'nothing here takes a POST', isOfMethod: true };
    }
    if (!requester.preview && !requester.onlyAsks) await deps.deployments?.fetching(path, resource, who, catalog);
    switch (resource.kind) {
      case 'absent':
      case 'refused':
        return resource;
      case 'image': {
        const opened = await openShared(resource, catalog.ignoreCase);
        const filled =
          resource.route.fill === undefined ? opened : fill(opened, deps.serverIdentity(requester.localAddress));
        // A token ends, and a profile is not everybody's: both are looked at each time.
        return resource.ofProfile || signed ? forThisOne(filled) : filled;
      }
      case 'upload':
        if (deps.uploadsRoot === undefined) return { kind: 'absent', reason: 'there are no uploads' };
        return openUploaded(
          deps.uploadsRoot,
          await currentFile(deps.uploadsRoot, resource),
          resource.route.contentType,
        );
      case 'template':
        return openTemplate(deps, resource, requester, catalog, network);
      default:
        return resource satisfies never;
    }
  }

  return async (path, requester) => {
    const catalog = deps.snapshot();
    const epoch = deps.epochs === undefined ? 0 : Atomics.load(deps.epochs, 0);
    const outcome = await openAs(path, requester, catalog, false);
    if (outcome.kind === 'content') return withCommon(outcome, path, { catalog, deps, epoch });
    if (outcome.kind !== 'absent' || !catalog.rewrites.some(({ rule }) => rule.whenAbsent)) return outcome;
    const second = await openAs(path, requester, catalog, true);
    return second.kind === 'absent' ? outcome : second;
  };
}

/** What the reader tells and asks those who keep deployments. */
export interface DeploymentDesk {
  /** Undefined for a token that is not good, or not any more. */
  hostOf(token: string): string | undefined;
  /** For URLs in what is rendered. */
  tokenOf(deployment: Deployment): string;
  /**
   * Told before a file is handed out; resolves when what it spends is on disk.
   * @throws AppError when it could not be written, or the permission is gone: then nothing is handed out
   */
  fetching(path: string, resource: Resource, requester: ResolveRequester, catalog: Catalog): Promise<void>;
}

/** What the reader knows beside the content of a file that would be found again by its name. */
interface Found {
  readonly seen?: Pick<CommonContent, 'file' | 'look'>;
  /** Looks at the file; false also where looking may have to wait. */
  readonly unchanged?: () => boolean;
}

type Opened = Exclude<ReadOutcome, OpenContent> | (OpenContent & Found);

/** What is absent or refused is so by every method. */
function takesPost(resource: Resource): boolean {
  if (resource.kind === 'absent' || resource.kind === 'refused') return true;
  return resource.kind === 'template' && resource.route.post === true;
}

function forThisOne(opened: Opened): Opened {
  if (opened.kind !== 'content') return opened;
  const { seen: _, unchanged: __, ...content } = opened;
  return content;
}

interface ReadAt {
  readonly deps: Pick<ReaderDeps, 'snapshot' | 'epochs'>;
  readonly catalog: Catalog;
  readonly epoch: number;
}

/** Tells for whom else the content is the answer. */
function withCommon(
  { seen, unchanged, ...content }: OpenContent & Found,
  path: string,
  { deps, catalog, epoch }: ReadAt,
): OpenContent {
  if (!seen || !isForEverybody(path, catalog)) return content;
  const { epochs, snapshot } = deps;
  // What is kept to be said again must not keep a catalog that nobody else needs.
  const found = new WeakRef(catalog);
  return {
    ...content,
    ...(epochs && { common: { ...seen, epochs, epoch } }),
    ...(unchanged && {
      // A boot that is followed has to be noticed, so its machine asks the long way.
      holdsFor: ({ mac }) => {
        const now = snapshot();
        return now === found.deref() && !isFollowed(mac, now) && unchanged();
      },
    }),
  };
}

function isFollowed(mac: Mac | undefined, catalog: Catalog): boolean {
  const host = mac && catalog.hostByMac.get(mac);
  return host !== undefined && catalog.deployments.find(host.name) !== undefined;
}

async function openTemplate(
  deps: ReaderDeps,
  resource: Resource & { kind: 'template' },
  requester: Requester,
  catalog: Catalog,
  network: Network | undefined,
): Promise<ReadOutcome> {
  const { template, route, captures, host, mac } = resource;
  // `resolve` answers "absent" for those; the type does not know.
  if (resource.assignment.kind === 'none') return { kind: 'absent', reason: resource.assignment.reason };
  const deployment = resource.assignment.kind === 'profile' ? resource.assignment.deployment : undefined;
  // Read again: fetching it may have begun a boot, and the token is for that one.
  const current = deployment && (catalog.deployments.find(deployment.host) ?? deployment);
  const parts = {
    assignment: resource.assignment,
    layers: resource.layers,
    facts: mac && catalog.machines.find(mac)?.facts,
    token: current && (requester.preview ? PREVIEW_TOKEN : deps.deployments?.tokenOf(current)),
    catalog,
    host,
    network,
    mac,
    server: deps.serverIdentity(requester.localAddress),
    clientIp: requester.ip,
    captures,
  };
  const secrets = secretsFor(deps, resource, requester);
  const startedAt = performance.now();
  const told = (outcome: 'done' | 'failed') => {
    if (!requester.preview) deps.rendered?.(performance.now() - startedAt, outcome);
  };
  const rendering = renderFile(deps.templates, template, parts, deps.report, secrets);
  rendering.then(
    () => told('done'),
    () => told('failed'),
  );
  const bytes = new TextEncoder().encode(await rendering);
  return {
    ...inMemory(bytes),
    contentType: route.contentType ?? templateTypeOf(template),
    etag: hashOf(bytes),
    modifiedAt: deps.now(),
    origin: `template ${template}`,
    ...(host && { host: host.name }),
  };
}

/**
 * Who may see secrets: a machine with its token, or one whose path names the MAC its address is known by. An address alone
 * proves nothing, and a MAC in a path is what anybody can write. Absent for a preview, which shows none.
 */
function secretsFor(
  { readSecret }: ReaderDeps,
  { identifiedBy, captures, host }: Resource & { kind: 'template' },
  { mac, preview }: Requester,
): ReadSecret | undefined {
  if (preview) return undefined;
  const isProven = identifiedBy === 'token' || (captures.mac !== undefined && captures.mac === mac);
  return (name) => {
    if (isProven) return readSecret?.(name, host?.name);
    const advice = 'Fetch the file under a token ({{answerUrl}}), or under a path with the MAC';
    throw new TypeError(`secret "${name}" is not for a machine that is known by its address alone. ${advice}`);
  };
}

async function openImage(
  root: string,
  { image: asked, route }: Pick<Resource & { kind: 'image' }, 'image' | 'route'>,
  small: LRUCache<string, Uint8Array>,
  anyCase: AnyCaseIndex | undefined,
  tries = MOST_TRIES,
): Promise<Opened> {
  let image = asked;
  let found = await openConfined(root, image);
  const other = found.kind === 'absent' ? await anyCase?.find(root, image) : undefined;
  if (other !== undefined && other !== image) {
    image = other;
    found = await openConfined(root, image);
  }
  if (found.kind !== 'file') return { kind: found.kind, reason: `boot-images: ${found.reason}` };
  const { handle, stats, realPath } = found;
  const described = {
    contentType: route.contentType ?? contentTypeOf(image),
    etag: versionOf(stats),
    modifiedAt: Math.floor(stats.mtimeMs),
    origin: `image ${image}`,
  };
  if (stats.size > SMALL_BYTES) return { ...fromHandle(handle, stats, `boot-images/${image}`), ...described };
  try {
    const key = `${realPath}\0${described.etag}`;
    let bytes = small.get(key);
    if (!bytes) {
      bytes = await handle.readFile();
      if (wasWritten(handle, stats)) {
        if (tries > 1) return openImage(root, { image: asked, route }, small, anyCase, tries - 1);
        throw changed(`boot-images/${image}`);
      }
      small.set(key, bytes);
    }
    const { dev, ino, size, mtimeMs, ctimeMs } = stats;
    const settled = image === asked && Math.abs(Date.now() - ctimeMs) > TICK_MS;
    const seen = { file: join(root, image), look: { dev, ino, size, mtimeMs, ctimeMs } };
    return { ...inMemory(bytes), ...described, ...(settled && { seen }) };
  } catch (error) {
    throw error instanceof AppError ? error : readError(`boot-images/${image}`, error);
  } finally {
    await handle.close();
  }
}

/** Of what is in memory a copy with our address, for this requester alone; large files keep no place for it. */
function fill(opened: Opened, { httpBase }: ServerIdentity): Opened {
  if (opened.kind !== 'content' || !opened.bytes) return opened;
  const filled = fillServer(opened.bytes, httpBase);
  if (!filled) return opened;
  const { seen: _, unchanged: __, ...content } = opened;
  return { ...content, ...inMemory(filled), etag: `${opened.etag}-${hashOf(httpBase)}` };
}

function hashOf(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Opens a file machines wrote, by its name under the root of uploads. @throws AppError `read-failed` */
export async function openUploaded(
  root: string,
  file: string,
  contentType = 'application/octet-stream',
): Promise<ReadOutcome> {
  const found = await openConfined(root, file);
  if (found.kind !== 'file') return { kind: found.kind, reason: `uploads: ${found.reason}` };
  const { handle, stats } = found;
  return {
    ...fromHandle(handle, stats, `uploads/${file}`),
    contentType,
    etag: versionOf(stats),
    modifiedAt: Math.floor(stats.mtimeMs),
    origin: `upload ${file}`,
  };
}

/** Of versions the newest. */
async function currentFile(root: string, { file, policy }: Resource & { kind: 'upload' }): Promise<string> {
  if (policy !== 'versions') return file;
  const directory = posix.dirname(file);
  const entries = await readdir(join(root, directory)).catch(() => []);
  const newest = newestVersion(posix.basename(file), entries);
  return newest ? posix.join(directory, newest.file) : file;
}

/** Changes when the file is replaced or written to. */
function versionOf(stats: Stats): string {
  return [stats.ino, stats.size, Math.round(stats.mtimeMs * 1000)].map((part) => part.toString(16)).join('-');
}
