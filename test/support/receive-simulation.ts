/** A simulated wire between `receive.ts` and a client written from the RFCs: virtual time, loss, copies, reordering. */
import {
  createReceiveState,
  type ReceiveAction,
  type ReceiveOutcome,
  type ReceiveParameters,
  type ReceiveState,
  step,
} from '../../src/tftp/receive.ts';
import { wireBlock } from '../../src/tftp/send.ts';
import { randomOf, type Wire } from './send-simulation.ts';

export interface SimulatedUpload {
  readonly outcome: ReceiveOutcome;
  /** The blocks handed out to be stored, in that order. */
  readonly stored: readonly number[];
  /** Whether the client has seen the last ACK. */
  readonly confirmed: boolean;
  /** Whether the last ACK left before the file was in its place. */
  readonly promisedEarly: boolean;
  readonly acksSent: number;
  readonly dataSent: number;
  readonly endedAtMs: number;
  readonly state: ReceiveState;
}

export interface UploadCase {
  readonly windowsize: number;
  /** What was agreed, if anything was. */
  readonly rollover?: 0 | 1;
  /** How the client's numbers go on after 65535. */
  readonly clientRollover?: 0 | 1;
  /** Number of the final, short block. */
  readonly last: number;
  /** Answers a copy of an ACK with a copy of the block, as old clients do (the Sorcerer's Apprentice). */
  readonly apprentice?: boolean;
}

/** Long enough for any final clean-up. */
const CLIENT_GIVES_UP_MS = 60_000;
const CLIENT_TIMEOUT_MS = 1000;

/** Runs one upload to its end. `wire.diskMs` is how long the final storing takes. @throws Error for a storm or a hang */
export function simulateUpload(given: UploadCase, wire: Wire): SimulatedUpload {
  const { windowsize, last } = given;
  const rollover = given.clientRollover ?? given.rollover ?? 0;
  const random = randomOf(wire.seed);
  const parameters: ReceiveParameters = {
    blksize: 512,
    windowsize,
    rollover: given.rollover,
    ceilingMs: 5000,
    giveUpMs: 30_000,
    jitter: random(),
  };
  const state = createReceiveState(parameters);
  const due: { atMs: number; order: number; run: () => void }[] = [];
  const stored: number[] = [];
  let nowMs = 0;
  let order = 0;
  let timerAtMs = Number.POSITIVE_INFINITY;
  let clientAtMs = Number.POSITIVE_INFINITY;
  let outcome: ReceiveOutcome | undefined;
  let closed = false;
  let inPlace = false;
  let promisedEarly = false;
  let confirmed = false;
  let acksSent = 0;
  let dataSent = 0;
  let base = 1;
  let progressAtMs = 0;
  let current = 0;

  const at = (delayMs: number, run: () => void) => due.push({ atMs: nowMs + delayMs, order: order++, run });
  function carry(run: () => void): void {
    for (let copy = 0; copy < (random() < wire.copies ? 2 : 1); copy++) {
      if (random() >= wire.loss) at(wire.minMs + random() * (wire.maxMs - wire.minMs), run);
    }
  }

  function perform(actions: readonly ReceiveAction[]): void {
    for (const action of actions) {
      switch (action.kind) {
        case 'send-opening':
          carry(() => takeAck(0));
          break;
        case 'send-ack': {
          acksSent++;
          if (state.next > last && !inPlace) promisedEarly = true;
          const { block } = action;
          const upTo = state.next - 1;
          if (block !== wireBlock(upTo, rollover)) throw new Error(`ACK ${block} for block ${upTo}`);
          carry(() => takeAck(upTo));
          break;
        }
        case 'store':
          stored.push(current);
          break;
        case 'finish':
          at(wire.diskMs, () => {
            inPlace = true;
            perform(step(state, { kind: 'stored', nowMs }));
          });
          break;
        case 'set-timer':
          timerAtMs = action.atMs;
          break;
        case 'send-error':
          break;
        case 'end':
          outcome = action.outcome;
          break;
        case 'close':
          closed = true;
          timerAtMs = Number.POSITIVE_INFINITY;
          break;
        default:
          action satisfies never;
      }
    }
  }

  function takeAck(upTo: number): void {
    if (confirmed) return;
    if (upTo < base - 1) return;
    if (upTo === base - 1 && dataSent > 0) {
      if (windowsize > 1 || given.apprentice) sendWindow();
      return;
    }
    progressAtMs = nowMs;
    base = upTo + 1;
    confirmed = base > last;
    if (confirmed) clientAtMs = Number.POSITIVE_INFINITY;
    else sendWindow();
  }

  function sendWindow(): void {
    clientAtMs = nowMs + CLIENT_TIMEOUT_MS;
    for (let block = base; block < base + windowsize && block <= last; block++) {
      dataSent++;
      const size = block === last ? 17 : 512;
      carry(() => {
        current = block;
        perform(step(state, { kind: 'data', nowMs, block: wireBlock(block, rollover), size }));
      });
    }
  }

  perform(step(state, { kind: 'start', nowMs }));
  clientAtMs = CLIENT_TIMEOUT_MS;
  for (let count = 0; !closed; count++) {
    if (count > 1_000_000) throw new Error('a storm: it does not end');
    let index = 0;
    for (let i = 1; i < due.length; i++) {
      const a = due[i];
      const b = due[index];
      if (a && b && (a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order))) index = i;
    }
    const next = due[index];
    nowMs = Math.min(next?.atMs ?? Number.POSITIVE_INFINITY, timerAtMs, clientAtMs);
    if (nowMs === Number.POSITIVE_INFINITY) throw new Error('nothing is due and the upload has not ended: it hangs');
    if (next?.atMs === nowMs) {
      due.splice(index, 1);
      next.run();
    } else if (timerAtMs === nowMs) {
      timerAtMs = Number.POSITIVE_INFINITY;
      perform(step(state, { kind: 'timeout', nowMs }));
    } else if (nowMs - progressAtMs > CLIENT_GIVES_UP_MS) {
      clientAtMs = Number.POSITIVE_INFINITY;
    } else if (dataSent === 0) {
      clientAtMs = nowMs + CLIENT_TIMEOUT_MS;
      perform(step(state, { kind: 'repeat', nowMs }));
    } else sendWindow();
  }
  if (!outcome) throw new Error('closed without an outcome');
  return { outcome, stored, confirmed, promisedEarly, acksSent, dataSent, endedAtMs: nowMs, state };
}
