/** Shapes in which a client tells who it is: options 61, 77, 93, 94, 97, 124, 125. */
import { formatArchitecture } from '../boot/client.ts';
import { formatMac, macFromBytes } from '../net/mac.ts';
import { joinBytes, listFrom, listOf, type Shape, u16 } from './shape.ts';
import { bytesFromHex, hexFromBytes, isPrintable, quote, textFromBytes, textToBytes } from './text.ts';

/** Option 61: an opaque key (RFC 2132 §9.14); type 255 is an IAID and a DUID (RFC 4361 §6.1). */
export const clientId: Shape<Uint8Array> = {
  kind: 'client-id',
  expects: 'bytes in hex such as "01:52:54:00:aa:bb:cc"',
  decode: (bytes) => (bytes.length > 0 ? bytes : undefined),
  encode: (value) => {
    const bytes = value instanceof Uint8Array ? value : typeof value === 'string' ? bytesFromHex(value) : undefined;
    return bytes && bytes.length > 0 ? bytes : undefined;
  },
  format: (bytes) => {
    const mac = bytes[0] === 1 && bytes.length === 7 ? macFromBytes(bytes.subarray(1)) : undefined;
    if (mac) return `Ethernet ${formatMac(mac, 'colon')}`;
    if (bytes[0] === 255 && bytes.length > 5) {
      return `IAID ${hexFromBytes(bytes.subarray(1, 5))} DUID ${hexFromBytes(bytes.subarray(5), ':')}`;
    }
    const rest = bytes.subarray(1);
    return bytes[0] === 0 && isPrintable(rest) ? quote(textFromBytes(rest)) : hexFromBytes(bytes, ':');
  },
};

/**
 * Option 77. RFC 3004 gives each class a length byte: a list. iPXE and others send bare text: a string. Bytes that can
 * be read both ways are a list.
 */
export const userClasses: Shape<string | readonly string[]> = {
  kind: 'user-classes',
  expects: 'text (sent bare, as iPXE does), or a list of texts (sent by RFC 3004)',
  decode: (bytes) => {
    if (bytes.length === 0) return undefined;
    const classes: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = bytes[at] ?? 0;
      if (length === 0 || at + 1 + length > bytes.length) return textFromBytes(bytes);
      classes.push(textFromBytes(bytes.subarray(at + 1, at + 1 + length)));
      at += 1 + length;
    }
    return classes;
  },
  encode: (value) => {
    if (typeof value === 'string') return value === '' ? undefined : textToBytes(value);
    if (!Array.isArray(value) || value.length === 0) return undefined;
    const classes = value.map((entry: unknown) => (typeof entry === 'string' ? textToBytes(entry) : new Uint8Array()));
    if (classes.some((bytes) => bytes.length === 0 || bytes.length > 255)) return undefined;
    return joinBytes(classes.map((bytes) => Uint8Array.of(bytes.length, ...bytes)));
  },
  format: (value) => (typeof value === 'string' ? quote(value) : `[${value.map(quote).join(', ')}]`),
};

/** Option 93 (RFC 4578 §2.1): the architectures, preferred first. */
export const architectures: Shape<readonly number[]> = {
  ...listOf(u16, 2, { kind: 'architectures', expects: 'architecture numbers such as [7]' }),
  format: (value) => value.map(formatArchitecture).join(', '),
};

/** Option 94 (RFC 4578 §2.2): type 1 is UNDI. */
export interface NetworkInterfaceId {
  readonly type: number;
  readonly major: number;
  readonly minor: number;
}

export const undi: Shape<NetworkInterfaceId> = {
  kind: 'undi',
  expects: 'an UNDI version such as "3.16"',
  decode: (bytes) => {
    const [type, major, minor] = bytes;
    if (bytes.length !== 3 || type === undefined || major === undefined || minor === undefined) return undefined;
    return { type, major, minor };
  },
  encode: (value) => {
    const [, major, minor] = /^(\d{1,3})\.(\d{1,3})$/.exec(typeof value === 'string' ? value : '') ?? [];
    const parts = major === undefined ? undiParts(value) : [1, Number(major), Number(minor)];
    return parts?.every((part) => Number.isInteger(part) && part >= 0 && part <= 255)
      ? Uint8Array.from(parts)
      : undefined;
  },
  format: ({ type, major, minor }) => `${type === 1 ? 'UNDI' : `type ${type}`} ${major}.${minor}`,
};

function undiParts(value: unknown): number[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!('type' in value) || !('major' in value) || !('minor' in value)) return undefined;
  return [Number(value.type), Number(value.major), Number(value.minor)];
}

/**
 * Option 97 (RFC 4578 §2.3): type 0 and the sixteen bytes of the SMBIOS UUID, whose first three fields are little-endian
 * on the wire. The value is the text people know, lower case, as the machine's setup screen shows it.
 */
export const uuid: Shape<string> = {
  kind: 'uuid',
  expects: 'a UUID such as 77777777-0000-4000-8000-000000000001',
  decode: (bytes) => {
    if (bytes.length !== 17 || bytes[0] !== 0) return undefined;
    const digits = hexFromBytes(swapUuid(bytes.subarray(1)));
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  },
  encode: (value) => {
    if (typeof value !== 'string' || !/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) return undefined;
    const bytes = bytesFromHex(value.replaceAll('-', ''));
    return bytes && Uint8Array.of(0, ...swapUuid(bytes));
  },
  format: (value) => value,
};

// Which byte of the wire form stands at each place of the text form, and the reverse.
const UUID_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

function swapUuid(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(UUID_ORDER, (from) => bytes[from] ?? 0);
}

/** One part of options 124 and 125 (RFC 3925): what an enterprise, by its IANA number, has to say. */
export interface EnterpriseData {
  readonly enterprise: number;
  readonly bytes: Uint8Array;
}

export const enterprises: Shape<readonly EnterpriseData[]> = {
  kind: 'enterprises',
  expects: 'a list of { enterprise: 343, bytes: "01:02" }',
  decode: (bytes) => {
    const parts: EnterpriseData[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = bytes[at + 4];
      if (length === undefined || at + 5 + length > bytes.length) return undefined;
      const enterprise = bytes.subarray(at, at + 4).reduce((sum, byte) => sum * 256 + byte, 0);
      parts.push({ enterprise, bytes: bytes.subarray(at + 5, at + 5 + length) });
      at += 5 + length;
    }
    return parts.length > 0 ? parts : undefined;
  },
  encode: (value) => {
    const parts = listFrom(value).map(encodeEnterprise);
    return parts.length > 0 && parts.every((part) => part !== undefined) ? joinBytes(parts) : undefined;
  },
  format: (value) =>
    value
      .map(({ enterprise, bytes }) => `enterprise ${enterprise} ${hexFromBytes(bytes, ' ') || '(empty)'}`)
      .join(', '),
};

function encodeEnterprise(value: unknown): Uint8Array | undefined {
  if (typeof value !== 'object' || value === null || !('enterprise' in value) || !('bytes' in value)) return undefined;
  const { enterprise } = value;
  const bytes = typeof value.bytes === 'string' ? bytesFromHex(value.bytes) : value.bytes;
  if (!(bytes instanceof Uint8Array) || bytes.length > 255) return undefined;
  if (typeof enterprise !== 'number' || !Number.isInteger(enterprise) || enterprise < 0 || enterprise > 0xffffffff) {
    return undefined;
  }
  return Uint8Array.of(enterprise >>> 24, enterprise >>> 16, enterprise >>> 8, enterprise, bytes.length, ...bytes);
}
