/** Runs long work beside everything else: it hands the thread back whenever its share of a turn is used. */
import { setImmediate } from 'node:timers/promises';
import type { Sliced } from '../boot/sliced.ts';

export interface TurnsDeps {
  /** Milliseconds, from any start. */
  readonly clock: () => number;
  /** Resolves when all that waits had its turn. */
  readonly giveTurn: () => Promise<unknown>;
}

/** Short beside the patience of any client, long beside the cost of a turn. */
const SHARE_MS = 4;

const REAL: TurnsDeps = { clock: () => performance.now(), giveTurn: () => setImmediate() };

export async function runInTurns<T>(work: Sliced<T>, { clock, giveTurn }: TurnsDeps = REAL): Promise<T> {
  let startedAt = clock();
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (clock() - startedAt < SHARE_MS) continue;
    await giveTurn();
    startedAt = clock();
  }
}
