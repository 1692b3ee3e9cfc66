/**
 * Who is heard when too much is asked (floods): a bucket of requests for each machine, and a turn's worth of DISCOVERs for
 * all. Renewals and requests for an address are heard before anybody who only looks for one. No clock: calls are told `now`.
 */

/** A machine may ask this often at once, and so often a second after that. ROM, loader and system together need a dozen. */
export const BURST = 50;
export const PER_SECOND = 10;
/** A machine that is not heard is told of once in so long. */
const TELL_AGAIN_MS = 60_000;
/** Machines remembered; whoever draws new addresses makes us forget the oldest, and gains nothing by it. */
const MOST_MACHINES = 16_384;
/** Forgotten at once: the front of a map is slow to find once much was deleted there. */
const FORGOTTEN_AT_ONCE = 512;

/** `refused-news`: refused, and operators were not told lately. */
export type Verdict = 'heard' | 'refused' | 'refused-news';

export interface RateLimit<Who> {
  /** Whether somebody may be heard; counts it when he may. */
  admit(who: Who, now: number): Verdict;
}

export function createRateLimit<Who>(): RateLimit<Who> {
  const buckets = new Map<Who, { tokens: number; at: number; toldAt: number }>();
  return {
    admit(who, now) {
      const before = buckets.get(who);
      const tokens = before ? Math.min(BURST, before.tokens + ((now - before.at) * PER_SECOND) / 1000) : BURST;
      if (before && tokens < 1) {
        if (now - before.toldAt < TELL_AGAIN_MS) return 'refused';
        before.toldAt = now;
        return 'refused-news';
      }
      // Set anew, so that the first of the map is the one not heard for longest.
      buckets.delete(who);
      buckets.set(who, { tokens: tokens - 1, at: now, toldAt: before?.toldAt ?? Number.NEGATIVE_INFINITY });
      if (buckets.size > MOST_MACHINES) {
        let left = FORGOTTEN_AT_ONCE;
        for (const oldest of buckets.keys()) {
          if (left-- === 0) break;
          buckets.delete(oldest);
        }
      }
      return 'heard';
    },
  };
}

/** DISCOVERs answered in one turn of the loop; the next wait, and behind so many the oldest is dropped. */
export const DISCOVERS_A_TURN = 64;
export const MOST_WAITING = 512;

/** `now`: answer it. `waits`: answered by `next` in a later turn. `dropped` is the oldest that waited, when there were too many. */
export interface Turnstile<T> {
  take(item: T): { readonly kind: 'now' } | { readonly kind: 'waits'; readonly dropped?: T };
  /** Begins a turn: those to be answered now, in the order they came. */
  turn(): readonly T[];
  isWaiting(): boolean;
}

export function createTurnstile<T>(): Turnstile<T> {
  let waiting: T[] = [];
  let taken = 0;
  return {
    take(item) {
      if (taken < DISCOVERS_A_TURN && waiting.length === 0) {
        taken++;
        return { kind: 'now' };
      }
      waiting.push(item);
      // Its sender has asked again or given up by now.
      const dropped = waiting.length > MOST_WAITING ? waiting.shift() : undefined;
      return { kind: 'waits', ...(dropped !== undefined && { dropped }) };
    },
    turn() {
      const now = waiting.slice(0, DISCOVERS_A_TURN);
      waiting = waiting.slice(DISCOVERS_A_TURN);
      taken = now.length;
      return now;
    },
    isWaiting: () => waiting.length > 0,
  };
}
