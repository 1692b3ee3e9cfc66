/** Measuring: CPU time of a process from the kernel's account, medians, and rounds that end in time. */
import { readFile } from 'node:fs/promises';

/** Ticks of /proc a second: USER_HZ, 100 on every architecture Node runs on. */
const TICKS_A_SECOND = 100;

/** CPU seconds a process has used so far, with those of its children that have ended (servers which fork). */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field may hold blanks and brackets, so count from the last one: proc(5) fields 14 to 17.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).map(Number);
  return ticks.reduce((sum, value) => sum + value, 0) / TICKS_A_SECOND;
}

/** Resident memory in bytes, at its highest. */
export async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export interface Rounds {
  readonly rounds: number;
  /** `performance.now()` after which no new round begins. */
  readonly deadline: number;
}

/** What a bench is given: when to stop, and an empty directory of its own. */
export interface BenchOptions extends Rounds {
  readonly directory: string;
  /** Cases and servers to be taken, where the bench has such; empty: all. */
  readonly only: readonly string[];
  readonly peers: readonly string[];
}

/**
 * Runs every contender once a round, in turn and each second round backwards, so that whatever else the machine does meets
 * all of them. What is compared later are runs of one round.
 * @returns one list a contender, as long as the rounds that were completed (at least one)
 */
export async function inTurn<C, R>(
  contenders: readonly C[],
  { rounds, deadline }: Rounds,
  runOne: (contender: C) => Promise<R>,
): Promise<Map<C, R[]>> {
  const results = new Map<C, R[]>(contenders.map((contender) => [contender, []]));
  for (let round = 0; round < rounds; round++) {
    if (round > 0 && performance.now() > deadline) break;
    const order = round % 2 === 0 ? contenders : [...contenders].reverse();
    for (const contender of order) results.get(contender)?.push(await runOne(contender));
  }
  return results;
}

/** Median of the ratios of each round: above 1, the first is the larger. */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}
