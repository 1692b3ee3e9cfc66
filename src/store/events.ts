/** What happened, on disk: appended from memory in batches, so that recording never holds up a boot. */
import type { Logger } from 'pino';
import type { BootEvent, EventKind, StoredEvent } from '../boot/event.ts';
import { messageOf } from '../errors.ts';
import type { Mac } from '../net/mac.ts';
import type { Sqlite } from './sqlite.ts';

/** The longest an event waits in memory: what `kill -9` may cost. */
const FLUSH_AFTER_MS = 500;
/** Waiting events that are written without waiting longer. Few: leases wait while they are. */
const BATCH = 200;
/** Events kept in memory while the database fails; beyond it the oldest go. */
const MAX_WAITING = 20_000;

/** All given conditions must hold. */
export interface EventQuery {
  /** Only events after this id, oldest first. Without it, the newest ones. */
  readonly after?: number | undefined;
  /** Only events before this id, the newest of them; not together with `after`. */
  readonly before?: number | undefined;
  readonly mac?: Mac | undefined;
  readonly host?: string | undefined;
  readonly kinds?: readonly EventKind[] | undefined;
  /** At most this many. */
  readonly limit: number;
}

export type EventListener = (event: StoredEvent) => void;

export interface EventStore {
  /** Gives the event its id, tells the listeners and writes it within half a second. Never waits, never throws. */
  append(event: BootEvent): void;
  /** Always in ascending order of id. */
  list(query: EventQuery): Promise<StoredEvent[]>;
  /** Calls `listener` for each event appended from now on. Returns the way to stop it. */
  subscribe(listener: EventListener): () => void;
  /** Deletes all but the newest `keep` events; resolves to the number deleted. Done by itself from time to time. */
  prune(keep: number): Promise<number>;
}

export interface EventStoreDeps extends Pick<Sqlite, 'db' | 'commit'> {
  readonly log: Pick<Logger, 'warn'>;
  readonly now: () => number;
  readonly failed: (error: unknown) => Error;
  /** Events kept on disk. */
  readonly keepEvents: number;
}

export async function createEventStore(deps: EventStoreDeps): Promise<EventStore & { close(): Promise<void> }> {
  const { db, log, failed, keepEvents } = deps;
  const insert = db.insertInto('events').values(toRow(SPECIMEN)).compile().sql;
  const listeners = new Set<EventListener>();
  let waiting: StoredEvent[] = [];
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> = Promise.resolve();
  let sincePrune = 0;
  let failing = false;
  let closed = false;

  // Ids go on from the clock: after `kill -9` they never repeat one that a reader has seen but the disk has not.
  const { last } = await db
    .selectFrom('events')
    .select((row) => row.fn.max('id').as('last'))
    .executeTakeFirstOrThrow();
  let nextId = Math.max(Number(last ?? 0) + 1, deps.now());

  async function write(): Promise<void> {
    timer = undefined;
    const batch = waiting;
    if (batch.length === 0) return;
    waiting = [];
    try {
      await deps.commit([{ sql: insert, rows: batch.map((event) => Object.values(toRow(event))) }]);
      failing = false;
    } catch (error) {
      // Once an outage: a full disk must not fill the log as well.
      if (!failing) log.warn({ error: messageOf(failed(error)) }, 'events cannot be stored; they wait in memory');
      failing = true;
      waiting = [...batch, ...waiting].slice(-MAX_WAITING);
      timer ??= setTimeout(() => void flush(), 10 * FLUSH_AFTER_MS).unref();
      return;
    }
    sincePrune += batch.length;
    if (sincePrune < Math.min(1000, keepEvents)) return;
    sincePrune = 0;
    // The batch is on disk: a failure from here on must not have it written a second time.
    await prune(keepEvents).catch((error) => log.warn({ error: messageOf(error) }, 'old events could not be deleted'));
  }

  function flush(): Promise<void> {
    clearTimeout(timer);
    flushing = flushing.then(write);
    return flushing;
  }

  async function prune(keep: number): Promise<number> {
    try {
      const oldestKept = db
        .selectFrom('events')
        .select('id')
        .orderBy('id', 'desc')
        .limit(1)
        .offset(Math.max(keep, 1) - 1);
      const { numDeletedRows } = await db
        .deleteFrom('events')
        .where('id', '<', keep < 1 ? Number.MAX_SAFE_INTEGER : oldestKept)
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    } catch (error) {
      throw failed(error);
    }
  }

  return {
    append(event) {
      if (closed) return;
      const stored: StoredEvent = { ...event, id: nextId++ };
      waiting.push(stored);
      if (waiting.length > MAX_WAITING) waiting.shift();
      if (waiting.length === BATCH && !failing) void flush();
      else timer ??= setTimeout(() => void flush(), FLUSH_AFTER_MS).unref();
      for (const listener of listeners) {
        try {
          listener(stored);
        } catch (error) {
          log.warn({ error: messageOf(error) }, 'a listener to events threw');
        }
      }
    },

    async list({ after, before, mac, host, kinds, limit }) {
      await flush();
      try {
        let query = db.selectFrom('events').select(['id', 'body']).limit(limit);
        if (mac !== undefined) query = query.where('mac', '=', mac);
        if (host !== undefined) query = query.where('host', '=', host);
        if (kinds !== undefined) query = query.where('kind', 'in', kinds);
        if (after !== undefined) query = query.where('id', '>', after);
        if (before !== undefined) query = query.where('id', '<', before);
        const rows = await query.orderBy('id', after === undefined ? 'desc' : 'asc').execute();
        const events = rows.map((row): StoredEvent => ({ ...JSON.parse(row.body), id: row.id }));
        return after === undefined ? events.reverse() : events;
      } catch (error) {
        throw failed(error);
      }
    },

    subscribe(listener) {
      // A wrapper, so that the same function subscribed twice is told twice and stopped once at a time.
      const own: EventListener = (event) => listener(event);
      listeners.add(own);
      return () => void listeners.delete(own);
    },

    async prune(keep) {
      await flush();
      return prune(keep);
    },

    async close() {
      closed = true;
      listeners.clear();
      await flush();
      clearTimeout(timer);
    },
  };
}

/** Any event: only its fields count. */
const SPECIMEN: StoredEvent = { id: 0, at: 0, kind: 'server.started', summary: '' };

function toRow({ id, ...event }: StoredEvent) {
  return { id, kind: event.kind, mac: event.mac ?? null, host: event.host ?? null, body: toText(event) };
}

/** A detail that is no plain data (a cycle, a bigint) must not keep its whole batch from the disk. */
function toText(event: BootEvent): string {
  try {
    return JSON.stringify(event);
  } catch (error) {
    return JSON.stringify({ ...event, detail: { lost: messageOf(error) } });
  }
}
