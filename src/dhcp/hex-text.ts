/** Packets written as hex text, as people paste them: plain digits, hexdump, xxd, tcpdump, Wireshark, with comments. */
import { WireError } from '../net/bytes.ts';

// An offset column ends in a colon, or has 4–8 digits and stands alone before two spaces or more.
const OFFSET = /^\s*(?:0x)?([0-9a-f]{4,8})(?::|(?=\s{2})|(?=\s*$))\s*/i;
const DASHES = /^\s*-{2,}\s*$/;
const ROW = 16;

/**
 * Reads one packet or several: an offset that starts again at 0, or a line of dashes, begins the next one. `#` starts a
 * comment; beside an offset column an ASCII column at the end is left out. Throws `WireError('bad-text')` with the line
 * number for anything that is not hex; `offset` counts the bytes read before it.
 */
export function bytesFromHexText(source: string): Uint8Array[] {
  const packets: number[][] = [];
  let current: number[] = [];
  let below = false;
  const close = () => {
    if (current.length > 0) packets.push(current);
    current = [];
    below = false;
  };
  for (const [index, raw] of source.split(/\r\n|\r|\n/).entries()) {
    const line = raw.replace(/#.*$/, '');
    if (DASHES.test(line)) {
      close();
      continue;
    }
    const offset = offsetOf(line, current.length, below);
    if (offset?.value === 0) close();
    below ||= offset !== undefined;
    const data = offset ? line.slice(offset.width) : line;
    for (const byte of offset ? dumpRow(data) : plainRow(data, index + 1, current.length)) current.push(byte);
  }
  close();
  return packets.map((packet) => Uint8Array.from(packet));
}

// Without a colon the digits may be data too. They are an offset where they say how far we are, and beside data or below
// other offsets: hand-written rows such as `00000000  # ciaddr` are not.
function offsetOf(line: string, read: number, below: boolean): { value: number; width: number } | undefined {
  const match = OFFSET.exec(line);
  if (!match) return undefined;
  const [{ length: width }, digits = ''] = match;
  const value = Number.parseInt(digits, 16);
  if (match[0].includes(':')) return { value, width };
  const fits = value === read || (value === 0 && below);
  return fits && (below || line.slice(width).trim() !== '') ? { value, width } : undefined;
}

// Up to sixteen bytes; then, or after a wide gap, comes the ASCII column.
function dumpRow(data: string): number[] {
  const bytes: number[] = [];
  const [hex = ''] = data.split(/\||\s{3,}/);
  for (const token of hex.trim().split(/\s+/)) {
    if (!/^(?:[0-9a-f]{2})+$/i.test(token) || bytes.length >= ROW) break;
    bytes.push(...pairs(token));
  }
  return bytes.slice(0, ROW);
}

function plainRow(data: string, lineNumber: number, read: number): number[] {
  const bytes: number[] = [];
  for (const token of data.split(/[\s,;]+/).filter((part) => part !== '')) {
    const digits = token.replace(/^(?:0x|\\x)/i, '').replace(/[:-]|\\x/g, '');
    if (!/^(?:[0-9a-f]{2})+$/i.test(digits)) {
      throw new WireError('bad-text', read + bytes.length, `line ${lineNumber}: "${token}" is not pairs of hex digits`);
    }
    bytes.push(...pairs(digits));
  }
  return bytes;
}

function pairs(digits: string): number[] {
  return (digits.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
}
