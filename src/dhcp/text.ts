/** Text in DHCP fields: UTF-8 when it is, else one character a byte, so nothing a client sent is lost. */

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();

/** Bytes up to the first NUL as text: RFC 2132 §2 text is not NUL-ended, but many clients and servers end it so. */
export function textFromBytes(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === 0) return text;
    if (byte >= 0x80) return anyTextFromBytes(bytes);
    text += String.fromCharCode(byte);
  }
  return text;
}

function anyTextFromBytes(bytes: Uint8Array): string {
  const nul = bytes.indexOf(0);
  const text = nul === -1 ? bytes : bytes.subarray(0, nul);
  try {
    return UTF8.decode(text);
  } catch {
    return String.fromCharCode(...text);
  }
}

/** UTF-8 bytes; `nul` adds the ending byte that PXE firmware overwrites when it is missing (option 67). */
export function textToBytes(text: string, options: { readonly nul?: boolean } = {}): Uint8Array {
  const whole = options.nul ? `${text}\0` : text;
  const bytes = new Uint8Array(whole.length);
  for (let at = 0; at < whole.length; at++) {
    const code = whole.charCodeAt(at);
    if (code >= 0x80) return ENCODER.encode(whole);
    bytes[at] = code;
  }
  return bytes;
}

/** Printable ASCII only, and at least one character. */
export function isPrintable(bytes: Uint8Array): boolean {
  return bytes.length > 0 && bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
}

/** Lower-case hex, bytes joined by `separator`. */
export function hexFromBytes(bytes: Uint8Array, separator = ''): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(separator);
}

/** Reads `0x0102`, `01:02`, `01-02`, `01 02` or `0102`; undefined for anything else. */
export function bytesFromHex(text: string): Uint8Array | undefined {
  const digits = text.trim().replace(/^0x/i, '');
  if (!/^(?:[0-9a-f]{2}(?:[\s:-]?[0-9a-f]{2})*)?$/i.test(digits)) return undefined;
  return Uint8Array.from(digits.match(/[0-9a-f]{2}/gi) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** One word in quotes with control characters escaped, so a hostile name cannot forge a log line. */
export function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
