/** Hardware addresses: one parser and one formatter for every room. */

/** A 48-bit hardware address in canonical form: lower case, colons (`52:54:00:aa:bb:cc`). */
export type Mac = string & { readonly __mac: unique symbol };

/** How a MAC is written in file names, scripts and phone configuration. */
export type MacForm = 'colon' | 'hyphen' | 'dot' | 'raw' | 'upper' | 'pxelinux';

const SEPARATED = /^[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/i;
const DOTTED = /^[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}$/i;
const RAW = /^[0-9a-f]{12}$/i;
/** Character codes of what an address is written in. */
const COLON = 58;
const DIGIT_0 = 48;
const LETTER_A = 97;
/** Every byte as two digits: each packet has an address to write. */
const PAIRS: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * Parses a MAC in any form people and devices write: `52:54:00:aa:bb:cc`, `52-54-00-AA-BB-CC`, `5254.00aa.bbcc`,
 * `525400AABBCC`. Returns undefined for anything else.
 */
export function parseMac(text: string): Mac | undefined {
  if (!SEPARATED.test(text) && !DOTTED.test(text) && !RAW.test(text)) return undefined;
  return fromHexDigits(text.replace(/[^0-9a-f]/gi, ''));
}

/** The first one to six bytes of a MAC, as lower-case hex digits: a maker's block, or one machine. */
export type MacPrefix = string & { readonly __macPrefix: unique symbol };

/** Parses `b8:27:eb`, `B8-27-EB` or `b827eb`; undefined for anything else. */
export function parseMacPrefix(text: string): MacPrefix | undefined {
  if (!/^[0-9a-f]{2}(?:[:-]?[0-9a-f]{2}){0,5}$/i.test(text)) return undefined;
  return text.replace(/[:-]/g, '').toLowerCase() as MacPrefix;
}

export function hasMacPrefix(mac: Mac, prefix: MacPrefix): boolean {
  return mac.replaceAll(':', '').startsWith(prefix);
}

/** Reads the first six bytes of `chaddr`; undefined when there are fewer. */
export function macFromBytes(bytes: ArrayLike<number>): Mac | undefined {
  if (bytes.length < 6) return undefined;
  const pair = (at: number) => PAIRS[bytes[at] ?? 0];
  return `${pair(0)}:${pair(1)}:${pair(2)}:${pair(3)}:${pair(4)}:${pair(5)}` as Mac;
}

/** The address as a 48-bit number. */
export function macToNumber(mac: Mac): number {
  let value = 0;
  for (let at = 0; at < mac.length; at++) {
    const code = mac.charCodeAt(at);
    if (code !== COLON) value = value * 16 + (code < LETTER_A ? code - DIGIT_0 : code - LETTER_A + 10);
  }
  return value;
}

/** The address of a 48-bit number. */
export function macFromNumber(value: number): Mac {
  const high = Math.floor(value / 0x1_0000_0000);
  return macFromBytes([high >>> 8, high & 255, ...[24, 16, 8, 0].map((shift) => (value >>> shift) & 255)]) as Mac;
}

/** The six bytes on the wire. */
export function macToBytes(mac: Mac): Uint8Array {
  return Uint8Array.from(mac.split(':'), (pair) => Number.parseInt(pair, 16));
}

/**
 * Writes a MAC as `colon` 52:54:00:aa:bb:cc, `hyphen` 52-54-00-aa-bb-cc, `dot` 5254.00aa.bbcc, `raw` 525400aabbcc,
 * `upper` 525400AABBCC (Cisco's `SEP<MAC>`), or `pxelinux` 01-52-54-00-aa-bb-cc (01 is Ethernet's hardware type).
 */
export function formatMac(mac: Mac, form: MacForm): string {
  const raw = mac.replaceAll(':', '');
  switch (form) {
    case 'colon':
      return mac;
    case 'hyphen':
      return mac.replaceAll(':', '-');
    case 'dot':
      return `${raw.slice(0, 4)}.${raw.slice(4, 8)}.${raw.slice(8)}`;
    case 'raw':
      return raw;
    case 'upper':
      return raw.toUpperCase();
    case 'pxelinux':
      return `01-${mac.replaceAll(':', '-')}`;
    default:
      return form satisfies never;
  }
}

function fromHexDigits(digits: string): Mac {
  return (digits.toLowerCase().match(/../g) ?? []).join(':') as Mac;
}
