/** The audit log: who changed what. Written before the answer leaves; pruned by number, oldest first. */
import type { Kysely } from 'kysely';
import type { AuditEntry, StoredAuditEntry } from '../boot/audit.ts';
import type { AuditRow, Tables } from './tables.ts';

export interface AuditQuery {
  readonly target?: string | undefined;
  readonly who?: string | undefined;
  /** Only entries before this id. */
  readonly before?: number | undefined;
  readonly limit: number;
}

export interface AuditStore {
  append(entry: AuditEntry): Promise<void>;
  /** Newest first. */
  list(query: AuditQuery): Promise<StoredAuditEntry[]>;
}

/** Years of edits by hand, some weeks of a script that writes every minute. */
const KEEP = 100_000;
const PRUNE_EVERY = 1000;

/** @param failed turns what the driver threw into what the caller gets */
export function createAuditStore(db: Kysely<Tables>, failed: (error: unknown) => Error): AuditStore {
  return {
    async append({ before, after, ip, request, ...entry }) {
      const row = { ...entry, before: before ?? null, after: after ?? null, ip: ip ?? null, request: request ?? null };
      try {
        const { insertId } = await db.insertInto('audit').values(row).executeTakeFirstOrThrow();
        const id = Number(insertId ?? 0);
        if (id % PRUNE_EVERY === 0)
          await db
            .deleteFrom('audit')
            .where('id', '<=', id - KEEP)
            .execute();
      } catch (error) {
        throw failed(error);
      }
    },

    async list({ target, who, before, limit }) {
      let query = db.selectFrom('audit').selectAll().orderBy('id', 'desc').limit(limit);
      if (target !== undefined) query = query.where('target', '=', target);
      if (who !== undefined) query = query.where('who', '=', who);
      if (before !== undefined) query = query.where('id', '<', before);
      try {
        return (await query.execute()).map(toEntry);
      } catch (error) {
        throw failed(error);
      }
    },
  };
}

function toEntry({ before, after, ip, request, ...row }: AuditRow): StoredAuditEntry {
  return {
    ...row,
    ...(before !== null && { before }),
    ...(after !== null && { after }),
    ...(ip !== null && { ip }),
    ...(request !== null && { request }),
  };
}
