/** DHCP packets as the tests' own clients write and read them. Knows the wire by itself, not by `src/`. */

export const TYPE = { discover: 1, offer: 2, request: 3, decline: 4, ack: 5, nak: 6, release: 7, inform: 8 } as const;

export interface Said {
  readonly mac: string;
  /** Absent in BOOTP. */
  readonly type?: number;
  readonly ciaddr?: string;
  /** The relay agent's address. Absent: from a client on the link, which asks for its answer by broadcast. */
  readonly giaddr?: string;
  /** Option code → four bytes in dotted form. */
  readonly addresses?: Readonly<Record<number, string>>;
  /** Option code → its bytes in hex. */
  readonly options?: Readonly<Record<number, string>>;
}

export interface Heard {
  readonly mac: string;
  readonly type: number | undefined;
  readonly yiaddr: string;
  readonly siaddr: string;
  readonly giaddr: string;
  /** Hex by code. */
  readonly options: Readonly<Record<number, string>>;
}

const BROADCAST_FLAG = 0x8000;

export function encode({ mac, type, ciaddr = '0.0.0.0', giaddr, addresses = {}, options = {} }: Said): Buffer {
  const packet = Buffer.alloc(400);
  packet.set([1, 1, 6, giaddr === undefined ? 0 : 1]);
  packet.writeUInt32BE(Math.floor(Math.random() * 2 ** 32), 4);
  packet.writeUInt16BE(giaddr === undefined ? BROADCAST_FLAG : 0, 10);
  packet.set(bytesOf(ciaddr), 12);
  packet.set(bytesOf(giaddr ?? '0.0.0.0'), 24);
  packet.set(Buffer.from(mac.replaceAll(':', ''), 'hex'), 28);
  const field = type === undefined ? [] : [53, 1, type, 55, 4, 1, 3, 6, 51];
  for (const [code, address] of Object.entries(addresses)) field.push(Number(code), 4, ...bytesOf(address));
  for (const [code, hex] of Object.entries(options))
    field.push(Number(code), hex.length / 2, ...Buffer.from(hex, 'hex'));
  packet.set([0x63, 0x82, 0x53, 0x63, ...field, 255], 236);
  return packet;
}

export function decode(packet: Buffer): Heard {
  const options: Record<number, string> = {};
  for (let at = 240; at < packet.length && packet[at] !== 255; at += 2 + (packet[at + 1] ?? 0)) {
    options[packet[at] ?? 0] = packet.toString('hex', at + 2, at + 2 + (packet[at + 1] ?? 0));
  }
  return {
    mac: packet.toString('hex', 28, 34).replace(/..(?!$)/g, '$&:'),
    type: options[53] === undefined ? undefined : Number.parseInt(options[53], 16),
    yiaddr: packet.subarray(16, 20).join('.'),
    siaddr: packet.subarray(20, 24).join('.'),
    giaddr: packet.subarray(24, 28).join('.'),
    options,
  };
}

function bytesOf(address: string): number[] {
  return address.split('.').map(Number);
}
