/** DOOR: the main thread's end of one TFTP thread: opens files for it, records what it did, cleans up behind it. */
import { writeSync } from 'node:fs';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { OpenContent, Requester } from '../boot/content.ts';
import type { OpenedUpload, Stored, UploadFacts } from '../boot/upload.ts';
import { messageOf } from '../errors.ts';
import type { Mac } from '../net/mac.ts';
import type { ListenerStatus, ServedAddress } from './listeners.ts';
import { announcer, type Unstamped } from './report.ts';
import type { TftpServer, TftpServerDeps } from './server.ts';
import type { TransferStatus } from './session.ts';
import { DEFAULT_TFTP_SETTINGS } from './settings.ts';
import {
  type FromThread,
  faultOf,
  type LogLevel,
  readCounters,
  SHARED_BYTES,
  sharedState,
  type ThreadStart,
  type ToThread,
  type WireContent,
} from './thread-messages.ts';

export interface ThreadDeps
  extends Pick<TftpServerDeps, 'open' | 'openUpload' | 'findMac' | 'record' | 'log' | 'now' | 'settings'> {
  /** Closes a descriptor the thread left open. */
  closeDescriptor(fd: number): void;
  /** Log levels nobody reads: their lines are not carried over. */
  readonly quiet?: readonly LogLevel[];
  /** The thread's program, when it is not `worker.ts`. */
  readonly script?: URL;
  /** Default 500; whatever happens ends a sleep, so that a test may make it long to see that it does. */
  readonly sleepMs?: number;
}

export interface TftpThread extends TftpServer {
  /** Resolves when it serves, or with the reason why it cannot. */
  readonly ready: Promise<{ readonly kind: 'ready' } | { readonly kind: 'unavailable'; readonly reason: string }>;
  /** Resolves when it is over and everything of it is closed; the reason of an end nobody asked for. */
  readonly over: Promise<string | undefined>;
}

/** A process that ends waits for its threads. */
const SLEEP_MS = 500;
/** One byte a descriptor number: more than any limit on open files that is in use. */
const MOST_DESCRIPTORS = 1 << 20;
const MOST_MACS = 4096;
const MAC_FRESH_MS = 2000;
/** Left alone V8 lets young memory grow to 48 MiB in a storm, for no speed. */
const YOUNG_MB = 12;
/** Smaller contents are copied with their message. */
const SHARED_FROM_BYTES = 4096;

