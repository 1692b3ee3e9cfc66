/** A shape: how the bytes of an option are read, written and shown. The plain shapes of RFC 2132 §2. */
import { type Ipv4, ipv4FromBytes, ipv4ToBytes, parseIpv4 } from '../net/ipv4.ts';
import { bytesFromHex, hexFromBytes, isPrintable, quote, textFromBytes, textToBytes } from './text.ts';

export interface Shape<T> {
  /** Short name, shown by the API. */
  readonly kind: string;
  /** Completes "must be …": what a person has to write. */
  readonly expects: string;
  /** Undefined when the bytes do not have this shape. Never throws. */
  decode(bytes: Uint8Array): T | undefined;
  /** Takes what `decode` gives, unless that is empty, and what people write in YAML; undefined for all else. Never throws. */
  encode(value: unknown): Uint8Array | undefined;
  /** One line. */
  format(value: T): string;
}

export const ip: Shape<Ipv4> = {
  kind: 'ip',
  expects: 'an IPv4 address such as 10.0.0.1',
  decode: (bytes) => (bytes.length === 4 ? ipv4FromBytes(bytes) : undefined),
  encode: (value) => {
    const address = typeof value === 'string' ? parseIpv4(value.trim()) : undefined;
    return address && ipv4ToBytes(address);
  },
  format: (value) => value,
};

export const ips: Shape<readonly Ipv4[]> = listOf(ip, 4, {
  kind: 'ips',
  expects: 'IPv4 addresses such as [10.0.0.1, 10.0.0.2]',
});

/** Pairs of addresses (policy filter, static routes): a list of even length. */
export const ipPairs: Shape<readonly Ipv4[]> = {
  kind: 'ip-pairs',
  expects: 'pairs of IPv4 addresses such as [10.1.0.0, 10.0.0.254]',
  decode: (bytes) => (bytes.length % 8 === 0 ? ips.decode(bytes) : undefined),
  encode: (value) => {
    const bytes = ips.encode(value);
    return bytes && bytes.length % 8 === 0 ? bytes : undefined;
  },
  format: (value) =>
    value.flatMap((address, index) => (index % 2 === 0 ? [`${address} ${value[index + 1]}`] : [])).join(', '),
};

export const u8 = unsigned(1);
export const u16 = unsigned(2);
export const u32 = unsigned(4);
export const u8s: Shape<readonly number[]> = listOf(u8, 1, { kind: 'u8s', expects: 'numbers 0–255 such as [1, 2]' });
export const u16s: Shape<readonly number[]> = listOf(u16, 2, {
  kind: 'u16s',
  expects: 'numbers 0–65535 such as [68, 1500]',
});
export const i8 = signed(1);
export const i32 = signed(4);

/** Seconds, where 0xffffffff means for ever (RFC 2131 §3.3). */
export const seconds: Shape<number> = {
  ...u32,
  kind: 'seconds',
  expects: 'a number of seconds',
  format: (value) => (value === 0xffffffff ? 'infinite' : `${value} s`),
};

/** A number whose hex digits mean something (PXELINUX's magic F1:00:74:7E). */
export const hex32: Shape<number> = {
  ...u32,
  kind: 'hex32',
  expects: 'four bytes such as f1:00:74:7e',
  encode: (value) => {
    if (typeof value !== 'string') return u32.encode(value);
    const bytes = bytesFromHex(value);
    return bytes?.length === 4 ? bytes : undefined;
  },
  format: (value) => `0x${value.toString(16).padStart(8, '0')}`,
};

export const bool: Shape<boolean> = {
  kind: 'bool',
  expects: 'true or false',
  decode: ([value, ...rest]) => (rest.length === 0 && (value === 0 || value === 1) ? value === 1 : undefined),
  encode: (value) => {
    if (value === true || value === 1) return Uint8Array.of(1);
    return value === false || value === 0 ? Uint8Array.of(0) : undefined;
  },
  format: String,
};

/** An option without bytes: being there is its meaning (rapid commit, RFC 4039). */
export const flag: Shape<true> = {
  kind: 'flag',
  expects: 'true (leave the option out for no)',
  decode: (bytes) => (bytes.length === 0 ? true : undefined),
  encode: (value) => (value === true ? new Uint8Array() : undefined),
  format: () => 'yes',
};

export const text: Shape<string> = {
  kind: 'text',
  expects: 'text',
  decode: textFromBytes,
  encode: (value) => {
    if (typeof value === 'number') return textToBytes(String(value));
    return typeof value === 'string' && value.length > 0 && !value.includes('\0') ? textToBytes(value) : undefined;
  },
  format: quote,
};

