/** Shapes that hold domain names: search lists (RFC 3397), SIP servers (RFC 3361), FQDN (RFC 4702). */
import type { Ipv4 } from '../net/ipv4.ts';
import { ips, listFrom, type Shape } from './shape.ts';
import { quote, textFromBytes, textToBytes } from './text.ts';

const MAX_NAME_LENGTH = 253;
const MAX_LABEL_LENGTH = 63;

/** Names in DNS wire form; compression pointers count from the start of the joined option (RFC 3397 §2). */
export const domains: Shape<readonly string[]> = {
  kind: 'domains',
  expects: 'domain names such as [example.org, lab.example.org]',
  decode: decodeNames,
  encode: (value) => {
    const names = listFrom(value);
    const out: number[] = [];
    for (const name of names) {
      const wire = typeof name === 'string' ? encodeName(name) : undefined;
      if (!wire) return undefined;
      out.push(...wire);
    }
    return out.length > 0 ? Uint8Array.from(out) : undefined;
  },
  format: (value) => value.map(printableName).join(', '),
};

/** Exactly one name in DNS wire form. */
export const domain: Shape<string> = {
  kind: 'domain',
  expects: 'a domain name such as example.org',
  decode: (bytes) => {
    const names = decodeNames(bytes);
    return names?.length === 1 ? names[0] : undefined;
  },
  encode: (value) => (typeof value === 'string' ? encodeName(value) : undefined),
  format: printableName,
};

/** Option 120 (RFC 3361): encoding byte 0 and names, or 1 and addresses. */
export const sipServers: Shape<readonly string[] | readonly Ipv4[]> = {
  kind: 'sip-servers',
  expects: 'either IPv4 addresses or domain names, not both',
  decode: (bytes) => {
    if (bytes[0] === 0) return domains.decode(bytes.subarray(1));
    return bytes[0] === 1 ? ips.decode(bytes.subarray(1)) : undefined;
  },
  encode: (value) => {
    const addresses = ips.encode(value);
    if (addresses) return Uint8Array.of(1, ...addresses);
    const names = listFrom(value).some((name) => /^[\d.]+$/.test(String(name))) ? undefined : domains.encode(value);
    return names && Uint8Array.of(0, ...names);
  },
  format: (value) => value.map(printableName).join(', '),
};

/** Option 81 (RFC 4702 §2). `flags`: 1 S, 2 O, 4 E (name in DNS wire form), 8 N. The two RCODE bytes are obsolete. */
export interface ClientFqdn {
  readonly flags: number;
  readonly rcode1: number;
  readonly rcode2: number;
  readonly name: string;
}

const FQDN_WIRE_FORM = 4;

export const fqdn: Shape<ClientFqdn> = {
  kind: 'fqdn',
  expects: 'a name such as host.example.org, or { name, flags }',
  decode: (bytes) => {
    const [flags, rcode1, rcode2] = bytes;
    if (flags === undefined || rcode1 === undefined || rcode2 === undefined) return undefined;
    const rest = bytes.subarray(3);
    const name = flags & FQDN_WIRE_FORM ? decodePartialName(rest) : textFromBytes(rest);
    return name === undefined ? undefined : { flags, rcode1, rcode2, name };
  },
  encode: (value) => {
    const asked = typeof value === 'string' ? { name: value } : value;
    if (typeof asked !== 'object' || asked === null || !('name' in asked) || typeof asked.name !== 'string')
      return undefined;
    const byte = (key: string, fallback: number) => {
      const given: unknown = Object.entries(asked).find(([name]) => name === key)?.[1] ?? fallback;
      return typeof given === 'number' && Number.isInteger(given) && given >= 0 && given <= 255 ? given : undefined;
    };
    const [flags, rcode1, rcode2] = [byte('flags', FQDN_WIRE_FORM), byte('rcode1', 0), byte('rcode2', 0)];
    if (flags === undefined || rcode1 === undefined || rcode2 === undefined) return undefined;
    const name = flags & FQDN_WIRE_FORM ? encodePartialName(asked.name) : textToBytes(asked.name);
    return name && Uint8Array.of(flags, rcode1, rcode2, ...name);
  },
  format: ({ flags, name }) => {
    const letters = ['S', 'O', 'E', 'N'].filter((_, bit) => flags & (1 << bit)).join('');
    return `${quote(name)}${letters && ` flags ${letters}`}`;
  },
};

function decodeNames(bytes: Uint8Array): string[] | undefined {
  const names: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const name = readName(bytes, at);
    if (!name?.complete || name.labels.length === 0) return undefined;
    names.push(name.labels.join('.'));
    at = name.next;
  }
  return names.length > 0 ? names : undefined;
}

// RFC 4702 §2.3.1: a name without its last zero byte is partial, an empty field asks the server for a name.
function decodePartialName(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return '';
  const name = readName(bytes, 0);
  if (name?.next !== bytes.length) return undefined;
  return name.labels.join('.') + (name.complete ? '.' : '');
}

function encodePartialName(name: string): Uint8Array | undefined {
  if (name === '') return new Uint8Array();
  const wire = encodeName(name);
  return name.endsWith('.') ? wire : wire?.subarray(0, -1);
}

interface WireName {
  readonly labels: readonly string[];
  /** Ended by a zero byte or a pointer, not by the end of the bytes. */
  readonly complete: boolean;
  readonly next: number;
}

// Pointers must go backwards (RFC 1035 §4.1.4), which also ends every loop.
function readName(bytes: Uint8Array, start: number): WireName | undefined {
  const labels: string[] = [];
  let next: number | undefined;
  let at = start;
  let lowest = start;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) return next === undefined ? { labels, complete: false, next: at } : undefined;
    if (length === 0) return { labels, complete: true, next: next ?? at + 1 };
    if (length >= 0xc0) {
      const target = ((length & 0x3f) << 8) | (bytes[at + 1] ?? 0xff);
      if (at + 1 >= bytes.length || target >= lowest) return undefined;
      next ??= at + 2;
      lowest = target;
      at = target;
      continue;
    }
    if (length > MAX_LABEL_LENGTH || at + 1 + length > bytes.length) return undefined;
    const label = bytes.subarray(at + 1, at + 1 + length);
    // A dot or NUL inside a label would read back as something else.
    if (label.includes(0x2e) || label.includes(0)) return undefined;
    labels.push(textFromBytes(label));
    if (labels.join('.').length > MAX_NAME_LENGTH) return undefined;
    at += 1 + length;
  }
}

function encodeName(name: string): Uint8Array | undefined {
  const labels = name
    .replace(/\.$/, '')
    .split('.')
    .map((label) => textToBytes(label));
  const length = labels.reduce((sum, label) => sum + label.length + 1, 0);
  if (length > MAX_NAME_LENGTH + 1 || /[\s\0]/.test(name)) return undefined;
  if (labels.some((label) => label.length === 0 || label.length > MAX_LABEL_LENGTH)) return undefined;
  return Uint8Array.from([...labels.flatMap((label) => [label.length, ...label]), 0]);
}

function printableName(name: string): string {
  return /^[\w.-]+$/.test(name) ? name : quote(name);
}
