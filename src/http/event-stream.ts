/** Events as server-sent events (HTML Living Standard, "Server-sent events"): first what was missed, then what happens. */
import { Readable } from 'node:stream';
import type { StoredEvent } from '../boot/event.ts';
import type { EventAccess, EventFilter } from './api-deps.ts';

/** Events a page while catching up. */
const PAGE = 200;
/** Bytes a reader may be behind before it is cut off; it comes back with Last-Event-ID and misses nothing. */
const MAX_LAG = 1024 * 1024;
const RECONNECT_MS = 2000;

export interface EventStreamOptions {
  readonly filter: EventFilter;
  /** Last id the reader has seen; without it the stream starts with the next event. */
  readonly after?: number | undefined;
  readonly heartbeatMs: number;
}

export function openEventStream(events: EventAccess, { filter, after, heartbeatMs }: EventStreamOptions): Readable {
  let last = after ?? 0;
  // What happens while the past is still being read; undefined once that is done.
  let held: StoredEvent[] | undefined = after === undefined ? undefined : [];
  let wanted: (() => void) | undefined;

  const stream = new Readable({
    highWaterMark: 64 * 1024,
    read() {
      wanted?.();
      wanted = undefined;
    },
    destroy(error, done) {
      stop();
      clearInterval(heartbeat);
      wanted?.();
      done(error);
    },
  });
  const stop = events.subscribe((event) => {
    if (!matches(event, filter)) return;
    if (!held) send(event);
    else if (held.push(event) * PAGE > MAX_LAG) stream.destroy();
  });
  const heartbeat = setInterval(() => stream.push(': still here\n\n'), heartbeatMs).unref();

  function send(event: StoredEvent): boolean {
    if (event.id <= last || stream.destroyed) return true;
    last = event.id;
    const more = stream.push(`id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`);
    if (stream.readableLength > MAX_LAG) stream.destroy();
    return more;
  }

  async function catchUp(): Promise<void> {
    while (!stream.destroyed) {
      const page = await events.list({ ...filter, after: last, limit: PAGE });
      const more = page.map(send).every(Boolean);
      if (page.length < PAGE) break;
      if (!more && !stream.destroyed) {
        await new Promise<void>((resolve) => {
          wanted = resolve;
        });
      }
    }
    const waiting = held ?? [];
    held = undefined;
    waiting.forEach(send);
  }

  stream.push(`retry: ${RECONNECT_MS}\n\n`);
  if (held) catchUp().catch((error) => stream.destroy(error));
  return stream;
}

function matches(event: StoredEvent, { mac, host, kinds }: EventFilter): boolean {
  return (
    (mac === undefined || event.mac === mac) &&
    (host === undefined || event.host === host) &&
    (kinds === undefined || kinds.includes(event.kind))
  );
}
