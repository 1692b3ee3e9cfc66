/** Options inside an option: the same code, length, bytes, for options 43 (PXE), 82 (relay agent) and 175 (iPXE). */
import { joinBytes, type Shape } from './shape.ts';
import { bytesFromHex, hexFromBytes } from './text.ts';

/** One row of a sub-option table. */
export interface SubOptionDefinition {
  readonly code: number;
  readonly name: string;
  readonly shape: Shape<unknown>;
}

/** One sub-option as it stands on the wire; order and repeats are kept. */
export interface SubOption {
  readonly code: number;
  readonly bytes: Uint8Array;
}

export interface SubOptionTable {
  /** Whether 0 is a pad and 255 an end in here: yes in vendor options (RFC 2132 §8.4), no in option 82 (RFC 3046 §2.0). */
  readonly padded: boolean;
  /** Whether the sender closes with 255: PXE 2.1 §2.2.3 does, iPXE does not need it. */
  readonly closed: boolean;
  readonly definitions: readonly SubOptionDefinition[];
}

const PAD = 0;
const END = 255;

/** Makes the shape of an option whose sub-options are listed in `table`. */
export function subOptionsOf(kind: string, table: SubOptionTable): Shape<readonly SubOption[]> {
  const names = table.definitions.map((definition) => definition.name).slice(0, 3);
  return {
    kind,
    expects: `sub-options by name or number, such as { ${names.join(': …, ')}: … }, or bytes in hex`,
    decode: (bytes) => decodeSubOptions(bytes, table),
    encode: (value) => encodeSubOptions(value, table),
    format: (value) => value.map((sub) => formatSubOption(sub, table)).join('; ') || '(empty)',
  };
}

/** The first sub-option with that code, decoded; undefined when it is absent or malformed. */
export function readSubOption<T>(subs: readonly SubOption[], code: number, shape: Shape<T>): T | undefined {
  const found = subs.find((sub) => sub.code === code);
  return found && shape.decode(found.bytes);
}

/** `6 discovery-control: 8`, or hex for a code without a row or a value without its shape. */
export function formatSubOption(sub: SubOption, table: SubOptionTable | undefined): string {
  const definition = table?.definitions.find((candidate) => candidate.code === sub.code);
  const value = definition?.shape.decode(sub.bytes);
  const hex = hexFromBytes(sub.bytes, ' ') || '(empty)';
  if (!definition) return `${sub.code}: ${hex}`;
  return `${sub.code} ${definition.name}: ${value === undefined ? `${hex} (malformed)` : definition.shape.format(value)}`;
}

/** Undefined when a length runs over the end: then the bytes are something else. */
export function decodeSubOptions(
  bytes: Uint8Array,
  { padded }: Pick<SubOptionTable, 'padded'>,
): SubOption[] | undefined {
  const subs: SubOption[] = [];
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at] ?? 0;
    if (padded && code === END) break;
    if (padded && code === PAD) {
      at += 1;
      continue;
    }
    const length = bytes[at + 1];
    if (length === undefined || at + 2 + length > bytes.length) return undefined;
    subs.push({ code, bytes: bytes.subarray(at + 2, at + 2 + length) });
    at += 2 + length;
  }
  return subs;
}

function encodeSubOptions(value: unknown, table: SubOptionTable): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return bytesFromHex(value);
  if (typeof value !== 'object' || value === null) return undefined;
  const subs = Array.isArray(value) ? value.map(wireSub) : Object.entries(value).map((entry) => namedSub(entry, table));
  const last = table.padded ? 254 : 255;
  const first = table.padded ? 1 : 0;
  const parts: Uint8Array[] = [];
  for (const sub of subs) {
    if (!sub || sub.code < first || sub.code > last || sub.bytes.length > 255) return undefined;
    parts.push(Uint8Array.of(sub.code, sub.bytes.length, ...sub.bytes));
  }
  if (parts.length === 0) return undefined;
  if (table.closed) parts.push(Uint8Array.of(END));
  return joinBytes(parts);
}

function wireSub(value: unknown): SubOption | undefined {
  if (typeof value !== 'object' || value === null || !('code' in value) || !('bytes' in value)) return undefined;
  const { code, bytes } = value;
  return typeof code === 'number' && Number.isInteger(code) && bytes instanceof Uint8Array
    ? { code, bytes }
    : undefined;
}

function namedSub([key, value]: [string, unknown], table: SubOptionTable): SubOption | undefined {
  const code = /^\d{1,3}$/.test(key) ? Number(key) : undefined;
  const definition = table.definitions.find((row) => row.code === code || row.name === key.toLowerCase());
  const bytes =
    definition?.shape.encode(value) ??
    (code !== undefined && typeof value === 'string' ? bytesFromHex(value) : undefined) ??
    (value instanceof Uint8Array ? value : undefined);
  const known = definition?.code ?? code;
  return bytes && known !== undefined ? { code: known, bytes } : undefined;
}
