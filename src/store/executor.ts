/** What is done with the SQLite file itself: open it, run one statement, write a batch. Blocks, so the appliance has it in a thread. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import type { LeaseColumns } from '../boot/packed-leases.ts';
import { AppError } from '../errors.ts';
import { readLeases } from './lease-columns.ts';

/** SQLite waits by blocking the thread, so only long enough for another process's short write (a token made by CLI). */
const BUSY_TIMEOUT_MS = 1000;

/** One statement and the rows it is run for. */
export interface BatchPart {
  readonly sql: string;
  readonly rows: readonly (readonly unknown[])[];
}

export type Request =
  | { readonly kind: 'statement'; readonly sql: string; readonly parameters: readonly unknown[] }
  /** One transaction: all of it, or nothing. */
  | { readonly kind: 'batch'; readonly parts: readonly BatchPart[] }
  /** Every lease, in columns. */
  | { readonly kind: 'leases' };

export interface Answer {
  readonly rows: readonly unknown[];
  /** Absent for a statement that returns rows. */
  readonly changes?: number;
  readonly lastId?: number | bigint;
  readonly leases?: readonly LeaseColumns[];
}

export interface Executor {
  /** @throws what the driver throws */
  execute(request: Request): Answer;
  close(): void;
}

/**
 * Opens or makes the database.
 * @param file a path, or `:memory:`
 * @throws AppError `store-failed` for a damaged file, else what the driver throws
 */
export function openExecutor(file: string): Executor {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true });
  const database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    // WAL survives `kill -9` at any point; FULL syncs the log at every commit, so an acknowledged lease outlives power loss.
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    const health = database.pragma('quick_check(1)', { simple: true });
    if (health !== 'ok') {
      throw new AppError(
        'store-failed',
        `The database ${file} is damaged: ${String(health)}. Move it away or restore a backup; without it, leases and events begin anew.`,
      );
    }
    return createExecutor(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

export function createExecutor(database: Database.Database): Executor {
  /** Statements of batches: few, and always the same. */
  const prepared = new Map<string, Database.Statement>();

  function statementOf(sql: string): Database.Statement {
    const known = prepared.get(sql);
    if (known) return known;
    const statement = database.prepare(sql);
    prepared.set(sql, statement);
    return statement;
  }

  const writeAll = database.transaction((parts: readonly BatchPart[]) => {
    for (const { sql, rows } of parts) {
      const statement = statementOf(sql);
      for (const row of rows) statement.run(...row);
    }
  });

  return {
    execute(request) {
      if (request.kind === 'batch') {
        // Immediate: a transaction that begins by reading fails at once when another process writes meanwhile.
        writeAll.immediate(request.parts);
        return { rows: [] };
      }
      if (request.kind === 'leases') return { rows: [], leases: readLeases(database) };
      const { sql, parameters } = request;
      // SQLite itself rolls back on a full disk and on disk errors. The ROLLBACK that Kysely then sends would fail, and its
      // error would hide the one that matters, so it is left out.
      if (sql === 'rollback' && !database.inTransaction) return { rows: [] };
      const statement = database.prepare(sql);
      if (statement.reader) return { rows: statement.all(...parameters) };
      const { changes, lastInsertRowid } = statement.run(...parameters);
      return { rows: [], changes, lastId: lastInsertRowid };
    },
    close: () => {
      database.close();
    },
  };
}
