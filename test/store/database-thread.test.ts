/** The database's thread dies, by itself and in the middle of work. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startDatabaseThread } from '../../src/store/database-thread.ts';
import { createStore } from '../../src/store/store.ts';
import { leaseAt } from '../contract/store-fixtures.ts';

let directory: string;
let count = 0;
let threads: Worker[];
const remember = (worker: Worker) => threads.push(worker);
const newFile = () => join(directory, `thread-${count++}.db`);
const newest = () => threads.at(-1) as Worker;
const openStore = (file: string) => createStore({ file, now: Date.now, log: { warn: () => {} }, thread: true });
/** A message the thread cannot read: it throws where nothing catches it. */
const breakThread = () => newest().postMessage(null);
const statement = (sql: string) => ({ kind: 'statement', sql, parameters: [] }) as const;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hobnail-thread-'));
});
afterAll(() => rm(directory, { recursive: true }));
beforeEach(() => {
  threads = [];
  process.on('worker', remember);
});
afterEach(() => {
  process.off('worker', remember);
});

describe('the database’s thread', () => {
  it('dies while leases are committed: those fail with the cause, none acknowledged is lost, the next is stored', async () => {
    const file = newFile();
    const store = await openStore(file);
    await store.leases.commit([leaseAt('10.77.0.5')]);
    breakThread();
    const failing = store.leases.commit([leaseAt('10.77.0.6')]);
    await expect(failing).rejects.toMatchObject({
      code: 'store-failed',
      message: expect.stringContaining(`The database ${file} failed: Cannot read properties of null`),
    });
    await store.leases.commit([leaseAt('10.77.0.7')]);
    expect([...(await store.leases.load())].map(({ address }) => address)).toEqual(['10.77.0.5', '10.77.0.7']);
    expect(threads).toHaveLength(2);
    await store.close();
  });

  it('dies while nobody asks anything: the next lease is stored by another one', async () => {
    const store = await openStore(newFile());
    await store.leases.commit([leaseAt('10.77.0.5')]);
    await newest().terminate();
    await store.leases.commit([leaseAt('10.77.0.6')]);
    expect([...(await store.leases.load())].map(({ address }) => address)).toEqual(['10.77.0.5', '10.77.0.6']);
    await store.close();
  });

  it('dies within a transaction: the next one does not carry out the other half alone', async () => {
    const database = await startDatabaseThread(newFile());
    await database.execute(statement('create table t (x)'));
    await database.execute(statement('begin'));
    await database.execute(statement('insert into t values (1)'));
    await newest().terminate();
    await expect(database.execute(statement('insert into t values (2)'))).rejects.toThrow('ended in a transaction');
    await expect(database.execute(statement('commit'))).rejects.toThrow('ended in a transaction');
    await database.execute(statement('rollback'));
    await database.execute(statement('insert into t values (3)'));
    expect((await database.execute(statement('select x from t'))).rows).toEqual([{ x: 3 }]);
    await database.close();
  });

  it('is asked something that cannot be sent: only that fails, and later answers go to whom they belong', async () => {
    const database = await startDatabaseThread(newFile());
    const unsendable = { kind: 'statement', sql: 'select ?', parameters: [() => {}] } as const;
    await expect(database.execute(unsendable)).rejects.toThrow('could not be cloned');
    expect((await database.execute(statement('select 7 as x'))).rows).toEqual([{ x: 7 }]);
    await database.close();
  });
});
