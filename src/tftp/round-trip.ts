/** Round-trip time, smoothed, and the retransmission timeout made from it (RFC 6298 with TFTP's bounds). */

/** Milliseconds throughout. */
export interface RoundTrip {
  /** Undefined until the first sample. */
  readonly smoothedMs?: number;
  readonly variationMs: number;
  /** The shortest ever seen: nothing can be an answer to what was sent less than this ago. */
  readonly shortestMs: number;
}

export const NO_ROUND_TRIP: RoundTrip = { variationMs: 0, shortestMs: 0 };

const INITIAL_TIMEOUT_MS = 1000;
/** Clients say their ACK again after a second as a rule: what takes so long may be that, and tells nothing of the wire. */
const CLIENT_TIMER_MS = 900;
/** Below this a busy client, not a lost packet, is the usual reason for silence. */
const SHORTEST_TIMEOUT_MS = 20;
/** The same where a gap is suspected: a needless copy of a window costs less than the wait. */
const SHORTEST_RECOVERY_MS = 5;
/** A sample so many times shorter than the average starts it anew: that was of an ACK which had been lost and came again. */
const FAR_BELOW = 8;
/** A time within the average and its variation, or below this, is nothing unusual. */
const USUAL_MS = 1;
/**
 * After copies in vain up to a wait this long it is the client's turn: atftp ignores copies of what it has, and its timer of
 * 5 s, by which alone it says a lost ACK again, starts anew with each.
 */
const EAGER_MS = 1000;
const CLIENT_TURN_MS = 5500;
/** The first answer may be slow for other reasons than the wire (a file is made, flash is erased), and a second OACK ends atftp. */
const SHORTEST_OPENING_MS = 250;
/** Doublings after which the ceiling certainly rules. */
const MOST_BACKOFFS = 16;

/**
 * The ceiling for a client that named its own timeout. A little longer than that, since atftp ignores further copies of what
 * it has and its timer starts anew with each: sent just as often, they would keep it from ever repeating a lost ACK.
 */
export function ceilingFor(timeoutMs: number): number {
  return timeoutMs * 1.25;
}

/** Takes in one measurement; the caller leaves out what was sent twice (Karn). */
export function addSample(trip: RoundTrip, sampleMs: number): RoundTrip {
  const { smoothedMs, variationMs, shortestMs } = trip;
  if (smoothedMs === undefined || sampleMs * FAR_BELOW < smoothedMs) {
    return { smoothedMs: sampleMs, variationMs: sampleMs / 2, shortestMs: sampleMs };
  }
  return {
    smoothedMs: smoothedMs + (sampleMs - smoothedMs) / 8,
    variationMs: variationMs + (Math.abs(smoothedMs - sampleMs) - variationMs) / 4,
    shortestMs: Math.min(shortestMs, sampleMs),
  };
}

/** Whether a time from a packet to its answer can be believed. */
export function isSample(ms: number): boolean {
  return ms < CLIENT_TIMER_MS;
}

/** Whether an answer `ms` after the latest packet, be it to that or to a copy before, speaks for the average as it is. */
export function isUsual({ smoothedMs, variationMs }: RoundTrip, ms: number): boolean {
  return smoothedMs !== undefined && ms <= Math.max(USUAL_MS, smoothedMs + 4 * variationMs);
}

/**
 * The estimate after an ACK that may speak of the latest burst, `sinceMs` ago, or of one before it. When there was a whole
 * timeout without any in between, an answer at once is most likely to the latest.
 */
export function shorten(trip: RoundTrip, sinceMs: number, pausedMs: number): RoundTrip {
  const believedMs = trip.smoothedMs ?? INITIAL_TIMEOUT_MS;
  const enoughMs = trip.smoothedMs === undefined ? CLIENT_TIMER_MS : baseTimeoutMs(trip);
  if (sinceMs * FAR_BELOW >= believedMs || pausedMs < enoughMs) return trip;
  // A step at a time: too short an estimate does more harm than a long one.
  return addSample(NO_ROUND_TRIP, believedMs / FAR_BELOW);
}

/**
 * How long to wait before sending again.
 * @param backoffs how many times in a row the timer has run out
 * @param jitter 0–1, spreads clients that started together over a quarter more
 * @param ceilingMs upper bound; see `ceilingFor` for a client with a `timeout` of its own
 */
export function retransmissionMs(trip: RoundTrip, backoffs: number, jitter: number, ceilingMs: number): number {
  const base = baseTimeoutMs(trip);
  const waitMs = base * 2 ** Math.min(backoffs, MOST_BACKOFFS) * (1 + jitter / 4);
  const isLong = trip.smoothedMs !== undefined && backoffs > 0 && waitMs > EAGER_MS;
  return Math.min(ceilingMs, isLong ? Math.max(waitMs, CLIENT_TURN_MS) : waitMs);
}

/**
 * As `retransmissionMs`, of the first packet of a transfer, which measures nothing yet. A client that is known from earlier
 * transfers gets its first copy sooner, and the next ones as everybody.
 */
export function openingMs(trip: RoundTrip, backoffs: number, jitter: number, ceilingMs: number): number {
  if (trip.smoothedMs === undefined) return retransmissionMs(trip, backoffs, jitter, ceilingMs);
  if (backoffs > 0) return retransmissionMs(NO_ROUND_TRIP, backoffs - 1, jitter, ceilingMs);
  return Math.min(ceilingMs, Math.max(SHORTEST_OPENING_MS, baseTimeoutMs(trip)) * (1 + jitter / 4));
}

/** As `retransmissionMs`, when it is likely that something is missing and the client may have told so already. */
export function recoveryMs(trip: RoundTrip, backoffs: number, jitter: number, ceilingMs: number): number {
  const { smoothedMs, variationMs } = trip;
  if (smoothedMs === undefined || backoffs > 0) return retransmissionMs(trip, backoffs, jitter, ceilingMs);
  return Math.min(ceilingMs, Math.max(SHORTEST_RECOVERY_MS, smoothedMs + 4 * variationMs));
}

function baseTimeoutMs({ smoothedMs, variationMs }: RoundTrip): number {
  if (smoothedMs === undefined) return INITIAL_TIMEOUT_MS;
  return Math.max(SHORTEST_TIMEOUT_MS, smoothedMs + 4 * variationMs);
}
