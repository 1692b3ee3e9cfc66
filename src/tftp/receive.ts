/**
 * Receiving a file (RFC 1350 §4, RFC 7440 §4) as a step machine: events in, actions out, no clock, no socket, no bytes.
 *
 *     start ─▶ opening ── DATA 1 ─▶ data ── the short block ─▶ storing ── it is on the disk: last ACK ─▶ dally ─▶ ended
 *              (ACK 0 or OACK)
 *
 * Blocks are counted from 1 without bound here. `next` is the block that is wanted; everything below it was handed out
 * once, in order. The last ACK is the promise that the file is stored, so it waits for that.
 */
import type { TftpErrorCode } from '../errors.ts';
import { addSample, NO_ROUND_TRIP, type RoundTrip, retransmissionMs } from './round-trip.ts';
import { wireBlock } from './send.ts';

export interface ReceiveParameters {
  /** Payload of a full block in bytes. */
  readonly blksize: number;
  /** Blocks taken before an ACK is due, 1–65534. */
  readonly windowsize: number;
  /** The block number after 65535; undefined: nothing was agreed and the client shows it. */
  readonly rollover?: 0 | 1 | undefined;
  /** Longest time between repeated ACKs: the client's `timeout` or our own. */
  readonly ceilingMs: number;
  /** Without a new block for this long the client is given up. */
  readonly giveUpMs: number;
  /** 0–1, drawn once for the transfer. */
  readonly jitter: number;
}

/** `nowMs` is a monotonic time in milliseconds, with fractions. */
export type ReceiveEvent =
  | { readonly kind: 'start'; readonly nowMs: number }
  /** `block` as on the wire, `size` of the payload in bytes. */
  | { readonly kind: 'data'; readonly nowMs: number; readonly block: number; readonly size: number }
  /** What was taken cannot be written as fast as it comes: no more ACKs until `room`. */
  | { readonly kind: 'full' }
  | { readonly kind: 'room'; readonly nowMs: number }
  /** The file is stored. */
  | { readonly kind: 'stored'; readonly nowMs: number }
  | { readonly kind: 'error'; readonly code: number; readonly text: string }
  /** The client asked for the same again: our first answer may be lost. */
  | { readonly kind: 'repeat'; readonly nowMs: number }
  | { readonly kind: 'timeout'; readonly nowMs: number }
  /** The client is known to listen no more, `text` tells why. */
  | { readonly kind: 'gone'; readonly text: string }
  /** The file cannot be stored; `text` goes to the client. */
  | { readonly kind: 'failure'; readonly code: TftpErrorCode; readonly text: string }
  /** We are to end. A file that is all here is still stored. */
  | { readonly kind: 'stop'; readonly text: string };

export type ReceiveOutcome =
  | { readonly kind: 'done' }
  /** The client ended it; without a code it simply went away. */
  | { readonly kind: 'aborted'; readonly code?: number; readonly text: string }
  /** No sign of life; `answered` tells whether there ever was one. */
  | { readonly kind: 'silent'; readonly answered: boolean }
  | { readonly kind: 'failed'; readonly text: string };

export type ReceiveAction =
  /** ACK 0, or the OACK where options were accepted. */
  | { readonly kind: 'send-opening' }
  /** The payload of this event's DATA is the next part of the file. */
  | { readonly kind: 'store' }
  /** Everything has come: put the file in its place, then say `stored` or `failure`. */
  | { readonly kind: 'finish' }
  /** `block` as on the wire. */
  | { readonly kind: 'send-ack'; readonly block: number }
  | { readonly kind: 'send-error'; readonly code: TftpErrorCode; readonly text: string }
  /** Replaces any earlier timer; a `timeout` event is due at `atMs`. */
  | { readonly kind: 'set-timer'; readonly atMs: number }
  /** How it ended. With `done` more may follow: a lost last ACK is said again until `close`. */
  | { readonly kind: 'end'; readonly outcome: ReceiveOutcome }
  /** Nothing comes any more. */
  | { readonly kind: 'close' };

