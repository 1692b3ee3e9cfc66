/** Many leases, one transaction: what arrives together, and what arrives while a commit is under way, is committed together. */
import type { CommitLeases, Lease } from '../boot/lease.ts';

/**
 * @param schedule calls back when the requests that came together have been read (`setImmediate`)
 * @returns resolves when the leases are durable; rejects with the store's error, for every request of the batch. Commits
 * never overlap, so of two leases of one address the newer is written last.
 */
export function createGroupCommit(
  commit: CommitLeases,
  schedule: (run: () => void) => void,
): (leases: readonly Lease[]) => Promise<void> {
  let waiting: { leases: readonly Lease[]; settle: PromiseWithResolvers<void> }[] = [];
  let busy = false;

  const flush = async () => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await commit(newestOfEach(batch.flatMap(({ leases }) => leases)));
        for (const { settle } of batch) settle.resolve();
      } catch (error) {
        for (const { settle } of batch) settle.reject(error);
      }
    }
    busy = false;
  };

  return (leases) => {
    const settle = Promise.withResolvers<void>();
    waiting.push({ leases, settle });
    if (!busy) {
      busy = true;
      schedule(() => void flush());
    }
    return settle.promise;
  };
}

function newestOfEach(leases: readonly Lease[]): readonly Lease[] {
  const newest = new Map<string, Lease>();
  for (const lease of leases) newest.set(`${lease.network} ${lease.address}`, lease);
  return [...newest.values()];
}
