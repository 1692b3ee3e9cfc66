/** How much uploads may take: all of them, and those of one source. Measured on the disk, counted in between. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';

export interface QuotaOptions {
  readonly root: string;
  /** All uploads together. */
  readonly totalBytes: number;
  /** Those of one address; undefined: no limit of its own. */
  readonly perSourceBytes?: number | undefined;
  /** Files that came from an address, relative to the root. */
  filesFrom(ip: string): Promise<readonly string[]>;
  now(): number;
}

/** What one upload takes. */
export interface QuotaAccount {
  /** @throws AppError `quota-exceeded` */
  take(bytes: number): void;
  /** Gives back what was taken, but for what was kept. Call once. */
  end(keptBytes: number): void;
}

export interface Quota {
  /** @throws AppError `quota-exceeded` when the declared size cannot fit */
  open(ip: string, declaredBytes: number): Promise<QuotaAccount>;
}

interface Usage {
  bytes: number;
  /** Taken by uploads under way. */
  pending: number;
}

/** Files that an operator takes away are noticed after so long, and at once when there is no room otherwise. */
const MEASURE_MS = 60_000;

export function createQuota(options: QuotaOptions): Quota {
  const { root, totalBytes, perSourceBytes } = options;
  const total: Usage = { bytes: 0, pending: 0 };
  /** Only sources with an upload under way. */
  const sources = new Map<string, Usage & { uploads: number }>();
  let measuredAt: number | undefined;

  const fits = (usage: Usage, limit: number, bytes: number) => usage.bytes + usage.pending + bytes <= limit;

  async function measureTotal(declared: number): Promise<void> {
    const fresh = measuredAt !== undefined && Math.abs(options.now() - measuredAt) < MEASURE_MS;
    if (fresh && fits(total, totalBytes, declared)) return;
    total.bytes = await sizeOfTree(root);
    measuredAt = options.now();
  }

  function check(source: Usage, bytes: number): void {
    if (!fits(total, totalBytes, bytes)) throw exceeded(`all uploads may take ${totalBytes} bytes`);
    if (perSourceBytes !== undefined && !fits(source, perSourceBytes, bytes)) {
      throw exceeded(`uploads of one source may take ${perSourceBytes} bytes`);
    }
  }

  return {
    async open(ip, declared) {
      await measureTotal(declared);
      const sourceBytes = perSourceBytes === undefined ? 0 : await sizeOfFiles(root, await options.filesFrom(ip));
      const source = sources.get(ip) ?? { bytes: 0, pending: 0, uploads: 0 };
      source.bytes = sourceBytes;
      check(source, declared);
      sources.set(ip, source);
      source.uploads++;
      let taken = 0;
      return {
        take(bytes) {
          check(source, bytes);
          taken += bytes;
          total.pending += bytes;
          source.pending += bytes;
        },
        end(kept) {
          total.pending -= taken;
          source.pending -= taken;
          total.bytes += kept;
          source.bytes += kept;
          source.uploads--;
          if (source.uploads === 0) sources.delete(ip);
        },
      };
    },
  };
}

function exceeded(limit: string): AppError {
  return new AppError('quota-exceeded', `${limit}: remove old ones, or raise the quota under tftp.uploads`);
}

/** Without what is still under way. */
async function sizeOfTree(root: string): Promise<number> {
  const entries = await readdir(root, { withFileTypes: true, recursive: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isFile() && !entry.parentPath.endsWith('/.incoming')) {
      bytes += await sizeOf(join(entry.parentPath, entry.name));
    }
  }
  return bytes;
}

async function sizeOfFiles(root: string, files: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const file of files) bytes += await sizeOf(join(root, file));
  return bytes;
}

async function sizeOf(path: string): Promise<number> {
  return lstat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
