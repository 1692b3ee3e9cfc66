/** What was learnt of boot firmware, on disk: one row a machine or kind of firmware. */
import type { Kysely } from 'kysely';
import type { LearntStrategy } from '../boot/learnt.ts';
import type { Tables } from './tables.ts';

export interface StrategyStore {
  load(): Promise<LearntStrategy[]>;
  save(learnt: readonly LearntStrategy[]): Promise<void>;
}

/** @param failed turns what the driver threw into what the caller gets */
export function createStrategyStore(db: Kysely<Tables>, failed: (error: unknown) => Error): StrategyStore {
  return {
    async load() {
      try {
        return await db.selectFrom('strategies').selectAll().orderBy('at').execute();
      } catch (error) {
        throw failed(error);
      }
    },
    async save(learnt) {
      if (learnt.length === 0) return;
      try {
        await db
          .insertInto('strategies')
          .values([...learnt])
          .onConflict((conflict) =>
            conflict.column('key').doUpdateSet((row) => ({
              strategy: row.ref('excluded.strategy'),
              at: row.ref('excluded.at'),
            })),
          )
          .execute();
      } catch (error) {
        throw failed(error);
      }
    },
  };
}
