/** One deadline of a transfer, on a timer that is seldom set anew. */
import type { TransferClock } from './transfer.ts';

export interface Deadline {
  /** Monotonic milliseconds; replaces the one before. */
  set(atMs: number): void;
  clear(): void;
}

/**
 * Deadlines mostly move later, at every block or ACK: a running timer is left alone and looks again when it fires.
 * @param onPassed called once a deadline, with the monotonic time it was seen to be over
 */
export function createDeadline(clock: TransferClock, onPassed: (nowMs: number) => void): Deadline {
  let timer: { readonly atMs: number; cancel(): void } | undefined;
  let deadlineMs = 0;

  function set(atMs: number): void {
    deadlineMs = atMs;
    if (timer && timer.atMs <= atMs) return;
    timer?.cancel();
    timer = { atMs, cancel: clock.after(Math.max(0, atMs - clock.nowMs()), fire) };
  }

  function fire(): void {
    timer = undefined;
    const nowMs = clock.nowMs();
    if (nowMs < deadlineMs) set(deadlineMs);
    else onPassed(nowMs);
  }

  return {
    set,
    clear() {
      timer?.cancel();
      timer = undefined;
    },
  };
}
