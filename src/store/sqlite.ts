/** The embedded database: one SQLite file in WAL mode, every commit on the disk before it is acknowledged. */
import {
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { LeaseColumns } from '../boot/packed-leases.ts';
import { startDatabaseThread } from './database-thread.ts';
import { type Answer, type BatchPart, type Executor, openExecutor, type Request } from './executor.ts';
import { storeError } from './failure.ts';
import type { Tables } from './tables.ts';

/** A way to the database. Requests are carried out in the order in which they are made. */
export interface Connection {
  execute(request: Request): Promise<Answer>;
  close(): Promise<void>;
}

export interface Sqlite {
  readonly db: Kysely<Tables>;
  /** One transaction for many rows, without a query builder between: all of it is durable, or nothing. */
  commit(parts: readonly BatchPart[]): Promise<void>;
  readLeases(): Promise<readonly LeaseColumns[]>;
}

/**
 * Opens or makes the database.
 * @param file a path, or `:memory:`
 * @param thread whether it has a thread of its own: then neither a sync nor a long query holds up anything else
 * @throws AppError `store-failed` or `disk-full` with what to change
 */
export async function openSqlite(file: string, thread: boolean): Promise<Sqlite> {
  try {
    return connect<Tables>(thread ? await startDatabaseThread(file) : ownConnection(openExecutor(file)));
  } catch (error) {
    throw storeError(error, file);
  }
}

/** Without a thread: for commands that open the database, do one thing and end. */
export function ownConnection(executor: Executor): Connection {
  return {
    execute: async (request) => executor.execute(request),
    close: async () => executor.close(),
  };
}

export function connect<T>(connection: Connection): Omit<Sqlite, 'db'> & { readonly db: Kysely<T> } {
  const turn = createTurn();
  const own: DatabaseConnection = {
    async executeQuery({ sql, parameters }) {
      const { rows, changes, lastId } = await connection.execute({ kind: 'statement', sql, parameters });
      return {
        rows: rows as never[],
        ...(changes !== undefined && { numAffectedRows: BigInt(changes) }),
        ...(lastId !== undefined && { insertId: BigInt(lastId) }),
      };
    },
    async *streamQuery(query) {
      yield await this.executeQuery(query);
    },
  };
  const say = async (sql: string) => void (await connection.execute({ kind: 'statement', sql, parameters: [] }));
  const driver: Driver = {
    init: async () => {},
    acquireConnection: async () => {
      await turn.take();
      return own;
    },
    beginTransaction: () => say('begin'),
    commitTransaction: () => say('commit'),
    rollbackTransaction: () => say('rollback'),
    releaseConnection: async () => turn.give(),
    destroy: () => connection.close(),
  };
  const dialect: Dialect = {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
  const inTurn = async (request: Request): Promise<Answer> => {
    await turn.take();
    try {
      return await connection.execute(request);
    } finally {
      turn.give();
    }
  };
  return {
    db: new Kysely<T>({ dialect }),
    commit: async (parts) => void (await inTurn({ kind: 'batch', parts })),
    readLeases: async () => (await inTurn({ kind: 'leases' })).leases ?? [],
  };
}

/** One at a time, in the order asked for: there is one connection, and a transaction must not get others' statements. */
function createTurn() {
  const waiting: (() => void)[] = [];
  let taken = false;
  return {
    take(): Promise<void> | undefined {
      if (taken) return new Promise((resolve) => waiting.push(resolve));
      taken = true;
      return undefined;
    },
    give(): void {
      const next = waiting.shift();
      if (next) next();
      else taken = false;
    },
  };
}
