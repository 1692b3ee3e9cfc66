/** Time of day that nobody can set: what is measured by it neither ends early nor lasts longer. */
import { performance } from 'node:perf_hooks';

/** Milliseconds since 1970 as the wall clock has them now, from then on counted by the steady clock; never goes back. */
export function createSteadyClock(): () => number {
  const offset = Date.now() - performance.now();
  return () => Math.round(offset + performance.now());
}
