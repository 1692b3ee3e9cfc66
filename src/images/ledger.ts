/** The memory of what was put into `boot-images/`: which file is of which image, and its digest. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../errors.ts';
import { withLock } from './lock.ts';

/** Beside the files, hidden from clients. */
const LEDGER = '.placed.json';
/** Downloads under way and their locks; hidden from clients, on the file system of the images. */
const INCOMING = '.incoming';

/** One file we put there. */
export interface PlacedFile {
  readonly sha256: string;
  readonly size?: number;
  /** Reference of the image, `ubuntu@24.04.5/amd64`. */
  readonly image?: string;
  /** What proved it, for people. */
  readonly proof?: string;
  /** Milliseconds since 1970. */
  readonly at?: number;
  /** A link that came out of an archive; `sha256` is that of its target's name. */
  readonly link?: boolean;
}

/** `to` (below `boot-images/`) → what we put there. */
export type Ledger = Readonly<Record<string, PlacedFile>>;

export function incomingDirectory(imagesRoot: string): string {
  return join(imagesRoot, INCOMING);
}

/** An unreadable or foreign ledger counts as empty: then every file there is the operator's, and none is overwritten. */
export async function readLedger(imagesRoot: string): Promise<Ledger> {
  try {
    const value: unknown = JSON.parse(await readFile(join(imagesRoot, LEDGER), 'utf8'));
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(
      Object.entries(value).flatMap(([to, row]): [string, PlacedFile][] => {
        // Before images had versions, a row was the digest alone.
        if (typeof row === 'string') return [[to, { sha256: row }]];
        return typeof row?.sha256 === 'string' ? [[to, row as PlacedFile]] : [];
      }),
    );
  } catch {
    return {};
  }
}

/**
 * Changes the ledger; several processes and pulls may do so at once. `undefined` takes a row away.
 * @param move puts the files there; when it fails, or the ledger has no room, neither happens
 */
export async function updateLedger(
  imagesRoot: string,
  rows: Readonly<Record<string, PlacedFile | undefined>>,
  move: () => Promise<void> = async () => {},
): Promise<void> {
  if (Object.keys(rows).length === 0) return;
  const write = async () => {
    const merged = Object.entries({ ...(await readLedger(imagesRoot)), ...rows }).filter(
      ([, row]) => row !== undefined,
    );
    const temporary = join(imagesRoot, `${LEDGER}.${randomUUID()}`);
    try {
      await mkdir(imagesRoot, { recursive: true });
      await writeFile(temporary, `${JSON.stringify(Object.fromEntries(merged), null, 1)}\n`, { flush: true });
      await move();
      await rename(temporary, join(imagesRoot, LEDGER));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  };
  for (let tries = 0; ; tries++) {
    try {
      return await withLock(join(incomingDirectory(imagesRoot), 'ledger.lock'), 'the ledger of images', write);
    } catch (error) {
      // Held for milliseconds, by another pull.
      if (!(error instanceof AppError && error.code === 'busy') || tries >= 200) throw error;
      await sleep(25);
    }
  }
}
