/** Machines that were seen, on disk: what the inbox shows and what groups select by. */
import type { Kysely } from 'kysely';
import type { Machine } from '../boot/facts.ts';
import type { Mac } from '../net/mac.ts';
import type { Tables } from './tables.ts';

const ROWS_A_STATEMENT = 500;

export interface MachineStore {
  /** Every machine, in no order. */
  load(): Promise<Machine[]>;
  /** One transaction for the whole batch. */
  save(machines: readonly Machine[]): Promise<void>;
  remove(macs: readonly Mac[]): Promise<void>;
}

/** @param failed turns what the driver threw into what the caller gets */
export function createMachineStore(db: Kysely<Tables>, failed: (error: unknown) => Error): MachineStore {
  return {
    async load() {
      try {
        const rows = await db.selectFrom('machines').select('body').execute();
        return rows.map(({ body }) => JSON.parse(body) as Machine);
      } catch (error) {
        throw failed(error);
      }
    },
    async save(machines) {
      const newest = [...new Map(machines.map((machine) => [machine.mac, machine])).values()];
      const rows = newest.map((machine) => ({
        mac: machine.mac,
        standing: machine.standing,
        last_seen_at: machine.lastSeenAt,
        body: JSON.stringify(machine),
      }));
      try {
        await db.transaction().execute(async (transaction) => {
          for (let start = 0; start < rows.length; start += ROWS_A_STATEMENT) {
            await transaction
              .insertInto('machines')
              .values(rows.slice(start, start + ROWS_A_STATEMENT))
              .onConflict((conflict) =>
                conflict.column('mac').doUpdateSet((row) => ({
                  standing: row.ref('excluded.standing'),
                  last_seen_at: row.ref('excluded.last_seen_at'),
                  body: row.ref('excluded.body'),
                })),
              )
              .execute();
          }
        });
      } catch (error) {
        throw failed(error);
      }
    },
    async remove(macs) {
      try {
        for (let start = 0; start < macs.length; start += ROWS_A_STATEMENT) {
          await db
            .deleteFrom('machines')
            .where('mac', 'in', macs.slice(start, start + ROWS_A_STATEMENT))
            .execute();
        }
      } catch (error) {
        throw failed(error);
      }
    },
  };
}
