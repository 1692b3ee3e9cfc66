/** DOOR: the thread of the fast TFTP door. Sleeps in the kernel, runs the same sessions as the portable door. */
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { OpenContent, ReadOutcome, Requester } from '../boot/content.ts';
import type { OpenedUpload, Stored, UploadFacts, UploadOutcome } from '../boot/upload.ts';
import { AppError, messageOf } from '../errors.ts';
import { createDatagramLoop, type DatagramLoop, type LoopListener } from '../os/datagram-loop.ts';
import { createFileChunks } from '../os/file-chunks.ts';
import { looksTheSame } from '../os/file-look.ts';
import { type DatagramCalls, loadDatagramCalls } from '../os/libc-datagrams.ts';
import { openFailure, trafficFailure } from '../os/socket-errors.ts';
import { createCommonContents } from './common-contents.ts';
import type { LinkOptions, TransferLink } from './link.ts';
import type { OpenUdpListener, UdpListener } from './listeners.ts';
import type { TftpLog, Unstamped } from './report.ts';
import { createTftpServer } from './server.ts';
import { freePorts, type TftpSettings } from './settings.ts';
import {
  errorOf,
  type FromThread,
  type LogLevel,
  sharedState,
  type ThreadStart,
  type ToThread,
  type WireContent,
  type WireUploadOutcome,
  writeCounters,
} from './thread-messages.ts';

/** Turns in a row without a look at Node's own loop, while nothing waits for that. */
const TURNS = 64;
/** How long ends of transfers are collected: waking the other thread for each costs as much as a transfer. */
const TELL_MS = 20;
const MOST_HELD = 500;
const RRQ = 1;
const ACK = 4;
/** How often running transfers are listed for whoever looks; many of them less often, since each is copied twice. */
const LIST_MS = 250;
const LIST_EACH_MS = 2;

interface Waiting {
  resolve(answer: never): void;
  reject(error: Error): void;
}