/** Owned by `step`; others read it for progress and statistics. */
export interface ReceiveState {
  readonly parameters: ReceiveParameters;
  phase: 'idle' | 'opening' | 'data' | 'storing' | 'dally' | 'ended';
  /** The block that is wanted. */
  next: number;
  /** Blocks below it are acknowledged. */
  acknowledged: number;
  rollover: 0 | 1 | undefined;
  trip: RoundTrip;
  backoffs: number;
  /** ACKs and OACKs sent more than once. */
  retransmits: number;
  /** Whether a block ever came: the proof that the client asked itself. */
  answered: boolean;
  /** How often the opening went out. */
  opened: number;
  full: boolean;
  /** An ACK is due as soon as there is room. */
  owed: boolean;
  /** The gap before the wanted block was reported. */
  gapReported: boolean;
  stopping: boolean;
  startedAtMs: number;
  progressAtMs: number;
  /** When the last ACK or OACK went out. */
  sentAtMs: number;
  /** That one went out once only, and nothing has come since: what comes next measures the round trip. */
  clean: boolean;
  deadlineMs: number;
}

/** Sent without having been asked again. */
const MOST_OPENINGS = 3;
/** A client may have to gather what it sends: a router builds its configuration after it was let in. */
const OPENING_MS = 15_000;
/** A second request within this time after our answer is a copy of the first. */
const COPY_MS = 250;
/**
 * Shortest time before an ACK is said again. In lock-step the client has a timer of its own, and old ones (tftp-hpa,
 * curl) answer each copy of an ACK with a copy of the block or count it as a fault, so that we are in no hurry.
 */
const REPEAT_MS = { lockStep: 250, window: 50 } as const;
/**
 * ACKs said again so soon. After them it is most likely the client's block that was lost, and then tftp-hpa needs silence: it
 * ignores copies of an ACK, and its timer of 5 s starts anew with each.
 */
const MOST_QUICK = 2;
/** tftp-hpa sends its last block again after 5 s. */
const DALLY_MS = 6000;

export function createReceiveState(parameters: ReceiveParameters): ReceiveState {
  return {
    parameters,
    phase: 'idle',
    next: 1,
    acknowledged: 1,
    rollover: parameters.rollover,
    trip: NO_ROUND_TRIP,
    backoffs: 0,
    retransmits: 0,
    answered: false,
    opened: 0,
    full: false,
    owed: false,
    gapReported: false,
    stopping: false,
    startedAtMs: 0,
    progressAtMs: 0,
    sentAtMs: 0,
    clean: false,
    deadlineMs: 0,
  };
}

/** Takes one event, changes `state`, and says what to do, in order. The same events always give the same actions. */
export function step(state: ReceiveState, event: ReceiveEvent): readonly ReceiveAction[] {
  if (state.phase === 'ended') return [];
  switch (event.kind) {
    case 'start':
      state.startedAtMs = state.progressAtMs = event.nowMs;
      state.phase = 'opening';
      return open(state, event.nowMs);
    case 'data':
      return takeData(state, event);
    case 'full':
      state.full = true;
      return [];
    case 'room':
      return takeRoom(state, event.nowMs);
    case 'stored':
      return takeStored(state, event.nowMs);
    case 'error':
      return leave(state, { kind: 'aborted', code: event.code, text: event.text });
    case 'repeat':
      return takeRepeat(state, event.nowMs);
    case 'timeout':
      return runOut(state, event.nowMs);
    case 'gone':
      return leave(state, { kind: 'aborted', text: event.text });
    case 'failure':
      return fail(state, event.code, event.text);
    case 'stop':
      state.stopping = true;
      if (state.phase === 'storing') return [];
      return state.phase === 'dally' ? close(state) : fail(state, 0, event.text);
    default:
      return event satisfies never;
  }
}

function open(state: ReceiveState, nowMs: number): ReceiveAction[] {
  if (state.opened > 0) state.retransmits++;
  state.opened++;
  state.clean = state.opened === 1;
  state.sentAtMs = nowMs;
  return [{ kind: 'send-opening' }, timer(state, nowMs)];
}

/**
 * A request that comes again after a while means that our answer was lost; at once it is a copy (Cisco IOS, ROMs). However
 * often it comes, it is answered: an opening is shorter than what asked for it, so that a forged source gains nothing.
 */
function takeRepeat(state: ReceiveState, nowMs: number): ReceiveAction[] {
  return state.phase === 'opening' && nowMs - state.sentAtMs >= COPY_MS ? open(state, nowMs) : [];
}

