/**
 * Sending a file (RFC 1350 §4, RFC 7440 §4) as a step machine: events in, actions out, no clock, no socket, no bytes.
 *
 *     start ─┬─ options accepted ─▶ oack ── ACK 0 ─▶ data ── ACK of the last block ─▶ ended
 *            └─ none ──────────────────────────────▶ data
 *
 * Blocks are counted from 1 without bound here; only `wireBlock` folds them into 16 bits. In `data` the window is
 * `base` … `base + windowsize - 1`; everything below `base` is acknowledged, everything below `next` was sent once.
 */
import type { TftpErrorCode } from '../errors.ts';
import {
  addSample,
  isSample,
  isUsual,
  NO_ROUND_TRIP,
  openingMs,
  type RoundTrip,
  recoveryMs,
  retransmissionMs,
  shorten,
} from './round-trip.ts';

export interface SendParameters {
  /** Blocks sent before an ACK is awaited, 1–65534. */
  readonly windowsize: number;
  /** The block number after 65535. */
  readonly rollover: 0 | 1;
  /** Whether options were accepted, so that an OACK opens the transfer. */
  readonly oack: boolean;
  /** Longest time between retransmissions: by the client's `timeout`, or our own. */
  readonly ceilingMs: number;
  /** Without a new ACK for this long the client is given up. */
  readonly giveUpMs: number;
  /** 0–1, drawn once for the transfer. */
  readonly jitter: number;
  /** What earlier transfers of this client measured. */
  readonly trip?: RoundTrip | undefined;
}

/** `nowMs` is a monotonic time in milliseconds, with fractions. */
export type SendEvent =
  | { readonly kind: 'start'; readonly nowMs: number }
  /** Blocks up to `upTo` can be sent; `last` is the number of the final, short block once it is known. */
  | { readonly kind: 'available'; readonly nowMs: number; readonly upTo: number; readonly last?: number | undefined }
  /** `block` as on the wire. */
  | { readonly kind: 'ack'; readonly nowMs: number; readonly block: number }
  | { readonly kind: 'error'; readonly code: number; readonly text: string }
  /** The client asked for the same again: our first answer may be lost. */
  | { readonly kind: 'repeat'; readonly nowMs: number }
  | { readonly kind: 'timeout'; readonly nowMs: number }
  /** The client is known to listen no more, `text` tells why: its port is closed, or it started anew. */
  | { readonly kind: 'gone'; readonly text: string }
  /** Our side cannot go on; `text` goes to the client. */
  | { readonly kind: 'failure'; readonly code: TftpErrorCode; readonly text: string };

export type SendOutcome =
  | { readonly kind: 'done' }
  /** Everything was sent, but the ACK of the end never came: boot ROMs start what they loaded and are gone. */
  | { readonly kind: 'unconfirmed' }
  /** The client wanted to know the size only, or dislikes the options and will ask again. */
  | { readonly kind: 'probe'; readonly code: number; readonly text: string }
  /** The client ended it; without a code it simply went away. */
  | { readonly kind: 'aborted'; readonly code?: number; readonly text: string }
  /** No sign of life; `answered` tells whether there ever was one. */
  | { readonly kind: 'silent'; readonly answered: boolean }
  | { readonly kind: 'failed'; readonly text: string };

export type SendAction =
  | { readonly kind: 'send-oack' }
  /** `count` blocks in a row beginning with `first`, counted without bound. */
  | { readonly kind: 'send-blocks'; readonly first: number; readonly count: number }
  | { readonly kind: 'send-error'; readonly code: TftpErrorCode; readonly text: string }
  /** Replaces any earlier timer; a `timeout` event is due at `atMs`. */
  | { readonly kind: 'set-timer'; readonly atMs: number }
  | { readonly kind: 'end'; readonly outcome: SendOutcome };

