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
/** Below this a busy client, not a lost packet, is the usual reason for silence. */
const SHORTEST_TIMEOUT_MS = 20;
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
  if (trip.smoothedMs === undefined) {
    return { smoothedMs: sampleMs, variationMs: sampleMs / 2, shortestMs: sampleMs };
  }
  return {
    smoothedMs: trip.smoothedMs + (sampleMs - trip.smoothedMs) / 8,
    variationMs: trip.variationMs + (Math.abs(trip.smoothedMs - sampleMs) - trip.variationMs) / 4,
    shortestMs: Math.min(trip.shortestMs, sampleMs),
  };
}

/**
 * How long to wait before sending again.
 * @param backoffs how many times in a row the timer has run out
 * @param jitter 0–1, spreads clients that started together over a quarter more
 * @param ceilingMs upper bound; see `ceilingFor` for a client with a `timeout` of its own
 */
export function retransmissionMs(trip: RoundTrip, backoffs: number, jitter: number, ceilingMs: number): number {
  const { smoothedMs, variationMs } = trip;
  const base =
    smoothedMs === undefined ? INITIAL_TIMEOUT_MS : Math.max(SHORTEST_TIMEOUT_MS, smoothedMs + 4 * variationMs);
  return Math.min(ceilingMs, base * 2 ** Math.min(backoffs, MOST_BACKOFFS) * (1 + jitter / 4));
}
