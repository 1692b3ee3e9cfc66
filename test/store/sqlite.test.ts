import { spawn } from 'node:child_process';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEventStore } from '../../src/store/events.ts';
import { createExecutor } from '../../src/store/executor.ts';
import { migrate } from '../../src/store/migrations.ts';
import { connect, ownConnection } from '../../src/store/sqlite.ts';
import { createStore } from '../../src/store/store.ts';
import type { Tables } from '../../src/store/tables.ts';
import { describeStore } from '../contract/store.ts';
import { leaseAt } from '../contract/store-fixtures.ts';

const silent = { warn: () => {} };
let directory: string;
let count = 0;
const newFile = () => join(directory, `store-${count++}.db`);
const openStore = (file: string) => createStore({ file, now: Date.now, log: silent });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hobnail-store-'));
});
afterAll(() => rm(directory, { recursive: true }));

describeStore('SQLite in memory', (now) => createStore({ file: ':memory:', now, log: silent }));
describeStore('SQLite in a file', (now) => createStore({ file: newFile(), now, log: silent }));
describeStore('SQLite in a thread', (now) => createStore({ file: newFile(), now, log: silent, thread: true }));

describe('a database file', () => {
  it('is made with its directory and read again after a restart', async () => {
    const file = join(directory, 'deep', 'er', 'hobnail.db');
    const before = await openStore(file);
    const secret = await before.tokens.create('ci', 'viewer');
    await before.leases.commit([leaseAt('10.77.0.5')]);
    before.events.append({ at: 1, kind: 'server.started', summary: 'started' });
    await before.close();

    const after = await openStore(file);
    expect([...(await after.leases.load())]).toEqual([leaseAt('10.77.0.5')]);
    expect(await after.tokens.verify(secret)).toBeDefined();
    expect(await after.events.list({ limit: 10 })).toMatchObject([{ summary: 'started' }]);
    await after.close();
  });

  it('goes on counting events above those of before, even when the clock was set back', async () => {
    const file = newFile();
    const first = await createStore({ file, now: () => 5_000_000, log: silent });
    first.events.append({ at: 1, kind: 'server.started', summary: 'first' });
    await first.close();
    const second = await createStore({ file, now: () => 1000, log: silent });
    second.events.append({ at: 2, kind: 'server.started', summary: 'second' });
    const [a, b] = await second.events.list({ limit: 2 });
    expect(b?.id).toBeGreaterThan(a?.id ?? Number.POSITIVE_INFINITY);
    await second.close();
  });

  it('prunes by itself', async () => {
    const store = await createStore({ file: newFile(), now: Date.now, log: silent, keepEvents: 100 });
    for (let i = 0; i < 1000; i++) store.events.append({ at: i, kind: 'http.done', summary: `${i}` });
    const events = await store.events.list({ limit: 2000 });
    expect(events).toHaveLength(100);
    expect(events.at(-1)?.summary).toBe('999');
    await store.close();
  });

  it('holds no secret of a token', async () => {
    const file = newFile();
    const store = await openStore(file);
    const secret = await store.tokens.create('ci', 'admin');
    await store.close();
    const bytes = await readFile(file);
    expect(bytes.includes(secret.slice(-43))).toBe(false);
    expect(bytes.includes('admin')).toBe(true);
  });

  it('loses no acknowledged lease to kill -9', { timeout: 30_000 }, async () => {
    for (const acknowledged of [20, 150]) {
      const file = newFile();
      const { seen, signal } = await writeUntilKilled(file, acknowledged);
      expect(signal).toBe('SIGKILL');
      expect(seen.length).toBeGreaterThanOrEqual(acknowledged);
      const store = await openStore(file);
      const kept = new Set<string>([...(await store.leases.load())].map((lease) => lease.address));
      await store.close();
      expect(seen.filter((address) => !kept.has(address))).toEqual([]);
    }
  });
});

describe('a database that cannot be used', () => {
  it('says so when it is no database', async () => {
    const file = newFile();
    await writeFile(file, 'macs: [52:54:00:aa:00:01]\n'.repeat(200));
    await expect(openStore(file)).rejects.toMatchObject({
      code: 'store-failed',
      message: expect.stringMatching(/damaged/),
    });
  });

  it('says so when pages are damaged', async () => {
    const file = newFile();
    const store = await openStore(file);
    await store.leases.commit(Array.from({ length: 900 }, (_, i) => leaseAt(`10.77.${i >> 8}.${i & 255}`)));
    await store.close();
    const handle = await open(file, 'r+');
    const { size } = await handle.stat();
    await handle.write(Buffer.alloc(size - 8192, 0xa5), 0, size - 8192, 8192);
    await handle.close();
    await expect(openStore(file)).rejects.toMatchObject({
      code: 'store-failed',
      message: expect.stringMatching(/damaged/),
    });
  });

  it('says so when another program holds it', async () => {
    const file = newFile();
    await (await openStore(file)).close();
    const other = new Database(file);
    other.pragma('locking_mode = EXCLUSIVE');
    other.exec('BEGIN EXCLUSIVE');
    await expect(openStore(file)).rejects.toMatchObject({
      code: 'store-failed',
      message: expect.stringMatching(/holds it/),
    });
    other.close();
  });

  it('says so when the path is a directory or leads through a file', async () => {
    await expect(openStore(directory)).rejects.toMatchObject({ code: 'store-failed' });
    const file = newFile();
    await writeFile(file, '');
    await expect(openStore(join(file, 'x.db'))).rejects.toMatchObject({
      code: 'store-failed',
      message: expect.stringMatching(/something else has that name/),
    });
  });

  it('says so where nobody may write, root neither', async () => {
    await expect(openStore('/sys/hobnail.db')).rejects.toMatchObject({
      code: 'store-failed',
      message: expect.stringMatching(/right to write/),
    });
  });
});

