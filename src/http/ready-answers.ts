/** Answers that are ready: what was sent whole a moment ago, with its head, for the next one who asks for the same. */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeader } from 'node:http';
import type { OpenContent, Requester } from '../boot/content.ts';

export interface ReadyAnswer {
  /** Name and value in turn, as `writeHead` takes them. */
  readonly head: OutgoingHttpHeader[];
  /** One character a byte: as text it goes out in one piece with the head, by one call to the kernel. */
  readonly body: string;
  /** As they are recorded. */
  readonly path: string;
  readonly summary: string;
  readonly origin: string;
}

export interface ReadyAnswers {
  /** The answer to this request, if it is known at once that it still is. Never waits. */
  find(request: IncomingMessage, requester: Requester): ReadyAnswer | undefined;
  /** Keeps what a plain GET of `target` was answered with, when others get the same and it is small. */
  keep(target: string, content: OpenContent, said: Pick<ReadyAnswer, 'path' | 'summary'>): void;
}

/** Above it a copy costs more than what is saved. */
const MOST_BODY = 16 * 1024;
const MOST_BYTES = 32 * 1024 * 1024;
/** Room for what is kept beside the bytes of an answer and what was asked by, so that many empty files count too. */
const ROW_BYTES = 1024;

/** Header fields that make an answer another one than the whole file. */
const SELECTING = ['range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'] as const;

export function createReadyAnswers(): ReadyAnswers {
  /** By request target, in the order they came: what is asked for again after it was dropped comes anew. */
  const rows = new Map<string, ReadyAnswer & { readonly holdsFor: (requester: Requester) => boolean }>();
  let bytes = 0;

  function drop(target: string, row: ReadyAnswer): void {
    rows.delete(target);
    bytes -= sizeOf(target, row.body);
  }

  return {
    find(request, requester) {
      const row = request.method === 'GET' ? rows.get(request.url ?? '') : undefined;
      if (!row || !isPlain(request.headers)) return undefined;
      return row.holdsFor(requester) ? row : undefined;
    },

    keep(target, content, { path, summary }) {
      const { holdsFor } = content;
      if (!holdsFor || !content.bytes || content.size > MOST_BODY) return;
      const before = rows.get(target);
      if (before) drop(target, before);
      const body = asText(content.bytes);
      const lengths = ['Content-Type', content.contentType, 'Content-Length', content.size];
      rows.set(target, {
        head: [...validatorsOf(content), ...lengths],
        body,
        path,
        summary,
        origin: content.origin,
        holdsFor,
      });
      bytes += sizeOf(target, body);
      for (const [old, row] of rows) {
        if (bytes <= MOST_BYTES) break;
        drop(old, row);
      }
    },
  };
}

function sizeOf(target: string, body: string): number {
  return target.length + body.length + ROW_BYTES;
}

/** What every answer about a content says of it, name and value in turn. */
export function validatorsOf({ etag, modifiedAt }: Pick<OpenContent, 'etag' | 'modifiedAt'>): OutgoingHttpHeader[] {
  const tag = ['ETag', `"${etag}"`, 'Last-Modified', new Date(modifiedAt).toUTCString()];
  // The same path is another file for another machine: a cache on the way has to ask.
  return [...tag, 'Accept-Ranges', 'bytes', 'Cache-Control', 'no-cache'];
}

export function asText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** Asks for the whole file, without conditions, and brings no body. */
function isPlain(headers: IncomingHttpHeaders): boolean {
  return !hasBody(headers) && SELECTING.every((name) => headers[name] === undefined);
}

/** @returns whether a body follows the head */
export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
