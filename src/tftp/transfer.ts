/** One read transfer: the step machine joined with the file's blocks, a way to the client, and a timer. */
import type { OpenContent } from '../boot/content.ts';
import { AppError, ERRORS } from '../errors.ts';
import { WireError } from '../net/bytes.ts';
import { type Blocks, directBlocks, memoryBlocks, streamBlocks } from './blocks.ts';
import { createDeadline } from './deadline.ts';
import { type Negotiation, type NegotiationCaps, negotiate } from './negotiate.ts';
import { encodeNetascii } from './netascii.ts';
import { ACK, dataHeader, decode, encode, encodeError, type RequestPacket } from './packet.ts';
import { ceilingFor, type RoundTrip } from './round-trip.ts';
import { createSendState, type SendAction, type SendEvent, type SendOutcome, step, wireBlock } from './send.ts';

/** Monotonic milliseconds with fractions, and timers on them. */
export interface TransferClock {
  nowMs(): number;
  /** Calls back once after `delayMs`; the result cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** What transfers of both directions need. */
export interface TransferCommon {
  readonly request: RequestPacket;
  readonly caps: NegotiationCaps;
  /** MTU towards the client; undefined: blocks are not fitted to it. */
  readonly mtu?: number | undefined;
  readonly ipv6: boolean;
  /** Longest time between retransmissions when the client names none. */
  readonly ceilingMs: number;
  readonly giveUpMs: number;
  /** 0–1. */
  readonly jitter: number;
  readonly clock: TransferClock;
  /** Sends one datagram, given in pieces, to the client. Loses it rather than throwing. */
  send(pieces: readonly Uint8Array[]): void;
  /** Sends DATA; `header` is its first four bytes as one big-endian number. */
  sendData(header: number, payload: Uint8Array): void;
}

export interface TransferOptions extends TransferCommon {
  readonly content: OpenContent;
  /** What earlier transfers of this client measured. */
  readonly trip?: RoundTrip | undefined;
  /** Called once. `cause` is what was thrown when reading failed. */
  onEnd(outcome: SendOutcome, cause?: unknown): void;
}

export interface TransferProgress {
  /** Sent: acknowledged, or for an unconfirmed end sent, in translated bytes. Received: taken, in octets. */
  readonly bytes: number;
  readonly blocks: number;
  readonly retransmits: number;
  readonly roundTripMs?: number;
  /** Monotonic time of the last new ACK or block. */
  readonly progressAtMs: number;
  /** Whether the client has acknowledged, or sent, anything. */
  readonly answered: boolean;
  /** It is over, and only a lost last ACK would be said again. */
  readonly lingering?: boolean;
}

export interface Transfer {
  readonly negotiation: Negotiation;
  /** Sends the first packet. */
  begin(): void;
  /** A datagram of the client's. Malformed ones are ignored; false tells so. */
  take(bytes: Uint8Array): boolean;
  /** The client sent the same request again. */
  repeat(): void;
  /** Ends it without a word to the client, who is not there any more. */
  clientGone(text: string): void;
  /** Ends it with ERROR 0. */
  stop(text: string): void;
  progress(): TransferProgress;
  /** What it knows of the round trip now. */
  trip?(): RoundTrip;
}

export function createTransfer(options: TransferOptions): Transfer {
  const { clock, content, request } = options;
  const translated = request.mode === 'netascii';
  const bytes = content.bytes && translated ? encodeNetascii(content.bytes) : content.bytes;
  // The size after translation is known only for what is in memory.
  const size = bytes?.length ?? (translated ? undefined : content.size);
  const negotiation = negotiate(request.options, { size, mtu: options.mtu, ipv6: options.ipv6 }, options.caps);
  const { blksize, windowsize, rollover, timeoutMs } = negotiation.parameters;
  const oack = negotiation.accepted.size > 0 ? encode({ kind: 'oack', options: negotiation.accepted }) : undefined;
  const state = createSendState({
    windowsize,
    rollover,
    oack: oack !== undefined,
    ceilingMs: timeoutMs === undefined ? options.ceilingMs : ceilingFor(timeoutMs),
    giveUpMs: options.giveUpMs,
    jitter: options.jitter,
    trip: options.trip,
  });
  const blocks = createBlocks();
  let cause: unknown;
  let outcome: SendOutcome | undefined;
  const deadline = createDeadline(clock, (nowMs) => advance({ kind: 'timeout', nowMs }));

  function createBlocks(): Blocks {
    if (bytes) return memoryBlocks(bytes, blksize);
    const { readNow } = content;
    if (readNow && !translated) return directBlocks(content.size, blksize, readNow);
    return streamBlocks({
      size: content.size,
      blksize,
      windowsize,
      ...(translated && { translate: encodeNetascii }),
      read: (into, position) => content.read(into, position),
      onAvailable: offer,
      onFailure: (error) => {
        cause = error;
        const entry = ERRORS[error instanceof AppError ? error.code : 'read-failed'];
        advance({ kind: 'failure', code: entry.tftp, text: entry.title });
      },
    });
  }

  function offer(): void {
    advance({ kind: 'available', nowMs: clock.nowMs(), upTo: blocks.available(), last: blocks.last() });
  }

  function advance(event: SendEvent): void {
    for (const action of step(state, event)) perform(action);
    if (state.phase !== 'ended') blocks.advance(state.base);
  }

  function perform(action: SendAction): void {
    switch (action.kind) {
      case 'send-oack':
        if (oack) options.send([oack]);
        return;
      case 'send-blocks':
        for (let block = action.first; block < action.first + action.count; block++) {
          options.sendData(dataHeader(wireBlock(block, rollover)), blocks.at(block));
        }
        return;
      case 'send-error':
        options.send([encodeError(action.code, action.text)]);
        return;
      case 'set-timer':
        deadline.set(action.atMs);
        return;
      case 'end':
        deadline.clear();
        outcome = action.outcome;
        options.onEnd(action.outcome, cause);
        return;
      default:
        action satisfies never;
    }
  }

  function sentBytes(): number {
    const last = blocks.last();
    const whole = last !== undefined && (outcome?.kind === 'done' || outcome?.kind === 'unconfirmed');
    return whole ? (last - 1) * blksize + blocks.at(last).length : (state.base - 1) * blksize;
  }

  return {
    negotiation,
    begin: () => {
      if (blocks.available() > 0) offer();
      advance({ kind: 'start', nowMs: clock.nowMs() });
    },
    take: (datagram) => {
      // What comes most by far.
      if (datagram.length >= 4 && datagram[0] === 0 && datagram[1] === ACK) {
        advance({ kind: 'ack', nowMs: clock.nowMs(), block: ((datagram[2] ?? 0) << 8) | (datagram[3] ?? 0) });
        return true;
      }
      try {
        const packet = decode(datagram);
        if (packet.kind === 'error') advance({ kind: 'error', code: packet.code, text: packet.text });
        else return false;
        return true;
      } catch (error) {
        if (error instanceof WireError) return false;
        throw error;
      }
    },
    repeat: () => advance({ kind: 'repeat', nowMs: clock.nowMs() }),
    clientGone: (text) => advance({ kind: 'gone', text }),
    stop: (text) => advance({ kind: 'failure', code: 0, text }),
    trip: () => state.trip,
    progress: () => ({
      bytes: sentBytes(),
      blocks: state.base - 1,
      retransmits: state.retransmits,
      ...(state.trip.smoothedMs !== undefined && { roundTripMs: Math.round(state.trip.smoothedMs * 1000) / 1000 }),
      progressAtMs: state.progressAtMs,
      answered: state.answered,
    }),
  };
}
