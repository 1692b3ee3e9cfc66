/**
 * One DHCP exchange by hand, as a relay agent, for what no real client does when it is asked to. `talkFrom` starts this file
 * in a station; it sends one packet, waits for an answer and prints it. Knows the wire by itself, not by `src/`.
 */
import { createSocket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import type { Station } from '../../src/lab/lan.ts';

export const TYPE = { discover: 1, offer: 2, request: 3, decline: 4, ack: 5, nak: 6, release: 7, inform: 8 } as const;

export interface Said {
  readonly mac: string;
  /** Absent in BOOTP. */
  readonly type?: number;
  readonly ciaddr?: string;
  /** Option code → four bytes in dotted form. */
  readonly addresses?: Readonly<Record<number, string>>;
}

export interface Heard {
  readonly type: number | undefined;
  readonly yiaddr: string;
  readonly siaddr: string;
  /** Hex by code. */
  readonly options: Readonly<Record<number, string>>;
}

interface Talk {
  readonly relay: string;
  readonly server: string;
  readonly packet: string;
  readonly waitMs: number;
}

/** Undefined: no answer came. What needs none (RELEASE, DECLINE) is waited for a little only. */
export async function talkFrom(station: Station, server: string, said: Said): Promise<Heard | undefined> {
  const silent = said.type === TYPE.release || said.type === TYPE.decline;
  const packet = encode(said, station.address).toString('hex');
  const talk: Talk = { relay: station.address, server, packet, waitMs: silent ? 300 : 3000 };
  const heard = await station.run(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(talk)]);
  return heard.trim() === '' ? undefined : decode(Buffer.from(heard.trim(), 'hex'));
}

/** DISCOVER, then REQUEST of what is offered; the ACK's address. */
export async function leaseFrom(station: Station, server: string, mac: string): Promise<string | undefined> {
  const offer = await talkFrom(station, server, { mac, type: TYPE.discover });
  if (offer?.type !== TYPE.offer) return undefined;
  const wish = { 50: offer.yiaddr, 54: server };
  const ack = await talkFrom(station, server, { mac, type: TYPE.request, addresses: wish });
  return ack?.type === TYPE.ack ? ack.yiaddr : undefined;
}

function encode({ mac, type, ciaddr = '0.0.0.0', addresses = {} }: Said, relay: string): Buffer {
  const packet = Buffer.alloc(300);
  packet.set([1, 1, 6, 1]);
  packet.writeUInt32BE(Math.floor(Math.random() * 2 ** 32), 4);
  packet.set(ciaddr.split('.').map(Number), 12);
  packet.set(relay.split('.').map(Number), 24);
  packet.set(Buffer.from(mac.replaceAll(':', ''), 'hex'), 28);
  const options = type === undefined ? [] : [53, 1, type, 55, 4, 1, 3, 6, 51];
  for (const [code, address] of Object.entries(addresses)) {
    options.push(Number(code), 4, ...address.split('.').map(Number));
  }
  packet.set([0x63, 0x82, 0x53, 0x63, ...options, 255], 236);
  return packet;
}

function decode(packet: Buffer): Heard {
  const options: Record<number, string> = {};
  for (let at = 240; at < packet.length && packet[at] !== 255; at += 2 + (packet[at + 1] ?? 0)) {
    options[packet[at] ?? 0] = packet.toString('hex', at + 2, at + 2 + (packet[at + 1] ?? 0));
  }
  return {
    type: options[53] === undefined ? undefined : Number.parseInt(options[53], 16),
    yiaddr: packet.subarray(16, 20).join('.'),
    siaddr: packet.subarray(20, 24).join('.'),
    options,
  };
}

async function talk({ relay, server, packet, waitMs }: Talk): Promise<void> {
  const bytes = Buffer.from(packet, 'hex');
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(67, relay, resolve));
  const heard = new Promise<string>((resolve) => {
    socket.on('message', (reply) => {
      if (reply.subarray(4, 8).equals(bytes.subarray(4, 8))) resolve(reply.toString('hex'));
    });
    setTimeout(() => resolve(''), waitMs);
  });
  socket.send(bytes, 67, server);
  console.log(await heard);
  socket.close();
}

if (import.meta.main) await talk(JSON.parse(process.argv[2] ?? '') as Talk);
