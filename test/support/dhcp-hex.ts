/** Writes DHCP packets as annotated hex without our codec, so that a fault in the codec cannot hide itself. */

/** One option: code, hex of its bytes, and what it says. */
export type HexOption = readonly [code: number, hex: string, comment?: string];

/** Hex text for each header field; what is left out is the usual value of a client on Ethernet. */
export interface HexPacket {
  readonly op?: string;
  readonly htype?: string;
  readonly hlen?: string;
  readonly hops?: string;
  readonly xid?: string;
  readonly secs?: string;
  readonly flags?: string;
  readonly ciaddr?: string;
  readonly yiaddr?: string;
  readonly siaddr?: string;
  readonly giaddr?: string;
  readonly chaddr?: string;
  readonly sname?: string;
  readonly file?: string;
  readonly cookie?: string;
  readonly options?: readonly HexOption[];
  /** Everything behind the options; default END alone. */
  readonly tail?: string;
  /** Pads with zeros to this many bytes. */
  readonly size?: number;
}

const FIELDS = [
  ['op', 1, '01'],
  ['htype', 1, '01'],
  ['hlen', 1, '06'],
  ['hops', 1, '00'],
  ['xid', 4, '1234abcd'],
  ['secs', 2, ''],
  ['flags', 2, ''],
  ['ciaddr', 4, ''],
  ['yiaddr', 4, ''],
  ['siaddr', 4, ''],
  ['giaddr', 4, ''],
  ['chaddr', 16, '525400007701'],
  ['sname', 64, ''],
  ['file', 128, ''],
  ['cookie', 4, '63825363'],
] as const;

/** The packet as lines of hex with `#` comments. */
export function hexPacket(packet: HexPacket): string {
  const lines: string[] = [];
  const row = (hex: string, comment = '') => {
    const rows = hex.match(/.{1,64}/g) ?? [''];
    rows.forEach((part, index) => {
      const spaced = part.replace(/(..)(?=.)/g, '$1 ');
      lines.push(index === 0 && comment ? `${spaced.padEnd(24)} # ${comment}` : spaced);
    });
  };
  for (const [name, width, usual] of FIELDS) row(compact(packet[name] ?? usual).padEnd(width * 2, '0'), name);
  for (const [code, hex, comment] of packet.options ?? []) {
    row(byte(code) + byte(compact(hex).length / 2) + compact(hex), `${code}${comment ? ` ${comment}` : ''}`);
  }
  const tail = compact(packet.tail ?? 'ff');
  if (tail) row(tail, tail === 'ff' ? 'END' : 'tail');
  const missing = (packet.size ?? 0) - bytesOfHex(lines.join('\n')).length;
  if (missing > 0) row('00'.repeat(missing), 'padding');
  return `${lines.join('\n')}\n`;
}

/** Reads what `hexPacket` writes. */
export function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(compact(hex.replace(/#.*$/gm, '')), 'hex'));
}

/** Hex of ASCII text. */
export function ascii(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex');
}

/** Hex of numbers, one byte each; `128-135` is a range. */
export function codes(list: string): string {
  return list
    .split(',')
    .flatMap((part) => {
      const [from = 0, to = from] = part.split('-').map(Number);
      return Array.from({ length: to - from + 1 }, (_, index) => byte(from + index));
    })
    .join('');
}

function byte(value: number): string {
  return value.toString(16).padStart(2, '0');
}

function compact(hex: string): string {
  return hex.replace(/\s+/g, '');
}
