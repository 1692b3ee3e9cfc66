/**
 * One DHCP exchange by hand, as a relay agent, for what no real client does when it is asked to. `talkFrom` starts this file
 * in a station; it sends one packet, waits for an answer and prints it.
 */
import { createSocket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import type { Station } from '../../src/lab/lan.ts';
import { decode, encode, type Heard, type Said, TYPE } from './dhcp-packet.ts';

interface Talk {
  readonly relay: string;
  readonly server: string;
  readonly packet: string;
  readonly waitMs: number;
}

/** Undefined: no answer came. What needs none (RELEASE, DECLINE) is waited for a little only. */
export async function talkFrom(station: Station, server: string, said: Said): Promise<Heard | undefined> {
  const silent = said.type === TYPE.release || said.type === TYPE.decline;
  const packet = encode({ ...said, giaddr: station.address }).toString('hex');
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