/** Owned by `step`; others read it for progress and statistics. */
export interface SendState {
  readonly parameters: SendParameters;
  phase: 'idle' | 'oack' | 'data' | 'ended';
  /** First block without an ACK. */
  base: number;
  /** First block that was never sent. */
  next: number;
  /** Highest block the door has bytes for. */
  available: number;
  last: number | undefined;
  trip: RoundTrip;
  backoffs: number;
  /** Blocks and OACKs sent more than once. */
  retransmits: number;
  /** Whether the client has ever acknowledged anything: the proof that it asked itself. */
  answered: boolean;
  /** How often the first packet went out while nothing was acknowledged. */
  opened: number;
  startedAtMs: number;
  progressAtMs: number;
  sentAtMs: number;
  /** First block of the latest burst that had never been sent before: from here on an ACK measures the round trip. */
  cleanFrom: number;
  /** Until then an ACK speaks of what was sent before the latest burst. */
  quietUntilMs: number;
  /** The client may hold blocks of the latest burst already, so that its next ACK need not mean a gap. */
  doubt: boolean;
  /** The running timer waits for the answer to a report of which it is not known whether it means a gap. */
  hurried: boolean;
  /** Between the latest burst and the one before. */
  pausedMs: number;
  /** Times gone back since a whole window was acknowledged. */
  goneBack: number;
  deadlineMs: number;
}

/** Before the client has proved that it asked, it gets little: a spoofed request must not make us a reflector. */
const MOST_OPENINGS = 3;
const OPENING_MS = 5000;
/** A second request within this time after our answer is a copy of the first. */
const COPY_MS = 250;
/** When only the end is unacknowledged the client has most likely left. */
const LAST_ACK_MS = 10_000;
/** Quiet time after going back while no round trip is known. */
const UNMEASURED_QUIET_MS = 100;
/** Share of a round trip for which reports of the old burst keep coming after going back. */
const QUIET_SHARE = 0.9;
/** Shortest time between two times going back to the same block for a report. */
const SAME_REPORT_MS = 5;
/** After so many windows with a gap in a row, one report is let pass: it may be our own copies that make them. */
const MOST_GONE_BACK = 3;

export function createSendState(parameters: SendParameters): SendState {
  return {
    parameters,
    phase: 'idle',
    base: 1,
    next: 1,
    available: 0,
    last: undefined,
    trip: parameters.trip ?? NO_ROUND_TRIP,
    backoffs: 0,
    retransmits: 0,
    answered: false,
    opened: 0,
    startedAtMs: 0,
    progressAtMs: 0,
    sentAtMs: 0,
    cleanFrom: 1,
    quietUntilMs: 0,
    doubt: false,
    hurried: false,
    pausedMs: 0,
    goneBack: 0,
    deadlineMs: 0,
  };
}

/** A block's number on the wire: after 65535 comes 0, or 1 where the client asked for that. */
export function wireBlock(block: number, rollover: 0 | 1): number {
  if (rollover === 0) return block & 0xffff;
  return block === 0 ? 0 : ((block - 1) % 0xffff) + 1;
}

/** Takes one event, changes `state`, and says what to do, in order. The same events always give the same actions. */
export function step(state: SendState, event: SendEvent): readonly SendAction[] {
  if (state.phase === 'ended') return [];
  switch (event.kind) {
    case 'start':
      state.startedAtMs = state.progressAtMs = event.nowMs;
      state.phase = state.parameters.oack ? 'oack' : 'data';
      return open(state, event.nowMs);
    case 'available':
      return takeAvailable(state, event.upTo, event.last, event.nowMs);
    case 'ack':
      return state.phase === 'oack' ? ackOfOack(state, event.block, event.nowMs) : ackOfData(state, event);
    case 'error':
      return end(state, outcomeOfError(state, event.code, event.text));
    case 'repeat':
      return takeRepeat(state, event.nowMs);
    case 'timeout':
      return runOut(state, event.nowMs);
    case 'gone':
      return end(state, endIsOut(state) ? { kind: 'unconfirmed' } : { kind: 'aborted', text: event.text });
    case 'failure':
      return fail(state, event.code, event.text);
    default:
      return event satisfies never;
  }
}

function open(state: SendState, nowMs: number): SendAction[] {
  if (state.phase === 'data') return transmit(state, state.base, nowMs);
  if (state.opened > 0) state.retransmits++;
  state.opened++;
  state.pausedMs = nowMs - state.sentAtMs;
  state.sentAtMs = nowMs;
  return [{ kind: 'send-oack' }, timer(state, nowMs)];
}

/**
 * A request that comes again after a while means that our answer was lost. At once it is a ROM's double or a copy made
 * by the network, and a second OACK would kill atftp.
 */
function takeRepeat(state: SendState, nowMs: number): SendAction[] {
  const isCopy = nowMs - state.sentAtMs < COPY_MS;
  const mayOpen = !state.answered && state.opened > 0 && state.opened < MOST_OPENINGS;
  return mayOpen && !isCopy ? open(state, nowMs) : [];
}

