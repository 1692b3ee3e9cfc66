/** The receiver's contract: what TFTP asks for when a machine wants to store a file, and what the store keeps of it. */
import type { Mac } from '../net/mac.ts';
import type { Requester } from './content.ts';

/**
 * What becomes of an upload: `refuse` it; `create` a file that is not there yet; keep every upload as one of many
 * `versions`; `overwrite` what is there; the same for a file that is `existing` only, as tftpd-hpa does it without `--create`.
 */
export const UPLOAD_POLICIES = ['refuse', 'create', 'versions', 'overwrite', 'existing'] as const;
export type UploadPolicy = (typeof UPLOAD_POLICIES)[number];

/** What was put on the disk. */
export interface Stored {
  /** In the index of uploads. */
  readonly id: string;
  /** Relative to the root of uploads, with the version's ending where there is one. */
  readonly file: string;
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
  /** The same bytes were there already: nothing new was written. */
  readonly unchanged: boolean;
}

/** An upload under way. Nothing of it is to be seen under its name before `commit`. */
export interface OpenedUpload {
  readonly kind: 'upload';
  /** Where it goes, for logs: `slot backups/:mac/*name`. */
  readonly origin: string;
  /** The host it comes from. */
  readonly host?: string;
  /**
   * Takes the next bytes; they may be reused by the caller as soon as it resolves. One call at a time.
   * @throws AppError `upload-too-large`, `quota-exceeded`, `disk-full`, `write-failed`
   */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Resolves when the file is on the disk under its name and in the index.
   * @throws AppError as `write`, and `already-exists`, `store-failed`; then nothing is left of it
   */
  commit(): Promise<Stored>;
  /** Leaves nothing. May be called at any time, also after `commit`, where it does nothing. */
  abort(): Promise<void>;
}

/** The reason is for the log, not for the wire. */
export type UploadOutcome =
  | OpenedUpload
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'exists'; readonly reason: string };

export interface UploadFacts {
  /** What the client says it will send, in bytes. */
  readonly declaredSize?: number | undefined;
}

/** Opens a path for writing. Throws `AppError` when it may be written but cannot: quota, size, disk. */
export type OpenUpload = (path: string, requester: Requester, facts: UploadFacts) => Promise<UploadOutcome>;

/** One file that was uploaded, as the index has it. Times are milliseconds since 1970. */
export interface UploadRecord {
  /** Relative to the root of uploads: one record a file. */
  readonly file: string;
  /** The path the client asked for. */
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly ip: string;
  readonly mac?: Mac;
  readonly host?: string;
  readonly transport: Requester['transport'];
  readonly at: number;
}

/** A record with what the index adds. */
export interface IndexedUpload extends UploadRecord {
  readonly id: string;
  /** When the same bytes came last; `at` is when they came first. */
  readonly seenAt: number;
  /** How often they came. */
  readonly times: number;
}

/** The index of uploads, as the receiver uses it. */
export interface UploadIndex {
  /** Adds a file, or what is new of a file that is there; resolves with its id. @throws AppError `store-failed` */
  record(upload: UploadRecord): Promise<string>;
  /** Files that came from an address. */
  filesFrom(ip: string): Promise<readonly string[]>;
}
