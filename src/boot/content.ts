/** The reader's contract: what TFTP and HTTP ask for and what they get back. */
import type { Mac } from '../net/mac.ts';

/** Who asks for a path. `mac` comes from the lease or neighbour of `ip`; source addresses prove nothing. */
export interface Requester {
  readonly ip: string;
  readonly transport: 'tftp' | 'http';
  /** Our address the request came to: rendered into absolute URLs. */
  readonly localAddress: string;
  readonly mac?: Mac;
  /** Somebody only looks: nothing is counted, spent or signed. */
  readonly preview?: boolean;
  /** The machine itself asks what it would get (HTTP HEAD): the same bytes, but nothing is spent. */
  readonly onlyAsks?: boolean;
  /** It asks by POST: only rows that take one answer. */
  readonly posts?: boolean;
}

/** Readable bytes of known size. The content is frozen while it is open. */
export interface OpenContent {
  readonly kind: 'content';
  readonly size: number;
  readonly contentType: string;
  /** Strong validator without quotes: changes when the bytes change. */
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  /** Where it came from, for logs: `template pxelinux.cfg/host.hbs`, `image debian/linux`. */
  readonly origin: string;
  /** The host it was made for. */
  readonly host?: string;
  /** The whole content when it is in memory (rendered files, small images). */
  readonly bytes?: Uint8Array;
  /**
   * The open file it is read from, for a reader in another thread; its own until `close`. It was written to when it has
   * another size than `size` or another time than `modifiedAt`: then what is read does not belong together.
   */
  readonly descriptor?: number;
  /** Present when everybody who asks for this path gets the same: for a reader who wants to answer the next one by itself. */
  readonly common?: CommonContent;
  /**
   * Whether it is still the answer to its path, and the answer to this requester, with nothing to be noticed about it. Told
   * at once; absent where looking may have to wait, or the next one may get something else.
   */
  holdsFor?(requester: Requester): boolean;
  /**
   * All bytes from `position` on that are at hand at once, at least one before the end; a view that stays as it is. Only
   * where reading does not have to wait.
   * @throws AppError `read-failed`, `file-changed`
   */
  readNow?(position: number): Uint8Array;
  /** Reads into `into` from `position`; resolves to the count, 0 at the end. @throws AppError as `readNow` */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Call once when done. */
  close(): Promise<void>;
}

/** Until when the bytes of a file are the answer to its path, whoever asks. */
export interface CommonContent {
  /** Where the bytes came from; they hold while it looks the same. */
  readonly file: string;
  readonly look: FileLook;
  /** Shared memory that moves on with the catalog; the answer holds while its first number is `epoch`. */
  readonly epochs: Int32Array;
  readonly epoch: number;
}

/** What tells one version of a file from another; times in milliseconds with fractions. */
export interface FileLook {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/**
 * `absent`: nothing is served under that path. `refused`: it may not be asked for. The reason is for the log, not for the
 * wire; `text` is the operator's own words for the client; `isOfMethod` when it may be read, but not by POST.
 */
export type ReadOutcome =
  | OpenContent
  | { readonly kind: 'absent'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly text?: string; readonly isOfMethod?: boolean };

/** Opens a virtual path. Throws `AppError` when a resource that should be there fails (template error, disk error). */
export type OpenPath = (path: string, requester: Requester) => Promise<ReadOutcome>;