function takeAvailable(state: SendState, upTo: number, last: number | undefined, nowMs: number): SendAction[] {
  const starved = state.next === state.base;
  state.available = upTo;
  state.last = last;
  if (state.phase !== 'data') return [];
  // Time spent waiting for our own disk is not the client's silence.
  if (starved) state.progressAtMs = nowMs;
  return state.next <= sendable(state) ? transmit(state, state.next, nowMs) : [];
}

function ackOfOack(state: SendState, block: number, nowMs: number): SendAction[] {
  if (block !== 0 || state.phase !== 'oack') return [];
  takeProgress(state, nowMs, state.opened === 1);
  state.phase = 'data';
  state.quietUntilMs = nowMs + state.trip.shortestMs / 2;
  return transmit(state, state.base, nowMs);
}

function ackOfData(state: SendState, event: { readonly nowMs: number; readonly block: number }): SendAction[] {
  const { nowMs } = event;
  const block = unfold(state, event.block);
  if (block === undefined) return [];
  if (block < state.base) return gapAtBase(state, nowMs);

  takeProgress(state, nowMs, block >= state.cleanFrom);
  state.base = block + 1;
  if (block === state.last) return end(state, { kind: 'done' });
  if (state.base === state.next) {
    state.quietUntilMs = nowMs + state.trip.shortestMs / 2;
    state.doubt = false;
    state.goneBack = 0;
    return transmit(state, state.base, nowMs);
  }
  return ackInside(state, nowMs);
}

/**
 * An ACK inside the window reports a gap behind it (RFC 7440 §4). But EDK2 answers copies just so: going back for those
 * makes new copies, and so on without end; and one sooner than a round trip speaks of what was sent before. Then the window
 * is only filled up, which is enough when nothing is missing. When something is, the client may have told its gap and keep
 * silent, so that we wait not much longer than an answer takes.
 */
function ackInside(state: SendState, nowMs: number): SendAction[] {
  // Nothing can answer the latest burst so soon.
  const early = nowMs - state.sentAtMs < state.trip.shortestMs * QUIET_SHARE;
  if (!early && !state.doubt) return goBack(state, nowMs, state.goneBack + 1 >= MOST_GONE_BACK);
  if (!early) {
    state.quietUntilMs = nowMs + quietMs(state);
    state.doubt = false;
    state.goneBack = 0;
  }
  return transmit(state, state.next, nowMs, true);
}

/**
 * The block before the window was acknowledged again. In lock-step that never makes us send (RFC 1123 §4.2.3.1, the
 * Sorcerer's Apprentice); with a window its first block was lost, and of many equal reports the first one counts: EDK2
 * answers every block behind a gap.
 */
function gapAtBase(state: SendState, nowMs: number): SendAction[] {
  const nothingOut = state.next === state.base;
  if (state.parameters.windowsize === 1 || nothingOut || nowMs < state.quietUntilMs) return [];
  const actions = goBack(state, nowMs, true);
  // Its answers look the same: however short a round trip seems, they must not make more of each other.
  state.quietUntilMs = Math.max(state.quietUntilMs, nowMs + SAME_REPORT_MS);
  return actions;
}

function goBack(state: SendState, nowMs: number, doubt: boolean): SendAction[] {
  state.quietUntilMs = nowMs + quietMs(state);
  state.doubt = doubt;
  state.goneBack++;
  return transmit(state, state.base, nowMs);
}

function runOut(state: SendState, nowMs: number): SendAction[] {
  if (nowMs < state.deadlineMs) return [];
  const idleMs = nowMs - state.progressAtMs;
  const { giveUpMs } = state.parameters;
  if (state.phase === 'data' && state.next === state.base) {
    if (idleMs < giveUpMs) return [timer(state, nowMs)];
    return fail(state, 0, 'reading the file takes too long');
  }
  if (!state.answered && (state.opened >= MOST_OPENINGS || nowMs - state.startedAtMs >= OPENING_MS)) {
    return end(state, { kind: 'silent', answered: false });
  }
  if (endIsOut(state) && idleMs >= Math.min(LAST_ACK_MS, giveUpMs)) return end(state, { kind: 'unconfirmed' });
  if (idleMs >= giveUpMs) return end(state, { kind: 'silent', answered: state.answered });
  state.backoffs++;
  if (state.phase === 'oack') return open(state, nowMs);
  // Had the client the first of these, it would have told of its progress by now.
  return goBack(state, nowMs, !state.hurried);
}

