/** Timers for a thread that waits in the kernel and not in Node's event loop. */

export interface Timers {
  /** Calls back once, not before `atMs`; the result cancels it. */
  set(atMs: number, callback: () => void): () => void;
  /** The earliest deadline; undefined when nothing waits. */
  next(): number | undefined;
  /** Calls back everything due at `nowMs`, in order of deadlines; what those set anew waits for the next call. */
  fire(nowMs: number): void;
}

interface Timer {
  readonly atMs: number;
  /** Undefined once cancelled: what it held on to is free at once, the row goes when its time comes. */
  callback: (() => void) | undefined;
}

/** A binary heap: most timers are cancelled or set anew long before their time, few ever fire. */
export function createTimers(): Timers {
  const heap: Timer[] = [];

  function push(timer: Timer): void {
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (!parent || parent.atMs <= timer.atMs) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = timer;
  }

  function pop(): void {
    const moved = heap.pop();
    if (!moved || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      const isRight = left && right ? right.atMs < left.atMs : false;
      const child = isRight ? right : left;
      if (!child || child.atMs >= moved.atMs) break;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = moved;
  }

  function dropCancelled(): void {
    while (heap[0] && !heap[0].callback) pop();
  }

  return {
    set(atMs, callback) {
      const timer: Timer = { atMs, callback };
      push(timer);
      return () => {
        timer.callback = undefined;
      };
    },
    next() {
      dropCancelled();
      return heap[0]?.atMs;
    },
    fire(nowMs) {
      const due: Timer[] = [];
      for (let first = heap[0]; first && first.atMs <= nowMs; first = heap[0]) {
        due.push(first);
        pop();
      }
      for (const timer of due) {
        const { callback } = timer;
        timer.callback = undefined;
        callback?.();
      }
    },
  };
}
