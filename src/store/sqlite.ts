/** The embedded database: one SQLite file in WAL mode, every commit on the disk before it is acknowledged. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { Kysely, SqliteDialect, type SqliteStatement } from 'kysely';
import { AppError } from '../errors.ts';
import { storeError } from './failure.ts';
import type { Tables } from './tables.ts';

/** SQLite waits by blocking the whole process, so only long enough for another process's short write (a token made by CLI). */
const BUSY_TIMEOUT_MS = 1000;

/**
 * Opens or makes the database.
 * @param file a path, or `:memory:`
 * @throws AppError `store-failed` or `disk-full` with what to change
 */
export function openSqlite(file: string): Kysely<Tables> {
  try {
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
    } catch (error) {
      database.close();
      throw error;
    }
    return new Kysely<Tables>({ dialect: sqliteDialect(database) });
  } catch (error) {
    throw storeError(error, file);
  }
}

/**
 * SQLite itself rolls back on a full disk and on disk errors. The ROLLBACK that Kysely then sends would fail, and its
 * error would hide the one that matters, so it is left out.
 */
export function sqliteDialect(database: Database.Database): SqliteDialect {
  return new SqliteDialect({
    database: {
      prepare: (sql) => (sql === 'rollback' && !database.inTransaction ? NOTHING : database.prepare(sql)),
      close: () => database.close(),
    },
  });
}

const NOTHING: SqliteStatement = {
  reader: false,
  all: () => [],
  run: () => ({ changes: 0, lastInsertRowid: 0 }),
  iterate: () => [].values(),
};
