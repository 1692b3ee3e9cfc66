/** One write transfer: the step machine joined with the place the file goes to, a way to the client, and a timer. */
import type { OpenedUpload, Stored } from '../boot/upload.ts';
import { AppError, ERRORS } from '../errors.ts';
import { WireError } from '../net/bytes.ts';
import { createDeadline } from './deadline.ts';
import { declaredSize, negotiate } from './negotiate.ts';
import { createNetasciiDecoder } from './netascii.ts';
import { decode, encode, encodeError } from './packet.ts';
import { createReceiveState, type ReceiveAction, type ReceiveEvent, type ReceiveOutcome, step } from './receive.ts';
import { ceilingFor } from './round-trip.ts';
import type { Transfer, TransferCommon } from './transfer.ts';

export interface TransferInOptions extends TransferCommon {
  readonly upload: OpenedUpload;
  /** Called once, when it is known how it ended; `cause` is what was thrown when storing failed. */
  onEnd(result: { readonly outcome: ReceiveOutcome; readonly stored?: Stored; readonly cause?: unknown }): void;
  /** Called once, after `onEnd`: nothing comes any more. */
  onClose(): void;
}

/** Blocks are collected up to this size before they are written. */
const CHUNK_BYTES = 64 * 1024;
/** With so much waiting to be written no more is asked for. */
const PENDING_MAX_BYTES = 1024 * 1024;

export function createTransferIn(options: TransferInOptions): Transfer {
  const { clock, request, upload } = options;
  const announced = declaredSize(request.options);
  const facts = { size: announced, mtu: options.mtu, ipv6: options.ipv6 };
  const negotiation = negotiate(request.options, facts, options.caps);
  const { blksize, windowsize, rollover, timeoutMs } = negotiation.parameters;
  const { accepted } = negotiation;
  const opening = accepted.size > 0 ? encode({ kind: 'oack', options: accepted }) : encode({ kind: 'ack', block: 0 });
  const state = createReceiveState({
    blksize,
    windowsize,
    ...(accepted.has('rollover') && { rollover }),
    ceilingMs: timeoutMs === undefined ? options.ceilingMs : ceilingFor(timeoutMs),
    giveUpMs: options.giveUpMs,
    jitter: options.jitter,
  });
  const translator = request.mode === 'netascii' ? createNetasciiDecoder() : undefined;
  let chunk = new Uint8Array(0);
  let filled = 0;
  let bytes = 0;
  let pendingBytes = 0;
  /** The writes, one after the other; never rejects. */
  let writing: Promise<void> = Promise.resolve();
  let failed = false;
  let cause: unknown;
  let stored: Stored | undefined;
  const deadline = createDeadline(clock, (nowMs) => advance({ kind: 'timeout', nowMs }));

  function advance(event: ReceiveEvent, payload?: Uint8Array): void {
    for (const action of step(state, event)) perform(action, payload);
  }

  function perform(action: ReceiveAction, payload: Uint8Array | undefined): void {
    switch (action.kind) {
      case 'send-opening':
        options.send([opening]);
        return;
      case 'send-ack':
        options.send([encode({ kind: 'ack', block: action.block })]);
        return;
      case 'send-error':
        options.send([encodeError(action.code, action.text)]);
        return;
      case 'store':
        if (payload) collect(translator ? translator.decode(payload) : payload);
        return;
      case 'finish':
        finish();
        return;
      case 'set-timer':
        deadline.set(action.atMs);
        return;
      case 'end':
        if (action.outcome.kind !== 'done') discard();
        options.onEnd({ outcome: action.outcome, ...(stored && { stored }), ...(cause !== undefined && { cause }) });
        return;
      case 'close':
        deadline.clear();
        options.onClose();
        return;
      default:
        action satisfies never;
    }
  }

  /** Copies what it is given: a datagram's buffer is used again. */
  function collect(octets: Uint8Array): void {
    bytes += octets.length;
    for (let rest = octets; rest.length > 0; ) {
      if (chunk.length === 0) chunk = new Uint8Array(CHUNK_BYTES);
      const part = rest.subarray(0, chunk.length - filled);
      chunk.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
      if (filled === chunk.length) flush();
    }
  }

  function flush(): void {
    if (filled === 0) return;
    const part = chunk.subarray(0, filled);
    chunk = new Uint8Array(0);
    filled = 0;
    pendingBytes += part.length;
    if (pendingBytes > PENDING_MAX_BYTES) advance({ kind: 'full' });
    inTurn(async () => {
      await upload.write(part);
      pendingBytes -= part.length;
      if (state.full && pendingBytes <= PENDING_MAX_BYTES / 2) advance({ kind: 'room', nowMs: clock.nowMs() });
    });
  }

  function finish(): void {
    if (translator) collect(translator.end());
    flush();
    inTurn(async () => {
      stored = await upload.commit();
      advance({ kind: 'stored', nowMs: clock.nowMs() });
    });
  }

  /** After a failure nothing more is written. */
  function inTurn(work: () => Promise<void>): void {
    writing = writing.then(async () => {
      if (failed) return;
      try {
        await work();
      } catch (error) {
        failed = true;
        cause = error;
        const entry = ERRORS[error instanceof AppError ? error.code : 'internal'];
        advance({ kind: 'failure', code: entry.tftp, text: entry.title });
      }
    });
  }

  function discard(): void {
    failed = true;
    // A failed clean-up is made good at the next start.
    upload.abort().catch(() => undefined);
  }

  return {
    negotiation,
    begin: () => advance({ kind: 'start', nowMs: clock.nowMs() }),
    take: (datagram) => {
      try {
        const packet = decode(datagram);
        if (packet.kind === 'data') {
          const { block, payload } = packet;
          advance({ kind: 'data', nowMs: clock.nowMs(), block, size: payload.length }, payload);
        } else if (packet.kind === 'error') advance({ kind: 'error', code: packet.code, text: packet.text });
        else return false;
        return true;
      } catch (error) {
        if (error instanceof WireError) return false;
        throw error;
      }
    },
    repeat: () => advance({ kind: 'repeat', nowMs: clock.nowMs() }),
    clientGone: (text) => advance({ kind: 'gone', text }),
    stop: (text) => advance({ kind: 'stop', text }),
    progress: () => ({
      bytes,
      blocks: state.next - 1,
      retransmits: state.retransmits,
      ...(state.trip.smoothedMs !== undefined && { roundTripMs: Math.round(state.trip.smoothedMs * 1000) / 1000 }),
      progressAtMs: state.progressAtMs,
      answered: state.answered,
      lingering: state.phase === 'dally' || state.phase === 'ended',
    }),
  };
}