function run(port: MessagePort, start: ThreadStart, calls: DatagramCalls): void {
  const state = sharedState(start.state);
  const descriptors = new Uint8Array(start.descriptors);
  const loop = createDatagramLoop({
    calls,
    track: (fd, open) => {
      descriptors[fd] = open ? 1 : 0;
    },
  });
  const chunks = createFileChunks();
  const quiet = new Set<LogLevel>(start.quiet);
  const waiting = new Map<number, Waiting>();
  const common = createCommonContents({ looksTheSame });
  let outbox: FromThread[] = [];
  let events: Unstamped[] = [];
  /** Somebody may look for an event at once: who got an ERROR, say. The end of a transfer can wait a moment for others. */
  let urgent = false;
  let holding = false;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let lastId = 0;
  /** Promises may have something to do: they get their turn before the next sleep. */
  let unsettled = false;
  /** Something but ACKs has come since counters and events were told last. */
  let news = true;
  let publishedAtMs = Number.NEGATIVE_INFINITY;
  let listedAtMs = 0;
  let listed = 0;
  let closed = false;

  function tell(message: FromThread): void {
    outbox.push(message);
  }

  function ask<Answer>(make: (id: number) => FromThread): Promise<Answer> {
    const id = ++lastId;
    unsettled = true;
    return new Promise<Answer>((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      tell(make(id));
    });
  }

  /**
   * Most datagrams may set promises going, and those wait for the end of the turns in a row. ACKs do not, and requests say so
   * by themselves when they have to `ask`. On the listening port an ACK may be a stray, and is counted.
   */
  function settle<Options extends { onDatagram(bytes: Uint8Array, ...rest: never[]): void }>(
    options: Options,
    countsAcks = false,
  ): Options {
    const onDatagram: Options['onDatagram'] = (bytes, ...rest) => {
      if (bytes[1] !== ACK) {
        news = true;
        if (bytes[1] !== RRQ) unsettled = true;
      } else if (countsAcks) news = true;
      options.onDatagram(bytes, ...rest);
    };
    return { ...options, onDatagram };
  }

  async function open(path: string, requester: Requester): Promise<ReadOutcome> {
    const outcome = await ask<WireContent | Exclude<ReadOutcome, OpenContent>>((id) => ({
      kind: 'open',
      id,
      path,
      requester,
    }));
    if (outcome.kind !== 'content') return outcome;
    const content = contentOf(outcome);
    common.keep(path, content);
    return content;
  }

  function contentOf(wire: WireContent): OpenContent {
    const { id, ...described } = wire;
    const { descriptor } = wire;
    return {
      ...described,
      ...(descriptor !== undefined && { readNow: (position: number) => readNow(wire, descriptor, position) }),
      read: (into, position) => read(wire, into, position),
      close: async () => {
        // What is in memory is not open any more on the other side.
        if (wire.bytes) return;
        unsettled = true;
        tell({ kind: 'close', content: id });
      },
    };
  }

  async function read(wire: WireContent, into: Uint8Array, position: number): Promise<number> {
    unsettled = true;
    const length = Math.max(0, Math.min(into.length, wire.size - position));
    if (length === 0) return 0;
    if (wire.descriptor === undefined) {
      const bytes = await ask<Uint8Array>((id) => ({ kind: 'read', id, content: wire.id, position, length }));
      into.set(bytes);
      return bytes.length;
    }
    const part = readNow(wire, wire.descriptor, position).subarray(0, length);
    into.set(part);
    return part.length;
  }

  function readNow(wire: WireContent, descriptor: number, position: number): Uint8Array {
    try {
      const bytes = chunks.read({ ...wire, descriptor }, position);
      if (bytes.length === 0) throw new Error(`it ends after ${position} bytes`);
      return bytes;
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('read-failed', `${wire.origin} cannot be read: ${messageOf(error)}. Check the disk.`, {
        cause: error,
      });
    }
  }

  async function openUpload(path: string, requester: Requester, facts: UploadFacts): Promise<UploadOutcome> {
    const outcome = await ask<WireUploadOutcome>((id) => ({ kind: 'open-upload', id, path, requester, facts }));
    if (outcome.kind !== 'upload') return outcome;
    const { id: upload, ...described } = outcome;
    const opened: OpenedUpload = {
      ...described,
      // A copy: it is cloned when this turn ends, and the caller may use the bytes again before.
      write: (bytes) => ask<undefined>((id) => ({ kind: 'write', id, upload, bytes: bytes.slice() })).then(() => {}),
      commit: () => ask<Stored>((id) => ({ kind: 'commit', id, upload })),
      abort: () => ask<undefined>((id) => ({ kind: 'abort', id, upload })).then(() => {}),
    };
    return opened;
  }

  const say = (level: LogLevel) => (fields: object, message: string) => {
    if (!quiet.has(level)) tell({ kind: 'log', level, fields, message });
  };
  const log: TftpLog = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
  const server = createTftpServer({
    openListener: listenerOpener(loop, (options) => settle(options, true)),
    open,
    openUpload: start.uploads ? openUpload : undefined,
    // Main knows, and adds it to what it is told.
    findMac: () => undefined,
    record: () => {},
    log,
    now: () => 0,
    settings: start.settings,
    transport: {
      clock: { nowMs: loop.nowMs, after },
      openLink: (options, settings) =>
        settings.singlePort ? singlePortLink(options) : connectedLink(loop, settle(options), settings),
      findNow: common.find,
      report,
    },
  });

  function report(event: Unstamped): void {
    events.push(event);
    const canWait = event.kind === 'tftp.done' && event.detail?.direction === 'read';
    if (!canWait || loop.nowMs() - toldAtMs >= TELL_MS) {
      urgent = true;
      return;
    }
    if (holding) return;
    holding = true;
    loop.after(TELL_MS, () => {
      holding = false;
      urgent = true;
    });
  }

  function after(delayMs: number, callback: () => void): () => void {
    return loop.after(delayMs, () => {
      unsettled = true;
      news = true;
      callback();
    });
  }

  function take(message: ToThread): void {
    unsettled = true;
    news = true;
    switch (message.kind) {
      case 'addresses':
        server.setAddresses(message.addresses).then(() => {
          tell({ kind: 'listeners', id: message.id, listeners: server.listeners() });
        }, fail);
        return;
      case 'opened':
        answer(message.id)?.resolve(message.outcome as never);
        return;
      case 'read':
        answer(message.id)?.resolve(message.bytes as never);
        return;
      case 'upload-opened':
        answer(message.id)?.resolve(message.outcome as never);
        return;
      case 'upload-done':
        answer(message.id)?.resolve(message.stored as never);
        return;
      case 'threw':
        answer(message.id)?.reject(errorOf(message.error));
        return;
      case 'close':
        server.close({ drainMs: message.drainMs }).then(end, fail);
        return;
      default:
        message satisfies never;
    }
  }

  function answer(id: number): Waiting | undefined {
    const one = waiting.get(id);
    waiting.delete(id);
    return one;
  }

  /** Before anything leaves that could be answered: whoever got an answer finds it counted and recorded. */
  function publish(): void {
    const running = server.running();
    const now = loop.nowMs();
    publishedAtMs = now;
    if (running > 0 !== listed > 0 || (running > 0 && now - listedAtMs > LIST_MS + LIST_EACH_MS * running)) {
      listedAtMs = now;
      listed = running;
      tell({ kind: 'transfers', transfers: server.transfers() });
    }
    if (events.length > 0 && (urgent || events.length >= MOST_HELD)) {
      toldAtMs = now;
      tell({ kind: 'events', events: JSON.stringify(events) });
      events = [];
    }
    news = false;
    urgent = false;
    if (outbox.length > 0) {
      const messages = outbox;
      outbox = [];
      post(messages);
    }
    // Who finds no transfers any more must find their events recorded.
    writeCounters(state, server.counters(), running + (events.length > 0 ? 1 : 0));
  }

  function post(messages: readonly FromThread[]): void {
    try {
      port.postMessage(messages);
    } catch {
      // Something in a log line cannot be cloned: each by itself, the unclonable ones as text.
      for (const one of messages) port.postMessage([one.kind === 'log' ? { ...one, fields: textOf(one.fields) } : one]);
    }
  }

  function receive(): void {
    if (Atomics.exchange(state.woken, 0, 0) === 0) return;
    for (let found = receiveMessageOnPort(port); found; found = receiveMessageOnPort(port)) {
      take(found.message as ToThread);
    }
  }

  function cycle(): void {
    unsettled = false;
    for (let count = 0; count < TURNS && !unsettled && !closed; count++) {
      const isDue = loop.nowMs() - publishedAtMs > LIST_MS;
      if (news || isDue || urgent || outbox.length > 0) publish();
      common.turn();
      loop.turn(start.sleepMs);
      receive();
    }
    if (!closed) setImmediate(cycle);
  }

  function end(): void {
    loop.close();
    closed = true;
    tell({ kind: 'closed' });
    urgent = true;
    publish();
    port.close();
  }

  /** A bug in the frame around the sessions: better a new thread than half of one. */
  function fail(error: unknown): void {
    setImmediate(() => {
      throw error;
    });
  }

  tell({ kind: 'ready', wakeDescriptor: loop.wakeDescriptor });
  cycle();
}