function takeData(
  state: ReceiveState,
  event: { readonly nowMs: number; readonly block: number; readonly size: number },
): ReceiveAction[] {
  const { nowMs, block, size } = event;
  if (state.phase === 'idle') return [];
  const place = placeOf(state, block);
  if (state.phase === 'storing' || state.phase === 'dally') {
    // Before the file is stored there is nothing to promise.
    return state.phase === 'dally' && place === 'behind' ? repeatLastAck(state, nowMs) : [];
  }
  if (size > state.parameters.blksize) return fail(state, 4, 'the block is longer than agreed');
  switch (place) {
    case 'wanted':
      return takeWanted(state, block, size, nowMs);
    case 'ahead':
      return takeGap(state, nowMs);
    case 'behind':
      return takeCopy(state, nowMs);
    case 'foreign':
      return [];
    default:
      return place satisfies never;
  }
}

function takeWanted(state: ReceiveState, wire: number, size: number, nowMs: number): ReceiveAction[] {
  if (state.next === 0x10000 && state.rollover === undefined) state.rollover = wire === 0 ? 0 : 1;
  if (state.clean) takeSample(state, nowMs);
  state.clean = false;
  state.answered = true;
  state.phase = 'data';
  state.progressAtMs = nowMs;
  state.backoffs = 0;
  state.gapReported = false;
  state.next++;
  if (size < state.parameters.blksize) {
    state.phase = 'storing';
    return [{ kind: 'store' }, { kind: 'finish' }];
  }
  const due = state.next - state.acknowledged >= state.parameters.windowsize;
  return [{ kind: 'store' }, ...(due ? acknowledge(state, nowMs) : [timer(state, nowMs)])];
}

/** One report a gap (RFC 7440 §4): the other blocks of the window tell nothing new. A lost report is repeated by the timer. */
function takeGap(state: ReceiveState, nowMs: number): ReceiveAction[] {
  if (state.gapReported) return [];
  state.gapReported = true;
  return acknowledge(state, nowMs);
}

/**
 * A block that is stored already: the client missed our ACK. One that follows hard upon that ACK is a copy made on the
 * way, and answering it would make a client that answers copies itself send everything twice until the end. Where so much
 * is copied that no round trip was measured yet, any copy within the longest such time counts as one.
 */
function takeCopy(state: ReceiveState, nowMs: number): ReceiveAction[] {
  if (state.parameters.windowsize > 1) return takeGap(state, nowMs);
  const { trip } = state;
  const hard = Math.min((trip.smoothedMs ?? Number.POSITIVE_INFINITY) / 2, REPEAT_MS.window);
  return nowMs - state.sentAtMs < hard ? [] : acknowledge(state, nowMs);
}

function acknowledge(state: ReceiveState, nowMs: number): ReceiveAction[] {
  if (state.full) {
    state.owed = true;
    return [timer(state, nowMs)];
  }
  // Before the first block the opening is what acknowledges.
  if (state.next === 1) return open(state, nowMs);
  state.clean = state.acknowledged !== state.next;
  if (!state.clean) state.retransmits++;
  state.acknowledged = state.next;
  state.sentAtMs = nowMs;
  return [{ kind: 'send-ack', block: wireBlock(state.next - 1, state.rollover ?? 0) }, timer(state, nowMs)];
}

/** The client may ask for it yet again, but not for ever. */
function repeatLastAck(state: ReceiveState, nowMs: number): ReceiveAction[] {
  state.retransmits++;
  const untilMs = Math.min(nowMs + DALLY_MS, state.progressAtMs + state.parameters.giveUpMs);
  state.deadlineMs = Math.max(state.deadlineMs, untilMs);
  const ack: ReceiveAction = { kind: 'send-ack', block: wireBlock(state.next - 1, state.rollover ?? 0) };
  return [ack, { kind: 'set-timer', atMs: state.deadlineMs }];
}

function takeRoom(state: ReceiveState, nowMs: number): ReceiveAction[] {
  state.full = false;
  if (!state.owed || state.phase !== 'data') return [];
  state.owed = false;
  // Time spent waiting for our own disk is not the client's silence.
  state.progressAtMs = nowMs;
  return acknowledge(state, nowMs);
}

