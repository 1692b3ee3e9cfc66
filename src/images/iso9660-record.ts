/** Directory records of ISO 9660 (ECMA-119 §9.1) with the names and links that Rock Ridge hides behind them (IEEE P1282). */

export const SECTOR = 2048;

/** Reads `length` bytes at `position`; fewer at the end. */
export type ReadAt = (position: number, length: number) => Promise<Buffer>;

/** Bytes `start` to `start + length` of the image. A file has several when it is larger than 4 GiB. */
export interface Extent {
  readonly start: number;
  readonly length: number;
}

/** The image is not one, or is broken. */
export class IsoError extends Error {}

export interface IsoRecord {
  readonly kind: 'file' | 'directory' | 'link';
  readonly name: string;
  readonly extents: readonly Extent[];
  readonly target?: string;
}

/** Where names are found. */
export type RawNames =
  | { readonly kind: 'rock-ridge'; readonly skip: number }
  | { readonly kind: 'joliet' }
  | { readonly kind: 'plain' };

const DIRECTORY = 0x02;
const ASSOCIATED = 0x04;
const MORE_EXTENTS = 0x80;
const MAX_CONTINUATIONS = 32;

/**
 * The records of a directory, without itself and its parent.
 * @throws IsoError for a record that is broken, and for a name that would lead somewhere else
 */
export async function directoryRecords(bytes: Buffer, names: RawNames, readAt: ReadAt): Promise<readonly IsoRecord[]> {
  const records: IsoRecord[] = [];
  let extents: Extent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at] ?? 0;
    // Records do not cross sectors: the rest of this one is padding.
    if (length === 0) {
      at = (Math.floor(at / SECTOR) + 1) * SECTOR;
      continue;
    }
    const nameLength = bytes[at + 32] ?? 0;
    if (length < 34 || at + length > bytes.length || 33 + nameLength > length)
      throw new IsoError('a directory record of the image is broken');
    const record = bytes.subarray(at, at + length);
    at += length;
    const flags = record[25] ?? 0;
    const raw = record.subarray(33, 33 + nameLength);
    const isDot = nameLength === 1 && (raw[0] === 0 || raw[0] === 1);
    if (isDot || (flags & ASSOCIATED) !== 0) continue;
    extents.push({ start: record.readUInt32LE(2) * SECTOR, length: record.readUInt32LE(10) });
    if ((flags & MORE_EXTENTS) !== 0) continue;
    const extra = names.kind === 'rock-ridge' ? await readExtra(record, 33 + nameLength, names.skip, readAt) : {};
    if (!extra.relocated) {
      const name = checkName(extra.name ?? decodeName(raw, names));
      const kind = extra.target !== undefined ? 'link' : (flags & DIRECTORY) !== 0 ? 'directory' : 'file';
      records.push({ kind, name, extents, ...(extra.target !== undefined && { target: extra.target }) });
    }
    extents = [];
  }
  return records;
}

/** A name is one part of a path, or the image is out to hurt. */
function checkName(name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name))
    throw new IsoError(`a name of the image would lead out of it: ${JSON.stringify(name)}`);
  return name;
}

function decodeName(raw: Buffer, names: RawNames): string {
  if (names.kind === 'joliet') {
    const swapped = Buffer.from(raw.subarray(0, raw.length & ~1)).swap16();
    return swapped.toString('utf16le').replace(/;\d+$/, '');
  }
  return raw.toString('latin1').replace(/;\d+$/, '').replace(/\.$/, '').toLowerCase();
}

interface Extra {
  readonly name?: string;
  readonly target?: string;
  /** A directory that was moved up; it stands under its own name elsewhere. */
  readonly relocated?: boolean;
}

/** System use entries of a record: NM (name), SL (link), RE (relocated), CE (continued elsewhere). */
async function readExtra(record: Buffer, nameEnd: number, skip: number, readAt: ReadAt): Promise<Extra> {
  let area = record.subarray(nameEnd + (nameEnd % 2) + skip);
  let name: string | undefined;
  const link: string[] = [];
  let partial = '';
  let isLink = false;
  let relocated = false;
  for (let continuations = 0; ; continuations++) {
    if (continuations > MAX_CONTINUATIONS) throw new IsoError('system use entries of the image have no end');
    let next: Extent | undefined;
    for (let at = 0; at + 4 <= area.length; ) {
      const signature = area.toString('latin1', at, at + 2);
      const length = area[at + 2] ?? 0;
      if (length < 4 || at + length > area.length) break;
      const body = area.subarray(at + 4, at + length);
      at += length;
      if (signature === 'NM' && ((body[0] ?? 0) & 0x06) === 0) name = (name ?? '') + body.toString('utf8', 1);
      if (signature === 'RE') relocated = true;
      if (signature === 'SL') {
        isLink = true;
        partial = readLinkParts(body.subarray(1), link, partial);
      }
      if (signature === 'CE' && body.length >= 24)
        next = { start: body.readUInt32LE(0) * SECTOR + body.readUInt32LE(8), length: body.readUInt32LE(16) };
      if (signature === 'ST') break;
    }
    if (!next) break;
    area = await readAt(next.start, Math.min(next.length, SECTOR * 4));
  }
  return {
    ...(name !== undefined && { name }),
    ...(isLink && { target: link.join('/') || '/' }),
    ...(relocated && { relocated }),
  };
}

/** Components of `SL`; returns the beginning of one that goes on in the next entry. */
function readLinkParts(body: Buffer, link: string[], begun: string): string {
  let partial = begun;
  for (let at = 0; at + 2 <= body.length; ) {
    const flags = body[at] ?? 0;
    const length = body[at + 1] ?? 0;
    const text = body.toString('utf8', at + 2, at + 2 + length);
    at += 2 + length;
    if ((flags & 0x02) !== 0) link.push('.');
    else if ((flags & 0x04) !== 0) link.push('..');
    else if ((flags & 0x08) !== 0) link.push('');
    else {
      partial += text;
      if ((flags & 0x01) === 0) {
        link.push(partial);
        partial = '';
      }
    }
  }
  return partial;
}
