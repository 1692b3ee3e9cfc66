/** A simulated wire between `send.ts` and a client written from the RFCs: virtual time, loss, copies, reordering. */
import {
  createSendState,
  type SendAction,
  type SendOutcome,
  type SendParameters,
  step,
  wireBlock,
} from '../../src/tftp/send.ts';

export interface Wire {
  readonly seed: number;
  /** Probabilities, for each direction. */
  readonly loss: number;
  readonly copies: number;
  /** Every packet takes between these many milliseconds. */
  readonly minMs: number;
  readonly maxMs: number;
  /** Milliseconds between two blocks coming from the disk; 0: all are there at the start. */
  readonly diskMs: number;
}

export interface Simulated {
  readonly outcome: SendOutcome;
  /** Blocks the client has stored, in order; `complete` when the last is among them. */
  readonly stored: readonly number[];
  readonly complete: boolean;
  readonly dataSent: number;
  readonly retransmits: number;
  readonly endedAtMs: number;
}

type Client = 'plain' | 'rfc7440' | 'edk2' | 'atftp';

/** mulberry32: the same seed gives the same schedule. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Runs one transfer of `last` blocks to its end.
 * @param client `rfc7440` reports a gap once, copies included, `plain` once a burst, as most do; `edk2` answers every block it
 *   did not expect. All repeat their last ACK after a second of silence and leave with the last block.
 * @throws Error when it has not ended after a million events: a storm
 */
export function simulate(
  parameters: Omit<SendParameters, 'ceilingMs' | 'giveUpMs' | 'jitter'> & { readonly ceilingMs?: number },
  last: number,
  wire: Wire,
  client: Client,
): Simulated {
  const random = randomOf(wire.seed);
  const state = createSendState({ ceilingMs: 5000, ...parameters, giveUpMs: 30_000, jitter: random() });
  const due: { atMs: number; order: number; run: () => void }[] = [];
  let nowMs = 0;
  let order = 0;
  let timerAtMs = Number.POSITIVE_INFINITY;
  let patienceAtMs = Number.POSITIVE_INFINITY;
  let outcome: SendOutcome | undefined;
  let dataSent = 0;
  const stored: number[] = [];
  let sinceAck = 0;
  let gapReported = false;
  /** The last number out of order: a lower one begins another burst. */
  let gapAt = 0;

  function at(delayMs: number, run: () => void): void {
    due.push({ atMs: nowMs + delayMs, order: order++, run });
  }

  function carry(run: () => void): void {
    for (let copy = 0; copy < (random() < wire.copies ? 2 : 1); copy++) {
      if (random() < wire.loss) continue;
      at(wire.minMs + random() * (wire.maxMs - wire.minMs), run);
    }
  }

  function perform(actions: readonly SendAction[]): void {
    for (const action of actions) {
      switch (action.kind) {
        case 'send-oack':
          carry(() => acknowledge());
          break;
        case 'send-blocks':
          for (let block = action.first; block < action.first + action.count; block++) {
            if (block > state.available) throw new Error(`block ${block} was sent before it was there`);
            dataSent++;
            const number = wireBlock(block, parameters.rollover);
            carry(() => receive(number, block));
          }
          break;
        case 'set-timer':
          timerAtMs = action.atMs;
          break;
        case 'send-error':
          break;
        case 'end':
          outcome = action.outcome;
          break;
        default:
          action satisfies never;
      }
    }
  }

  function receive(number: number, block: number): void {
    if (stored.length === last) {
      // Dallying (RFC 1350 §6).
      acknowledge();
      return;
    }
    const wanted = stored.length + 1;
    if (number === wireBlock(wanted, parameters.rollover)) {
      stored.push(block);
      gapReported = false;
      sinceAck++;
      if (sinceAck === parameters.windowsize || wanted === last) acknowledge();
      else rest();
      return;
    }
    const isNews = client === 'plain' && number <= gapAt;
    gapAt = number;
    if (client === 'edk2' || isNews || !gapReported) acknowledge();
    // Its timer starts anew with whatever comes.
    else if (client === 'atftp') rest();
    gapReported = true;
  }

  function acknowledge(): void {
    sinceAck = 0;
    const number = wireBlock(stored.length, parameters.rollover);
    carry(() => perform(step(state, { kind: 'ack', nowMs, block: number })));
    rest();
  }

  function rest(): void {
    patienceAtMs = nowMs + 1000;
  }

  function provide(upTo: number): void {
    perform(step(state, { kind: 'available', nowMs, upTo, last }));
    if (upTo < last) at(wire.diskMs, () => provide(upTo + 1));
  }

  if (wire.diskMs === 0) provide(last);
  perform(step(state, { kind: 'start', nowMs }));
  if (wire.diskMs > 0) at(wire.diskMs, () => provide(1));
  for (let count = 0; outcome === undefined; count++) {
    if (count > 1_000_000) throw new Error('a storm: it does not end');
    const next = earliest(due);
    nowMs = Math.min(next?.atMs ?? Number.POSITIVE_INFINITY, timerAtMs, patienceAtMs);
    if (nowMs === Number.POSITIVE_INFINITY) throw new Error('nothing is due and the transfer has not ended: it hangs');
    if (next?.atMs === nowMs) {
      due.splice(due.indexOf(next), 1);
      next.run();
    } else if (timerAtMs === nowMs) {
      timerAtMs = Number.POSITIVE_INFINITY;
      perform(step(state, { kind: 'timeout', nowMs }));
    } else {
      patienceAtMs = Number.POSITIVE_INFINITY;
      if (stored.length < last) acknowledge();
    }
  }
  return {
    outcome,
    stored,
    complete: stored.length === last,
    dataSent,
    retransmits: state.retransmits,
    endedAtMs: nowMs,
  };
}

function earliest<T extends { readonly atMs: number; readonly order: number }>(due: readonly T[]): T | undefined {
  let best = due[0];
  for (const one of due) {
    if (best && (one.atMs < best.atMs || (one.atMs === best.atMs && one.order < best.order))) best = one;
  }
  return best;
}
