/** The one reader behind TFTP and HTTP: virtual path → rendered template or file of `boot-images/`. */
import { createHash } from 'node:crypto';
import { type FileHandle, readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Catalog } from '../boot/catalog.ts';
import type { OpenContent, OpenPath, ReadOutcome, Requester } from '../boot/content.ts';
import type { ServerIdentity } from '../boot/context.ts';
import type { FileRoute, Network } from '../boot/host.ts';
import { type Resource, resolve } from '../boot/resolve.ts';
import { AppError, messageOf, type Problem } from '../errors.ts';
import { type AnyCaseIndex, createAnyCaseIndex } from './any-case.ts';
import { openConfined } from './confined.ts';
import { contentTypeOf, templateTypeOf } from './content-type.ts';
import { fillServer } from './fill-server.ts';
import { createHotImages, type FileIdentity, type HotImages, SMALL_BYTES } from './hot-images.ts';
import { renderFile } from './render.ts';
import type { Templates } from './templates.ts';
import { newestVersion } from './upload-names.ts';

export interface ReaderDeps {
  snapshot(): Catalog;
  readonly templates: Templates;
  /** `boot-images/` */
  readonly imagesRoot: string;
  /** What machines wrote; without it none of it can be read. */
  readonly uploadsRoot?: string | undefined;
  /** The network a requester is in, by its address and ours. */
  networkOf(ip: string, localAddress: string): Network | undefined;
  /** Where machines fetch from, as seen through one of our addresses. */
  serverIdentity(localAddress: string): ServerIdentity;
  /** Milliseconds since 1970. */
  now(): number;
  /** Told of menu entries that had to be left out. */
  readonly report?: (problems: readonly Problem[]) => void;
}

export function createReader(deps: ReaderDeps): OpenPath {
  const hot = createHotImages(deps.imagesRoot, deps.now);
  const anyCase = createAnyCaseIndex();

  /** Images being opened right now: a storm asks for one loader a thousand times before the first has it. */
  const opening = new Map<string, Promise<ReadOutcome>>();

  async function openShared(resource: Resource & { kind: 'image' }, ignoreCase: boolean): Promise<ReadOutcome> {
    const known = hot.find(resource.image);
    if (known) return { ...inMemory(known.bytes), ...describe(resource.image, resource.route, known.identity) };
    const key = `${resource.image}\0${resource.route.contentType ?? ''}`;
    const running = opening.get(key);
    // What is in memory has no handle to close, so that one answer does for all.
    const outcome = await running;
    if (outcome && (outcome.kind !== 'content' || outcome.bytes)) return outcome;
    const own = openImage(deps.imagesRoot, resource, hot, ignoreCase ? anyCase : undefined);
    if (running || opening.has(key)) return own;
    opening.set(key, own);
    try {
      return await own;
    } finally {
      opening.delete(key);
    }
  }

  async function openAs(path: string, requester: Requester, catalog: Catalog, absent: boolean): Promise<ReadOutcome> {
    const network = deps.networkOf(requester.ip, requester.localAddress);
    const resource = resolve(path, { ip: requester.ip, mac: requester.mac, network, absent }, catalog);
    switch (resource.kind) {
      case 'absent':
      case 'refused':
        return resource;
      case 'image': {
        const opened = await openShared(resource, catalog.ignoreCase);
        return resource.route.fill === undefined ? opened : fill(opened, deps.serverIdentity(requester.localAddress));
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
    const outcome = await openAs(path, requester, catalog, false);
    if (outcome.kind !== 'absent' || !catalog.rewrites.some(({ rule }) => rule.whenAbsent)) return outcome;
    const second = await openAs(path, requester, catalog, true);
    return second.kind === 'absent' ? outcome : second;
  };
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
  const parts = {
    assignment: resource.assignment,
    catalog,
    host,
    network,
    mac,
    server: deps.serverIdentity(requester.localAddress),
    clientIp: requester.ip,
    captures,
  };
  const bytes = new TextEncoder().encode(await renderFile(deps.templates, template, parts, deps.report));
  return {
    ...inMemory(bytes),
    contentType: route.contentType ?? templateTypeOf(template),
    etag: hashOf(bytes),
    modifiedAt: deps.now(),
    origin: `template ${template}`,
    ...(host && { host: host.name }),
  };
}

async function openImage(
  root: string,
  { image: asked, route }: Resource & { kind: 'image' },
  hot: HotImages,
  anyCase: AnyCaseIndex | undefined,
): Promise<ReadOutcome> {
  let image = asked;
  let found = await openConfined(root, image);
  const other = found.kind === 'absent' ? await anyCase?.find(root, image) : undefined;
  if (other !== undefined && other !== image) {
    image = other;
    found = await openConfined(root, image);
  }
  if (found.kind !== 'file') return { kind: found.kind, reason: `boot-images: ${found.reason}` };
  const { handle, stats } = found;
  const described = describe(image, route, stats);
  if (stats.size > SMALL_BYTES) return { ...fromHandle(handle, stats.size, `boot-images/${image}`), ...described };
  try {
    let bytes = hot.known(image, stats);
    if (!bytes) {
      bytes = await handle.readFile();
      hot.keep(image, bytes, stats);
    }
    return { ...inMemory(bytes), ...described };
  } catch (error) {
    throw readError(`boot-images/${image}`, error);
  } finally {
    await handle.close();
  }
}

/** Of what is in memory a copy with our address; large files keep no place for it. */
function fill(opened: ReadOutcome, { httpBase }: ServerIdentity): ReadOutcome {
  if (opened.kind !== 'content' || !opened.bytes) return opened;
  const filled = fillServer(opened.bytes, httpBase);
  return filled ? { ...opened, ...inMemory(filled), etag: `${opened.etag}-${hashOf(httpBase)}` } : opened;
}

function hashOf(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function describe(image: string, route: FileRoute, identity: FileIdentity) {
  return {
    contentType: route.contentType ?? contentTypeOf(image),
    etag: versionOf(identity),
    modifiedAt: Math.floor(identity.mtimeMs),
    origin: `image ${image}`,
  };
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
    ...fromHandle(handle, stats.size, `uploads/${file}`),
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
function versionOf(stats: Pick<FileIdentity, 'ino' | 'size' | 'mtimeMs'>): string {
  return [stats.ino, stats.size, Math.round(stats.mtimeMs * 1000)].map((part) => part.toString(16)).join('-');
}

type Readable = Pick<OpenContent, 'kind' | 'size' | 'read' | 'close' | 'bytes' | 'descriptor'>;

function inMemory(bytes: Uint8Array): Readable {
  return {
    kind: 'content',
    size: bytes.length,
    bytes,
    read: async (into, position) => {
      const part = bytes.subarray(position, position + into.length);
      into.set(part);
      return part.length;
    },
    close: async () => undefined,
  };
}

/** The open file stays the one that was asked for when another is renamed over it; never more than `size` is read. */
function fromHandle(handle: FileHandle, size: number, label: string): Readable {
  let closed = false;
  return {
    kind: 'content',
    size,
    descriptor: handle.fd,
    read: async (into, position) => {
      const length = Math.max(0, Math.min(into.length, size - position));
      if (length === 0) return 0;
      try {
        return (await handle.read(into, 0, length, position)).bytesRead;
      } catch (error) {
        throw readError(label, error);
      }
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await handle.close();
    },
  };
}

function readError(label: string, cause: unknown): AppError {
  return new AppError('read-failed', `${label} cannot be read: ${messageOf(cause)}. Check the disk.`, {
    cause,
  });
}
