/** Who may start a transfer: caps on transfers at a time and on starts a second, so that nobody takes it all. */

export interface AdmissionLimits {
  readonly maxTransfers: number;
  /** Per source address; many clients may stand behind one. */
  readonly maxTransfersPerSource: number;
  /** Requests a second from one source address, absent files included. */
  readonly startsPerSecond: number;
}

export const DEFAULT_ADMISSION: AdmissionLimits = {
  maxTransfers: 2000,
  maxTransfersPerSource: 500,
  startsPerSecond: 1000,
};

/** `admitted`, or the limit that was reached. */
type AdmissionResult = 'admitted' | 'sources' | 'transfers' | 'transfers-of-source' | 'starts-of-source';

export interface Admission {
  /** Takes a place when `admitted`; give it back with `release`. `nowMs` is monotonic. */
  admit(source: string, nowMs: number): AdmissionResult;
  release(source: string): void;
}

/** Sources told apart within a second: a flood from forged addresses must not grow the table without end. */
const MAX_SOURCES = 20_000;

export function createAdmission(limits: AdmissionLimits): Admission {
  const running = new Map<string, number>();
  /** Starts in the current second; emptied with it, so it cannot grow for longer. */
  const starts = new Map<string, number>();
  let total = 0;
  let secondStartedMs = Number.NEGATIVE_INFINITY;

  return {
    admit(source, nowMs) {
      if (nowMs - secondStartedMs >= 1000) {
        starts.clear();
        secondStartedMs = nowMs;
      }
      if (starts.size >= MAX_SOURCES && !starts.has(source)) return 'sources';
      const started = (starts.get(source) ?? 0) + 1;
      starts.set(source, started);
      const ofSource = running.get(source) ?? 0;
      if (started > limits.startsPerSecond) return 'starts-of-source';
      if (total >= limits.maxTransfers) return 'transfers';
      if (ofSource >= limits.maxTransfersPerSource) return 'transfers-of-source';
      total++;
      running.set(source, ofSource + 1);
      return 'admitted';
    },
    release(source) {
      total--;
      const left = (running.get(source) ?? 1) - 1;
      if (left > 0) running.set(source, left);
      else running.delete(source);
    },
  };
}