describe('events', () => {
  it('are stored once, also when the old ones cannot be deleted', async () => {
    const warnings: string[] = [];
    const log = { warn: (_fields: object, text?: string) => void warnings.push(text ?? '') };
    const { db, commit } = connect<Tables>(ownConnection(createExecutor(new Database(':memory:'))));
    await migrate(db);
    await sql`create trigger keep before delete on events begin select raise(abort, 'no'); end`.execute(db);
    const failed = (error: unknown) => error as Error;
    const events = await createEventStore({ db, commit, log: log as never, now: Date.now, failed, keepEvents: 2 });
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 3; i++) events.append({ at: i, kind: 'http.done', summary: `${round}.${i}` });
      await events.list({ limit: 1 });
    }
    expect((await events.list({ limit: 20 })).length).toBe(9);
    expect(new Set(warnings)).toEqual(new Set(['old events could not be deleted']));
    await events.close();
    await db.destroy();
  });
});

describe('the layout of events', () => {
  it('is changed with every event of before in it, and answers each question without reading them all', async () => {
    const { db } = connect<Tables>(ownConnection(createExecutor(new Database(':memory:'))));
    await migrate(db, '0007-lease-ports');
    const rows = [
      { id: 1_700_000_000_007, kind: 'http.done', mac: '52:54:00:00:00:01', host: null, body: '{}' },
      { id: 1_700_000_000_009, kind: 'server.started', mac: null, host: null, body: '{"a":1}' },
      { id: 1_700_000_000_008, kind: 'tftp.done', mac: '52:54:00:00:00:01', host: 'web01', body: '{}' },
    ];
    await db.insertInto('events').values(rows).execute();
    await migrate(db);
    expect(await db.selectFrom('events').selectAll().orderBy('id').execute()).toEqual(
      [...rows].sort((a, b) => a.id - b.id),
    );
    const plan = async (where: string) => {
      const question = sql<{
        detail: string;
      }>`explain query plan select body from events where ${sql.raw(where)} order by id desc`;
      return (await question.execute(db)).rows.map(({ detail }) => detail);
    };
    expect(await plan("mac = 'x' and id < 9")).toEqual([expect.stringMatching(/SEARCH .* USING INDEX events_mac/)]);
    expect(await plan("host = 'x'")).toEqual([expect.stringMatching(/SEARCH .* USING INDEX events_host/)]);
    expect(await plan('id < 9')).toEqual([expect.stringMatching(/SEARCH .* USING INTEGER PRIMARY KEY/)]);
    await db.destroy();
  });
});

describe('a transaction', () => {
  it('tells why SQLite rolled back by itself, and goes on afterwards', async () => {
    const { db } = connect<{ t: { x: number } }>(ownConnection(createExecutor(new Database(':memory:'))));
    await sql`create table t (x integer primary key)`.execute(db);
    const twice = db.transaction().execute(async (transaction) => {
      await transaction.insertInto('t').values({ x: 1 }).execute();
      await sql`insert or rollback into t values (1)`.execute(transaction);
    });
    await expect(twice).rejects.toMatchObject({ code: 'SQLITE_CONSTRAINT_PRIMARYKEY' });
    await db.transaction().execute((transaction) => transaction.insertInto('t').values({ x: 2 }).execute());
    expect(await db.selectFrom('t').selectAll().execute()).toEqual([{ x: 2 }]);
    await db.destroy();
  });
});

/** Runs a child that commits leases, kills it after so many were acknowledged, and returns all it acknowledged. */
async function writeUntilKilled(file: string, acknowledged: number) {
  const script = fileURLToPath(new URL('./lease-writer.ts', import.meta.url));
  const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const seen: string[] = [];
  const exit = new Promise<string | null>((resolve) => child.once('close', (_code, signal) => resolve(signal)));
  for await (const line of createInterface({ input: child.stdout })) {
    seen.push(line);
    if (seen.length === acknowledged) child.kill('SIGKILL');
  }
  return { seen, signal: await exit };
}
