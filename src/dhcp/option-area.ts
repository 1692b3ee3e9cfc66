/**
 * The option areas of a packet: code, length, bytes, one after another (RFC 2132 §2), in `options` and, when overloaded,
 * in `file` and `sname` (RFC 2132 §9.3). Long values are split and joined by RFC 3396.
 *
 *     +------+-----+---------------+      0   pad, one byte
 *     | code | len | len bytes ... |      255 end, one byte
 *     +------+-----+---------------+
 */

import type { ByteWriter } from '../net/bytes.ts';

const OPTION_PAD = 0;
export const OPTION_OVERLOAD = 52;
export const OPTION_RELAY_AGENT = 82;
export const OPTION_END = 255;

/** The most a single length byte can say. */
export const MAX_PIECE = 255;

/** One code with its bytes, as it stands in an area. */
export interface OptionPiece {
  readonly code: number;
  readonly bytes: Uint8Array;
}

/** What an area held: its pieces in order and the faults that were tolerated. */
export interface OptionArea {
  readonly pieces: readonly OptionPiece[];
  readonly notes: readonly string[];
}

/**
 * Reads the area `[start, end)` of a datagram. Pads are skipped; a missing END and an option cut off by the end of the
 * area are tolerated and noted. Never throws. Bytes are views into the datagram.
 */
export function readOptionArea(datagram: Uint8Array, start: number, end: number, name: string): OptionArea {
  const pieces: OptionPiece[] = [];
  const notes: string[] = [];
  let at = start;
  while (at < end) {
    const code = datagram[at] ?? 0;
    if (code === OPTION_END) return { pieces, notes };
    if (code === OPTION_PAD) {
      at += 1;
      continue;
    }
    const length = datagram[at + 1];
    if (at + 1 >= end || length === undefined) {
      notes.push(`option ${code} in ${name} has no length byte: dropped (at byte ${at})`);
      return { pieces, notes };
    }
    if (at + 2 + length > end) {
      notes.push(
        `option ${code} in ${name} says ${length} bytes but ${end - at - 2} are left: dropped (at byte ${at})`,
      );
      return { pieces, notes };
    }
    pieces.push({ code, bytes: datagram.subarray(at + 2, at + 2 + length) });
    at += 2 + length;
  }
  notes.push(`no END option in ${name}`);
  return { pieces, notes };
}

/** Joins the pieces of each code in the order given (RFC 3396 §7). A code seen once keeps its bytes uncopied. */
export function joinPieces(pieces: readonly OptionPiece[]): Map<number, Uint8Array> {
  const joined = new Map<number, Uint8Array>();
  const repeated = new Map<number, Uint8Array[]>();
  for (const { code, bytes } of pieces) {
    const first = joined.get(code);
    const parts = repeated.get(code);
    if (parts) parts.push(bytes);
    else if (first) repeated.set(code, [first, bytes]);
    else joined.set(code, bytes);
  }
  for (const [code, parts] of repeated) joined.set(code, concat(parts));
  return joined;
}

/** Writes one option: pieces of at most 255 bytes, adjacent and in order (RFC 3396 §5). */
export function writeOption(writer: ByteWriter, code: number, bytes: Uint8Array): void {
  let from = 0;
  do {
    const piece = bytes.length <= MAX_PIECE ? bytes : bytes.subarray(from, from + MAX_PIECE);
    writer.u8(code).u8(piece.length).put(piece);
    from += MAX_PIECE;
  } while (from < bytes.length);
}

/** Bytes an option takes on the wire, with the two header bytes of each piece. */
export function wireLength(bytes: Uint8Array): number {
  return bytes.length + 2 * Math.max(1, Math.ceil(bytes.length / MAX_PIECE));
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
