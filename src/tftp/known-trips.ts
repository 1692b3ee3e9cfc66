/** Round trips of clients that were here a moment ago: a boot is many transfers, and the next one need not begin to measure anew. */
import type { RoundTrip } from './round-trip.ts';

export interface KnownTrips {
  /** What the latest transfers of this client measured; undefined when that is long ago, or nothing. */
  recall(ip: string, nowMs: number): RoundTrip | undefined;
  /** Keeps what a transfer ended with. */
  learn(ip: string, trip: RoundTrip, nowMs: number): void;
}

interface Row {
  readonly trip: RoundTrip;
  readonly atMs: number;
}

/** From firmware to installer a machine is silent for a minute at most; what comes later may be another program, or another machine. */
const FRESH_MS = 120_000;
const MOST_CLIENTS = 4096;

export function createKnownTrips(): KnownTrips {
  /** The longest unused first. */
  const rows = new Map<string, Row>();
  return {
    recall(ip, nowMs) {
      const row = rows.get(ip);
      return row && nowMs - row.atMs < FRESH_MS ? row.trip : undefined;
    },
    learn(ip, trip, nowMs) {
      const { smoothedMs } = trip;
      if (smoothedMs === undefined) return;
      rows.delete(ip);
      // As uncertain as after one measurement (RFC 6298 §2.2): the next program on that machine may be slower.
      rows.set(ip, { trip: { ...trip, variationMs: Math.max(trip.variationMs, smoothedMs / 2) }, atMs: nowMs });
      const [oldest] = rows.keys();
      if (rows.size > MOST_CLIENTS && oldest !== undefined) rows.delete(oldest);
    },
  };
}