/** Sends `from` … the end of the window, as far as there are bytes. */
function transmit(state: SendState, from: number, nowMs: number, hurried = false): SendAction[] {
  const until = sendable(state);
  state.hurried = hurried;
  if (until < from) return [timer(state, nowMs)];
  if (!state.answered) {
    // Waiting for our own disk is no attempt.
    if (state.opened === 0) state.startedAtMs = nowMs;
    state.opened++;
  }
  state.cleanFrom = Math.max(from, state.next);
  state.retransmits += Math.max(0, Math.min(until + 1, state.next) - from);
  state.next = Math.max(state.next, until + 1);
  state.pausedMs = nowMs - state.sentAtMs;
  state.sentAtMs = nowMs;
  return [{ kind: 'send-blocks', first: from, count: until - from + 1 }, timer(state, nowMs)];
}

function timer(state: SendState, nowMs: number): SendAction {
  const { jitter, ceilingMs, giveUpMs } = state.parameters;
  const nothingOut = state.phase === 'data' && state.next === state.base;
  const patienceMs = !state.answered ? openingMs : state.hurried ? recoveryMs : retransmissionMs;
  const waitMs = nothingOut ? giveUpMs : patienceMs(state.trip, state.backoffs, jitter, ceilingMs);
  const limitMs = state.answered || nothingOut ? state.progressAtMs + giveUpMs : state.startedAtMs + OPENING_MS;
  // Never later than the moment of giving up, never in the past.
  state.deadlineMs = Math.max(nowMs + 1, Math.min(nowMs + waitMs, limitMs));
  return { kind: 'set-timer', atMs: state.deadlineMs };
}

/** Highest block the window and the bytes at hand allow. */
function sendable(state: SendState): number {
  return Math.min(state.base + state.parameters.windowsize - 1, state.available);
}

/** How long after going back reports of the old burst may still come. */
function quietMs({ trip }: SendState): number {
  return trip.smoothedMs === undefined ? UNMEASURED_QUIET_MS : trip.smoothedMs * QUIET_SHARE;
}

/** A number on the wire → the block in [base - 1, next - 1] it stands for; undefined for a stale or foreign one. */
function unfold(state: SendState, wire: number): number | undefined {
  const { rollover } = state.parameters;
  const period = rollover === 0 ? 0x10000 : 0xffff;
  const below = state.base - 1;
  const distance = (((wire - wireBlock(below, rollover)) % period) + period) % period;
  const block = below + distance;
  return block < state.next && wireBlock(block, rollover) === wire ? block : undefined;
}

/**
 * @param once whether what is acknowledged was sent once, so that it measures the round trip (Karn). If not, the doubled wait
 *   is taken back a step at a time, by answers as fast as usual: with much loss hardly a block of a window is sent once.
 */
function takeProgress(state: SendState, nowMs: number, once: boolean): void {
  const { trip } = state;
  const sinceMs = nowMs - state.sentAtMs;
  if (once && isSample(sinceMs)) {
    state.trip = addSample(trip, sinceMs);
    state.backoffs = 0;
  } else {
    state.trip = shorten(trip, sinceMs, state.pausedMs);
    if (isUsual(state.trip, sinceMs)) state.backoffs = Math.max(0, state.backoffs - 1);
  }
  state.answered = true;
  state.progressAtMs = nowMs;
}

/** The last block is on its way, to a client that has answered before. */
function endIsOut(state: SendState): boolean {
  return state.answered && state.last !== undefined && state.next > state.last;
}

/** EDK2 asks for `tsize`, refuses our OACK with code 8 and asks again; others do the same with code 0. */
function outcomeOfError(state: SendState, code: number, text: string): SendOutcome {
  return state.phase === 'oack' && (code === 0 || code === 8)
    ? { kind: 'probe', code, text }
    : { kind: 'aborted', code, text };
}

function fail(state: SendState, code: TftpErrorCode, text: string): SendAction[] {
  return [{ kind: 'send-error', code, text }, ...end(state, { kind: 'failed', text })];
}

function end(state: SendState, outcome: SendOutcome): SendAction[] {
  state.phase = 'ended';
  return [{ kind: 'end', outcome }];
}
