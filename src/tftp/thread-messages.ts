/** What the TFTP thread and the main thread tell each other. Everything here can be cloned or shared. */
import type { OpenContent, ReadOutcome, Requester } from '../boot/content.ts';
import type { OpenedUpload, Stored, UploadFacts, UploadOutcome } from '../boot/upload.ts';
import { AppError, type ErrorCode } from '../errors.ts';
import type { ListenerStatus, ServedAddress } from './listeners.ts';
import type { TftpLog } from './report.ts';
import type { TftpCounters } from './server.ts';
import type { TransferStatus } from './session.ts';
import type { TftpSettings } from './settings.ts';

/** What a thread is started with. */
export interface ThreadStart {
  readonly settings: TftpSettings;
  /** `SharedState`. */
  readonly state: SharedArrayBuffer;
  /** A byte for each descriptor number, 1 while the thread has it open: what is left is closed when the thread dies. */
  readonly descriptors: SharedArrayBuffer;
  /** Log levels nobody reads. */
  readonly quiet: readonly LogLevel[];
  /** Whether uploads are taken at all. */
  readonly uploads: boolean;
  /** What a sleep lasts at most, when nothing happens. */
  readonly sleepMs: number;
}

export type LogLevel = keyof TftpLog;

/** Main → thread. */
export type ToThread =
  | { readonly kind: 'addresses'; readonly id: number; readonly addresses: readonly ServedAddress[] }
  | { readonly kind: 'opened'; readonly id: number; readonly outcome: WireOutcome }
  | { readonly kind: 'read'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: 'upload-opened'; readonly id: number; readonly outcome: WireUploadOutcome }
  /** In answer to `write`, `abort`, and with what was stored to `commit`. */
  | { readonly kind: 'upload-done'; readonly id: number; readonly stored?: Stored }
  | { readonly kind: 'threw'; readonly id: number; readonly error: WireFault }
  | { readonly kind: 'close'; readonly drainMs: number };

/** Thread → main; sent as lists, one list a turn. */
export type FromThread =
  /** Main ends the thread's sleep by writing to this descriptor. */
  | { readonly kind: 'ready'; readonly wakeDescriptor: number }
  | { readonly kind: 'unavailable'; readonly reason: string }
  | { readonly kind: 'open'; readonly id: number; readonly path: string; readonly requester: Requester }
  | {
      readonly kind: 'read';
      readonly id: number;
      readonly content: number;
      readonly position: number;
      readonly length: number;
    }
  | { readonly kind: 'close'; readonly content: number }
  | {
      readonly kind: 'open-upload';
      readonly id: number;
      readonly path: string;
      readonly requester: Requester;
      readonly facts: UploadFacts;
    }
  | { readonly kind: 'write'; readonly id: number; readonly upload: number; readonly bytes: Uint8Array }
  | { readonly kind: 'commit' | 'abort'; readonly id: number; readonly upload: number }
  /** `Unstamped` events as a JSON list: cheaper than to clone them. */
  | { readonly kind: 'events'; readonly events: string }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly fields: object; readonly message: string }
  /** In answer to `addresses`. */
  | { readonly kind: 'listeners'; readonly id: number; readonly listeners: readonly ListenerStatus[] }
  | { readonly kind: 'transfers'; readonly transfers: readonly TransferStatus[] }
  | { readonly kind: 'closed' };

export type WireOutcome = Exclude<ReadOutcome, OpenContent> | WireContent;

/** An `OpenContent` without its functions; `id` names it in `read` and `close`. */
export type WireContent = Omit<OpenContent, 'read' | 'close'> & { readonly id: number };

export type WireUploadOutcome = Exclude<UploadOutcome, OpenedUpload> | WireUpload;

/** An `OpenedUpload` without its functions; `id` names it in `write`, `commit` and `abort`. */
export type WireUpload = Pick<OpenedUpload, 'kind' | 'origin' | 'host'> & { readonly id: number };

/** Whatever was thrown. */
export interface WireFault {
  /** Of an `AppError`. */
  readonly code?: ErrorCode;
  readonly message: string;
  readonly stack?: string;
}

export function faultOf(error: unknown): WireFault {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message, stack } = error;
  return {
    message,
    ...(error instanceof AppError && { code: error.code }),
    ...(stack !== undefined && { stack }),
  };
}

export function errorOf({ code, message, stack }: WireFault): Error {
  if (code !== undefined) return new AppError(code, message);
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** Numbers both threads see without a message. Each is written by one of them only, but for `woken`. */
export interface SharedState {
  /** 1: the thread has been woken and will look at its messages before it sleeps. */
  readonly woken: Int32Array;
  /** In the order of `COUNTERS`, then the number of running transfers. */
  readonly numbers: Float64Array;
}

/** An object, so that the compiler misses one that is left out. */
const COUNTED: Readonly<Record<keyof TftpCounters, true>> = {
  requests: true,
  overLimit: true,
  notAllowed: true,
  busy: true,
  ignored: true,
  sendErrors: true,
  bugs: true,
  malformed: true,
  stray: true,
};
export const COUNTERS = Object.keys(COUNTED) as readonly (keyof TftpCounters)[];

export const SHARED_BYTES = 8 + 8 * (COUNTERS.length + 1);

export function sharedState(buffer: SharedArrayBuffer): SharedState {
  return { woken: new Int32Array(buffer, 0, 1), numbers: new Float64Array(buffer, 8, COUNTERS.length + 1) };
}

export function writeCounters({ numbers }: SharedState, counters: TftpCounters, running: number): void {
  COUNTERS.forEach((name, index) => {
    numbers[index] = counters[name];
  });
  numbers[COUNTERS.length] = running;
}

export function readCounters({ numbers }: SharedState): { readonly counters: TftpCounters; readonly running: number } {
  const counters = Object.fromEntries(COUNTERS.map((name, index) => [name, numbers[index] ?? 0]));
  return { counters: counters as unknown as TftpCounters, running: numbers[COUNTERS.length] ?? 0 };
}