type ListenerOptions = Parameters<OpenUdpListener>[0];

function listenerOpener(loop: DatagramLoop, settle: (options: ListenerOptions) => ListenerOptions): OpenUdpListener {
  return async (options) => {
    const { address, port, onDatagram, onError } = settle(options);
    try {
      const listener = loop.openListener({
        address,
        port,
        onDatagram,
        onError: (error) => onError(trafficFailure(error, { address, port })),
      });
      return { ...listener, send: (bytes, to) => listener.send([bytes], to), loop: listener } as LoopUdpListener;
    } catch (error) {
      throw openFailure(error, { address, port });
    }
  };
}

/** A listener of this thread: single-port transfers send through it in pieces. */
type LoopUdpListener = UdpListener & { readonly loop: LoopListener };

function singlePortLink({ listener, peer }: LinkOptions): TransferLink {
  const { loop } = listener as LoopUdpListener;
  return { send: (pieces) => loop.send(pieces, peer), close: () => {} };
}

function connectedLink(loop: DatagramLoop, options: LinkOptions, settings: TftpSettings): TransferLink {
  const { listener, peer } = options;
  const ports = settings.portRange ? freePorts(settings.portRange, options.takenPorts, Math.random()) : [0];
  for (const port of ports) {
    try {
      const socket = loop.openConnected({
        address: listener.address,
        port,
        peer,
        onDatagram: options.onDatagram,
        onError: (code) => (code === 'ECONNREFUSED' ? options.onUnreachable() : options.onSendError()),
      });
      return {
        ...(port > 0 && { localPort: port }),
        send: socket.send,
        sendData: socket.sendNumbered,
        close: socket.close,
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
  throw new AppError('busy', 'every port of the TFTP port range is in use: widen it');
}

function textOf(fields: object): object {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
}

const { port, start } = workerData as { readonly port: MessagePort; readonly start: ThreadStart };
const load = loadDatagramCalls();
if (load.kind === 'loaded') run(port, start, load.calls);
else {
  const refusal: FromThread = { kind: 'unavailable', reason: load.reason };
  port.postMessage([refusal]);
  port.close();
}
