/** Machines that were seen, on disk: what the inbox shows and what groups select by. */
import type { Kysely } from 'kysely';
import type { Machine } from '../boot/facts.ts';
import type { Mac } from '../net/mac.ts';
import type { Sqlite } from './sqlite.ts';
import type { Tables } from './tables.ts';

const ROWS_A_STATEMENT = 500;
/** Few: leases wait while they are written. */
const ROWS_A_COMMIT = 200;

export interface MachineStore {
  /** Every machine, in no order. */
  load(): Promise<Machine[]>;
  /** Resolves when all are written; what fails may have written some. */
  save(machines: readonly Machine[]): Promise<void>;
  remove(macs: readonly Mac[]): Promise<void>;
}

/** @param failed turns what the driver threw into what the caller gets */
export function createMachineStore({ db, commit }: Sqlite, failed: (error: unknown) => Error): MachineStore {
  const upsert = compileUpsert(db);
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
      try {
        for (let start = 0; start < newest.length; start += ROWS_A_COMMIT) {
          const rows = newest.slice(start, start + ROWS_A_COMMIT).map((machine) => Object.values(toRow(machine)));
          await commit([{ sql: upsert, rows }]);
        }
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

/** The statement for one row; its parameters are the row's values in their order. */
function compileUpsert(db: Kysely<Tables>): string {
  return db
    .insertInto('machines')
    .values({ mac: '', standing: 'new', last_seen_at: 0, body: '' })
    .onConflict((conflict) =>
      conflict.column('mac').doUpdateSet((row) => ({
        standing: row.ref('excluded.standing'),
        last_seen_at: row.ref('excluded.last_seen_at'),
        body: row.ref('excluded.body'),
      })),
    )
    .compile().sql;
}

function toRow(machine: Machine) {
  const { mac, standing, lastSeenAt } = machine;
  return { mac, standing, last_seen_at: lastSeenAt, body: JSON.stringify(machine) };
}
