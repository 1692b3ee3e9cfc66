/** What a database driver threw, as an error that tells the operator what to change. */
import { AppError, messageOf } from '../errors.ts';

/** What a full disk looks like. SQLITE_IOERR_SHMSIZE: the WAL's index, made when the database is opened, does not fit. */
const FULL: ReadonlySet<string> = new Set(['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'EDQUOT']);

/**
 * Maps SQLite result codes (`SQLITE_FULL`, `SQLITE_IOERR_WRITE` …) and Node's file errors on the way to the file.
 * An `AppError` passes unchanged.
 */
export function storeError(cause: unknown, file: string): AppError {
  if (cause instanceof AppError) return cause;
  const code = codeOf(cause);
  if (FULL.has(code)) {
    return new AppError(
      'disk-full',
      `The disk of the database ${file} is full. Free some space; nothing needs a restart.`,
      {
        cause,
      },
    );
  }
  return new AppError('store-failed', `The database ${file} failed: ${messageOf(cause)}. ${adviceFor(code)}`, {
    cause,
  });
}

/** True when a row with that unique value is there already (SQLite, PostgreSQL). */
export function isUniqueViolation(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY' || code === '23505';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function adviceFor(code: string): string {
  if (/^SQLITE_(?:BUSY|LOCKED|PROTOCOL)/.test(code)) {
    return 'Another program holds it: stop the second Hobnail or the database tool that has it open.';
  }
  if (/^SQLITE_(?:CORRUPT|NOTADB)/.test(code)) {
    return 'It is damaged or no database: move it away or restore a backup; without it, leases and events begin anew.';
  }
  if (/^SQLITE_(?:READONLY|CANTOPEN|PERM|AUTH)/.test(code) || /^E(?:ACCES|PERM|ROFS)$/.test(code)) {
    return 'Give the user Hobnail runs as the right to write to the file and its directory, on a file system that is not read-only.';
  }
  if (/^E(?:NOTDIR|EXIST|ISDIR)$/.test(code)) return 'Its directory cannot be made: something else has that name.';
  if (code.startsWith('SQLITE_IOERR')) return 'The disk reports errors: look at the kernel log.';
  return 'The log has the cause.';
}