function takeStored(state: ReceiveState, nowMs: number): ReceiveAction[] {
  if (state.phase !== 'storing') return [];
  const ack: ReceiveAction = { kind: 'send-ack', block: wireBlock(state.next - 1, state.rollover ?? 0) };
  const end: ReceiveAction = { kind: 'end', outcome: { kind: 'done' } };
  if (state.stopping) return [ack, end, ...close(state)];
  state.phase = 'dally';
  state.deadlineMs = nowMs + DALLY_MS;
  return [ack, end, { kind: 'set-timer', atMs: state.deadlineMs }];
}

function runOut(state: ReceiveState, nowMs: number): ReceiveAction[] {
  if (nowMs < state.deadlineMs || state.phase === 'storing') return [];
  if (state.phase === 'dally') return close(state);
  const patienceMs = state.answered ? state.parameters.giveUpMs : Math.min(OPENING_MS, state.parameters.giveUpMs);
  // While we cannot take more, silence is what we asked for.
  if (state.owed) state.progressAtMs = nowMs;
  if (nowMs - state.progressAtMs >= patienceMs) {
    return leave(state, { kind: 'silent', answered: state.answered });
  }
  state.backoffs++;
  if (state.phase === 'opening') return state.opened < MOST_OPENINGS ? open(state, nowMs) : [timer(state, nowMs)];
  return acknowledge(state, nowMs);
}

function timer(state: ReceiveState, nowMs: number): ReceiveAction {
  const { jitter, ceilingMs, giveUpMs, windowsize } = state.parameters;
  const floorMs = windowsize === 1 ? REPEAT_MS.lockStep : REPEAT_MS.window;
  const adaptiveMs = retransmissionMs(state.trip, state.backoffs, jitter, ceilingMs);
  const quickMs = Math.max(adaptiveMs, Math.min(ceilingMs, floorMs * 2 ** state.backoffs));
  const waitMs = state.phase === 'opening' || state.backoffs < MOST_QUICK ? quickMs : ceilingMs;
  const limitMs = state.progressAtMs + (state.answered ? giveUpMs : Math.min(OPENING_MS, giveUpMs));
  // Never later than the moment of giving up, never in the past.
  state.deadlineMs = Math.max(nowMs + 1, Math.min(nowMs + waitMs, limitMs));
  return { kind: 'set-timer', atMs: state.deadlineMs };
}

/**
 * Where a number on the wire stands. At the first roll-over nothing may be agreed: in lock-step the client then shows
 * whether its numbers go on with 0 or 1. In a window a 1 may also be the block behind a lost 0, so there it is 0, as every
 * client with windows does it.
 */
function placeOf(state: ReceiveState, wire: number): 'wanted' | 'ahead' | 'behind' | 'foreign' {
  const { windowsize } = state.parameters;
  const { next } = state;
  if (next === 0x10000 && state.rollover === undefined && windowsize === 1 && (wire === 0 || wire === 1))
    return 'wanted';
  const rollover = state.rollover ?? 0;
  const period = rollover === 0 ? 0x10000 : 0xffff;
  if (wire === 0 && (rollover === 1 || next < 0x10000 - windowsize)) return 'foreign';
  const distance = (((wire - wireBlock(next, rollover)) % period) + period) % period;
  if (distance === 0) return 'wanted';
  // The client's window ends no further ahead, and begins no further behind.
  if (distance < windowsize) return 'ahead';
  const back = period - distance;
  if (back > Math.min(windowsize, next - 1)) return 'foreign';
  // What is not acknowledged yet the client cannot have missed the ACK of: a copy made on the way.
  return next - back < state.acknowledged || state.phase === 'dally' ? 'behind' : 'foreign';
}

function takeSample(state: ReceiveState, nowMs: number): void {
  state.trip = addSample(state.trip, nowMs - state.sentAtMs);
}

/** The client is gone. What is complete is stored all the same. */
function leave(state: ReceiveState, outcome: ReceiveOutcome): ReceiveAction[] {
  if (state.phase === 'storing') return [];
  return state.phase === 'dally' ? close(state) : [{ kind: 'end', outcome }, ...close(state)];
}

function fail(state: ReceiveState, code: TftpErrorCode, text: string): ReceiveAction[] {
  if (state.phase === 'dally') return close(state);
  return [{ kind: 'send-error', code, text }, { kind: 'end', outcome: { kind: 'failed', text } }, ...close(state)];
}

function close(state: ReceiveState): ReceiveAction[] {
  state.phase = 'ended';
  return [{ kind: 'close' }];
}
