import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { isUniqueViolation, storeError } from '../../src/store/failure.ts';

const thrown = (code: string) => Object.assign(new Error('the driver said so'), { code });

describe('storeError', () => {
  it.each([
    ['SQLITE_FULL', 'disk-full', /Free some space/],
    ['ENOSPC', 'disk-full', /Free some space/],
    ['SQLITE_IOERR_SHMSIZE', 'disk-full', /Free some space/],
    ['SQLITE_BUSY_SNAPSHOT', 'store-failed', /holds it/],
    ['SQLITE_CORRUPT', 'store-failed', /damaged/],
    ['SQLITE_READONLY_DIRECTORY', 'store-failed', /right to write/],
    ['SQLITE_CANTOPEN', 'store-failed', /right to write/],
    ['EROFS', 'store-failed', /right to write/],
    ['SQLITE_IOERR_FSYNC', 'store-failed', /kernel log/],
    ['ECONNREFUSED', 'store-failed', /The log has the cause/],
  ])('turns %s into %s with advice', (code, expected, advice) => {
    const cause = thrown(code);
    const error = storeError(cause, 'data/hobnail.db');
    expect(error).toMatchObject({ code: expected, cause, message: expect.stringMatching(advice) });
    expect(error.message).toContain('data/hobnail.db');
  });

  it('knows a full database by what the driver really throws', () => {
    const database = new Database(':memory:');
    database.pragma('max_page_count = 2');
    database.exec('create table t (x)');
    let error: unknown;
    try {
      database.prepare('insert into t values (zeroblob(100000))').run();
    } catch (caught) {
      error = caught;
    }
    database.close();
    expect(storeError(error, 'x.db').code).toBe('disk-full');
  });

  it('passes an AppError unchanged', () => {
    const error = new AppError('busy', 'Later.');
    expect(storeError(error, 'x.db')).toBe(error);
  });
});

describe('isUniqueViolation', () => {
  it.each([
    ['SQLITE_CONSTRAINT_UNIQUE', true],
    ['23505', true],
    ['SQLITE_CONSTRAINT_NOTNULL', false],
  ])('%s: %s', (code, expected) => {
    expect(isUniqueViolation(thrown(code))).toBe(expected);
  });
});