/** Bytes that nobody but sender and receiver understand. */
export const bytes: Shape<Uint8Array> = {
  kind: 'bytes',
  expects: 'bytes in hex such as "01:02:03", or a list of numbers 0–255',
  decode: (value) => value,
  encode: (value) => {
    if (value instanceof Uint8Array) return value;
    return typeof value === 'string' ? bytesFromHex(value) : u8s.encode(value);
  },
  format: (value) => (value.length === 0 ? '(empty)' : hexFromBytes(value, ' ')),
};

/** Site and vendor options that are text to some devices and bytes to others. Text stays text unless it is written as hex. */
export const data: Shape<Uint8Array> = {
  kind: 'data',
  expects: 'text, or bytes in hex such as "01:02:03", or a list of numbers 0–255',
  decode: (value) => value,
  encode: (value) => {
    if (typeof value !== 'string') return bytes.encode(value);
    const hex = /^0x|^[0-9a-f]{2}(?:[\s:-][0-9a-f]{2})+$/i.test(value.trim()) ? bytesFromHex(value) : undefined;
    return hex ?? text.encode(value);
  },
  format: (value) => (isPrintable(value) ? quote(textFromBytes(value)) : bytes.format(value)),
};

/** A one-byte code with names; a value without a name is shown as a number. */
export function named(kind: string, names: Readonly<Record<number, string>>): Shape<number> {
  const codes = new Map(Object.entries(names).map(([code, name]) => [name.toLowerCase(), Number(code)]));
  return {
    kind,
    expects: `one of ${Object.entries(names)
      .map(([code, name]) => `${code} (${name})`)
      .join(', ')}`,
    decode: (value) => u8.decode(value),
    encode: (value) => u8.encode(typeof value === 'string' ? (codes.get(value.trim().toLowerCase()) ?? value) : value),
    format: (value) => names[value] ?? String(value),
  };
}

/** A list of items of one width; people may write one item alone, or several in one text with commas. */
export function listOf<T>(
  item: Shape<T>,
  width: number,
  words: { readonly kind: string; readonly expects: string },
): Shape<readonly T[]> {
  return {
    ...words,
    decode: (value) => {
      if (value.length === 0 || value.length % width !== 0) return undefined;
      const items: T[] = [];
      for (let at = 0; at < value.length; at += width) {
        const decoded = item.decode(value.subarray(at, at + width));
        if (decoded === undefined) return undefined;
        items.push(decoded);
      }
      return items;
    },
    encode: (value) => {
      const items = listFrom(value).map((entry) => item.encode(entry));
      return items.length > 0 && items.every((entry) => entry !== undefined) ? joinBytes(items) : undefined;
    },
    format: (value) => value.map((entry) => item.format(entry)).join(', '),
  };
}

/** What a person wrote as a list: a list, one value, or a text with commas. */
export function listFrom(value: unknown): readonly unknown[] {
  if (Array.isArray(value) || value instanceof Uint8Array) return [...value];
  if (typeof value === 'string') return value.split(',').map((part) => part.trim());
  return [value];
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function unsigned(width: 1 | 2 | 4): Shape<number> {
  return integer(`u${width * 8}`, width, 0, 2 ** (8 * width) - 1);
}

function signed(width: 1 | 4): Shape<number> {
  return integer(`i${width * 8}`, width, -(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1);
}

function integer(kind: string, width: 1 | 2 | 4, min: number, max: number): Shape<number> {
  return {
    kind,
    expects: `a number ${min < 0 ? `from ${min} to ${max}` : `0–${max}`}`,
    decode: (value) => {
      if (value.length !== width) return undefined;
      let number = 0;
      for (let at = 0; at < width; at++) number = number * 256 + (value[at] ?? 0);
      return number > max ? number - 2 ** (8 * width) : number;
    },
    encode: (value) => {
      const number = typeof value === 'string' && /^-?(?:\d+|0x[0-9a-f]+)$/i.test(value.trim()) ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isInteger(number) || number < min || number > max) return undefined;
      const encoded = new Uint8Array(width);
      // A shift takes the low 32 bits of any number, so the sign takes care of itself.
      for (let at = 0; at < width; at++) encoded[at] = (number >>> (8 * (width - 1 - at))) & 255;
      return encoded;
    },
    format: String,
  };
}
