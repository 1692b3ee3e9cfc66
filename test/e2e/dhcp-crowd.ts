/**
 * A crowd of clients on the link itself: from no address, by broadcast, with no relay agent between. Kea's load generator
 * always speaks as a relay agent. `crowdOnLink` starts this file in a station that has no address.
 */
import { createSocket } from 'node:dgram';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Station } from '../../src/lab/lan.ts';
import { decode, encode, type Heard, type Said, TYPE } from './dhcp-packet.ts';

export interface Crowd {
  readonly macs: readonly string[];
  /** Sent by all of them, code → hex. */
  readonly options?: Readonly<Record<number, string>>;
}

const ATONCE = 100;
const TRIES = 8;
const WAIT_MS = 1500;

/** MAC → the address it was acknowledged; who got none is absent. A lost packet is sent again, as clients do. */
export async function crowdOnLink(station: Station, crowd: Crowd): Promise<Map<string, string>> {
  if (station.address !== '') throw new Error('a client on the link has no address yet');
  await station.run('ip', ['route', 'replace', 'default', 'dev', station.interface]);
  const output = await station.run(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(crowd)]);
  return new Map(JSON.parse(output) as [string, string][]);
}

async function come({ macs, options = {} }: Crowd): Promise<[string, string][]> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(68, resolve));
  socket.setBroadcast(true);
  socket.setRecvBufferSize(4_000_000);
  const listeners = new Map<string, (heard: Heard) => void>();
  socket.on('message', (bytes) => {
    const heard = decode(bytes);
    listeners.get(heard.mac)?.(heard);
  });

  async function ask(said: Said, wanted: (heard: Heard) => boolean): Promise<Heard | undefined> {
    const answer = Promise.withResolvers<Heard>();
    listeners.set(said.mac, (heard) => wanted(heard) && answer.resolve(heard));
    for (let tries = 0; tries < TRIES; tries++) {
      socket.send(encode(said), 67, '255.255.255.255');
      const heard = await Promise.race([answer.promise, pause(WAIT_MS, undefined)]);
      if (heard) return heard;
    }
    return undefined;
  }

  async function lease(mac: string): Promise<string | undefined> {
    const isOffer = ({ type, yiaddr }: Heard) => type === TYPE.offer && yiaddr !== '0.0.0.0';
    const offer = await ask({ mac, type: TYPE.discover, options }, isOffer);
    if (!offer) return undefined;
    const wish = { ...options, 54: offer.options[54] ?? '' };
    const request = { mac, type: TYPE.request, addresses: { 50: offer.yiaddr }, options: wish };
    const ack = await ask(request, ({ type }) => type === TYPE.ack || type === TYPE.nak);
    return ack?.type === TYPE.ack ? ack.yiaddr : undefined;
  }

  const left = [...macs];
  const leases: [string, string][] = [];
  const one = async () => {
    for (let mac = left.pop(); mac !== undefined; mac = left.pop()) {
      const address = await lease(mac);
      if (address !== undefined) leases.push([mac, address]);
    }
  };
  await Promise.all(Array.from({ length: ATONCE }, one));
  socket.close();
  return leases;
}

if (import.meta.main) {
  process.stdout.write(JSON.stringify(await come(JSON.parse(process.argv[2] ?? '') as Crowd)));
}