export function startThread(deps: ThreadDeps): TftpThread {
  const { log } = deps;
  const buffer = new SharedArrayBuffer(SHARED_BYTES);
  const descriptors = new SharedArrayBuffer(MOST_DESCRIPTORS);
  const state = sharedState(buffer);
  const { port1: port, port2 } = new MessageChannel();
  const start: ThreadStart = {
    settings: { ...DEFAULT_TFTP_SETTINGS, ...deps.settings },
    state: buffer,
    descriptors,
    quiet: deps.quiet ?? [],
    uploads: deps.openUpload !== undefined,
    sleepMs: deps.sleepMs ?? SLEEP_MS,
  };
  // Beside this file, in the language this file is in.
  const own = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
  const worker = new Worker(deps.script ?? own, {
    name: 'tftp',
    workerData: { port: port2, start },
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    transferList: [port2],
  });
  const contents = new Map<number, OpenContent>();
  const uploads = new Map<number, OpenedUpload>();
  /** Bytes that were shared once are shared again: a storm asks for one loader a thousand times. */
  const shared = new WeakMap<Uint8Array, Uint8Array>();
  /** For the events at a transfer's end. */
  const macs = new Map<string, { readonly mac: Mac | undefined; readonly at: number }>();
  const announce = announcer(deps);
  const asked = new Map<number, () => void>();
  const ready = Promise.withResolvers<Awaited<TftpThread['ready']>>();
  const over = Promise.withResolvers<string | undefined>();
  let listeners: readonly ListenerStatus[] = [];
  let transfers: readonly TransferStatus[] = [];
  let wakeDescriptor: number | undefined;
  let lastId = 0;
  let closed = false;
  let ended = false;
  let fault: string | undefined;

  port.on('message', takeAll);
  worker.on('error', (error) => {
    fault = messageOf(error);
  });
  worker.once('exit', (code) => {
    ended = true;
    readPending();
    // It is closed with the rest and gets another meaning.
    wakeDescriptor = undefined;
    port.close();
    closeDescriptors();
    for (const id of [...contents.keys()]) closeContent(id);
    for (const upload of uploads.values()) abandon(upload);
    uploads.clear();
    for (const done of asked.values()) done();
    asked.clear();
    const reason = closed ? undefined : (fault ?? `it ended with code ${code}`);
    ready.resolve({ kind: 'unavailable', reason: reason ?? 'it was closed' });
    over.resolve(reason);
  });

  function post(message: ToThread): void {
    port.postMessage(message);
    if (Atomics.exchange(state.woken, 0, 1) === 0) wake();
  }

  function wake(): void {
    if (wakeDescriptor !== undefined) writeSync(wakeDescriptor, ONE);
  }

  function takeAll(messages: readonly FromThread[]): void {
    for (const message of messages) take(message);
  }

  /** Messages that have come but were not delivered yet: who looks at transfers must find their events recorded. */
  function readPending(): void {
    for (let found = receiveMessageOnPort(port); found; found = receiveMessageOnPort(port)) takeAll(found.message);
  }

  function take(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        wakeDescriptor = message.wakeDescriptor;
        wake();
        ready.resolve({ kind: 'ready' });
        return;
      case 'unavailable':
        closed = true;
        ready.resolve(message);
        return;
      case 'open':
        void open(message.id, message.path, message.requester);
        return;
      case 'read':
        void read(message.id, message.content, message.position, message.length);
        return;
      case 'close':
        closeContent(message.content);
        return;
      case 'open-upload':
        void openUpload(message.id, message.path, message.requester, message.facts);
        return;
      case 'write':
        void advance(message.id, async () => void (await uploads.get(message.upload)?.write(message.bytes)));
        return;
      case 'commit':
        // What a failed commit leaves is nothing, so the upload is over either way.
        void advance(message.id, async () => takeUpload(message.upload)?.commit());
        return;
      case 'abort':
        void advance(message.id, async () => void (await takeUpload(message.upload)?.abort()));
        return;
      case 'events':
        for (const event of JSON.parse(message.events) as readonly Unstamped[]) announceOf(event);
        return;
      case 'log':
        log[message.level](message.fields, message.message);
        return;
      case 'listeners':
        listeners = message.listeners;
        asked.get(message.id)?.();
        asked.delete(message.id);
        return;
      case 'transfers':
        transfers = message.transfers;
        return;
      case 'closed':
        closed = true;
        return;
      default:
        message satisfies never;
    }
  }

  function announceOf(event: Unstamped): void {
    const mac = event.ip === undefined ? undefined : macOf(event.ip);
    announce(mac ? { ...event, mac } : event);
  }

  /** Looking it up may read a file, and a machine asks for many things in a row. */
  function macOf(ip: string): Mac | undefined {
    const now = performance.now();
    const known = macs.get(ip);
    if (known && now - known.at < MAC_FRESH_MS) return known.mac;
    const mac = deps.findMac(ip);
    if (macs.size >= MOST_MACS) macs.clear();
    macs.set(ip, { mac, at: now });
    return mac;
  }

  async function open(id: number, path: string, requester: Requester): Promise<void> {
    // Which file a machine gets may hang on it: always as it is now.
    macs.delete(requester.ip);
    const mac = macOf(requester.ip);
    try {
      const outcome = await deps.open(path, mac ? { ...requester, mac } : requester);
      if (outcome.kind !== 'content') return post({ kind: 'opened', id, outcome });
      if (ended) return void (await outcome.close());
      contents.set(id, outcome);
      post({ kind: 'opened', id, outcome: wireOf(id, outcome) });
      // The thread has all of it.
      if (outcome.bytes) closeContent(id);
    } catch (error) {
      closeContent(id);
      post({ kind: 'threw', id, error: faultOf(error) });
    }
  }

  async function openUpload(id: number, path: string, requester: Requester, facts: UploadFacts): Promise<void> {
    const mac = deps.findMac(requester.ip);
    try {
      const outcome = await deps.openUpload?.(path, mac ? { ...requester, mac } : requester, facts);
      if (!outcome) throw new Error('uploads are not accepted');
      if (outcome.kind !== 'upload') return post({ kind: 'upload-opened', id, outcome });
      if (ended) return abandon(outcome);
      uploads.set(id, outcome);
      const { kind, origin, host } = outcome;
      post({ kind: 'upload-opened', id, outcome: { kind, id, origin, ...(host !== undefined && { host }) } });
    } catch (error) {
      post({ kind: 'threw', id, error: faultOf(error) });
    }
  }

  /** One step of an upload; its result or fault goes back. */
  async function advance(id: number, act: () => Promise<Stored | undefined>): Promise<void> {
    try {
      const stored = await act();
      post({ kind: 'upload-done', id, ...(stored && { stored }) });
    } catch (error) {
      post({ kind: 'threw', id, error: faultOf(error) });
    }
  }

  function takeUpload(id: number): OpenedUpload | undefined {
    const upload = uploads.get(id);
    uploads.delete(id);
    return upload;
  }

  /** The thread is gone: nothing may be left of what it received. */
  function abandon(upload: OpenedUpload): void {
    upload.abort().catch((error: unknown) => {
      log.warn({ err: error }, `TFTP: ${upload.origin} could not be cleaned up`);
    });
  }

  function wireOf(id: number, content: OpenContent): WireContent {
    const { read: _read, close: _close, bytes, kind, size, contentType, etag, modifiedAt, origin } = content;
    const { host, descriptor, common } = content;
    return {
      ...{ kind, id, size, contentType, etag, modifiedAt, origin },
      ...(host !== undefined && { host }),
      ...(descriptor !== undefined && { descriptor }),
      ...(common && { common }),
      ...(bytes && { bytes: bytes.length < SHARED_FROM_BYTES ? bytes : share(bytes) }),
    };
  }

  function share(bytes: Uint8Array): Uint8Array {
    let copy = shared.get(bytes);
    if (!copy) {
      copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
      copy.set(bytes);
      shared.set(bytes, copy);
    }
    return copy;
  }

  async function read(id: number, content: number, position: number, length: number): Promise<void> {
    try {
      const bytes = new Uint8Array(length);
      const count = (await contents.get(content)?.read(bytes, position)) ?? 0;
      post({ kind: 'read', id, bytes: bytes.subarray(0, count) });
    } catch (error) {
      post({ kind: 'threw', id, error: faultOf(error) });
    }
  }

  function closeContent(id: number): void {
    const content = contents.get(id);
    contents.delete(id);
    content?.close().catch((error: unknown) => {
      log.warn({ err: error }, `TFTP: ${content.origin} could not be closed`);
    });
  }

  function closeDescriptors(): void {
    const table = new Uint8Array(descriptors);
    for (let fd = table.indexOf(1); fd >= 0; fd = table.indexOf(1, fd + 1)) deps.closeDescriptor(fd);
  }

  return {
    ready: ready.promise,
    over: over.promise,
    setAddresses(addresses: readonly ServedAddress[]) {
      if (closed) return Promise.resolve();
      const id = ++lastId;
      return new Promise((resolve) => {
        asked.set(id, resolve);
        post({ kind: 'addresses', id, addresses });
      });
    },
    listeners: () => listeners,
    transfers: () => {
      readPending();
      return readCounters(state).running === 0 ? [] : transfers;
    },
    running: () => readCounters(state).running,
    counters: () => readCounters(state).counters,
    async close({ drainMs = 0 } = {}) {
      if (!closed && fault === undefined) post({ kind: 'close', drainMs });
      await over.promise;
    },
  };
}

/** What an event descriptor takes: a 64-bit number in the machine's order, and any above 0 will do. */
const ONE = Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1);
