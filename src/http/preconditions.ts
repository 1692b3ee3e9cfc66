/** Conditional and range requests (RFC 9110 §13 and §14), decided from values. */
import type { IncomingHttpHeaders } from 'node:http';

/** The content as it is now. */
export interface Representation {
  readonly size: number;
  /** Strong validator without quotes. */
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
}

/** Which bytes to send: `end` is exclusive. */
export type Selection =
  | { readonly status: 200; readonly start: 0; readonly end: number }
  | { readonly status: 206; readonly start: number; readonly end: number }
  | { readonly status: 304 | 412 | 416 };

/** What a GET or HEAD of `content` is answered with. */
export function selectBytes(method: 'GET' | 'HEAD', headers: IncomingHttpHeaders, content: Representation): Selection {
  // In the order of RFC 9110 §13.2.2.
  const modified = seconds(content.modifiedAt);
  const unmodifiedSince = Date.parse(headers['if-unmodified-since'] ?? '') / 1000;
  if (headers['if-match'] !== undefined) {
    if (!listsTag(headers['if-match'], content.etag, 'strong')) return { status: 412 };
  } else if (modified > unmodifiedSince) return { status: 412 };

  const modifiedSince = Date.parse(headers['if-modified-since'] ?? '') / 1000;
  if (headers['if-none-match'] !== undefined) {
    if (listsTag(headers['if-none-match'], content.etag, 'weak')) return { status: 304 };
  } else if (modified <= modifiedSince) return { status: 304 };

  const whole: Selection = { status: 200, start: 0, end: content.size };
  // A range has a meaning for GET only (§14.2).
  if (method === 'HEAD' || headers.range === undefined) return whole;
  return mayContinue(headers['if-range']?.toString(), content) ? selectRange(headers.range, content.size) : whole;
}

/**
 * One range of `bytes=` (§14.1.2). Several ranges, another unit or nonsense: the whole, as §14.2 allows.
 */
export function selectRange(header: string, size: number): Selection {
  const match = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header);
  const [, first = '', last = ''] = match ?? [];
  const whole: Selection = { status: 200, start: 0, end: size };
  if (!match || (first === '' && last === '')) return whole;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? { status: 416 } : { status: 206, start: size - length, end: size };
  }
  if (last !== '' && Number(last) < Number(first)) return whole;
  if (Number(first) >= size) return { status: 416 };
  const end = last === '' ? size : Math.min(Number(last) + 1, size);
  return { status: 206, start: Number(first), end };
}

/** `If-Range`: the same strong tag, or exactly the date we sent (§13.1.5). */
function mayContinue(condition: string | undefined, content: Representation): boolean {
  if (condition === undefined) return true;
  if (condition.includes('"')) return listsTag(condition, content.etag, 'strong');
  return Date.parse(condition) / 1000 === seconds(content.modifiedAt);
}

function listsTag(header: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (header.trim() === '*') return true;
  for (const [, weak, tag] of header.matchAll(/(W\/)?"([^"]*)"/g)) {
    if (tag === etag && (comparison === 'weak' || weak === undefined)) return true;
  }
  return false;
}

/** HTTP dates have whole seconds. */
function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
