/** What DHCP servers acknowledged, read off the wire: the one account no server can get wrong. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Station } from '../../src/lab/lan.ts';
import { splitCapture } from './capture.ts';
import { udpPayload } from './frame.ts';

/** An ACK with an address in it. */
export interface Acknowledged {
  readonly address: string;
  readonly mac: string;
  /** The server's address the frame came from. */
  readonly server: string;
}

export interface DhcpWire {
  /** Ends the capture and reads it. */
  acknowledged(): Promise<readonly Acknowledged[]>;
}

/** Captures in a station, best the wire itself: what is started there hears every frame of the LAN once. */
export async function watchDhcp(station: Station, directory: string, name: string): Promise<DhcpWire> {
  const file = join(directory, `${name}.pcap`);
  const args = ['-i', station.interface, '-U', '-B', '65536', '-w', file, 'udp', 'src', 'port', '67'];
  const daemon = station.start('tcpdump', args, { logPath: join(directory, `${name}.tcpdump.log`) });
  await daemon.waitForLog(/listening on/, 10_000);
  return {
    async acknowledged() {
      // The kernel hands frames over in blocks, the last one after a second; a busy machine may take longer to write it.
      for (let before = -1, size = 0; size !== before; size = (await stat(file)).size) {
        before = size;
        await new Promise((resolve) => setTimeout(resolve, 1500));
      }
      await daemon.close();
      const log = await daemon.log();
      if (!/\b0 packets dropped by kernel/.test(log)) throw new Error(`the capture is not whole: ${log}`);
      return [...splitCapture(await readFile(file))].flatMap(readAck);
    },
  };
}

/** Address → the machines it was given to. */
export function holdersOf(acks: readonly Acknowledged[]): Map<string, Set<string>> {
  const holders = new Map<string, Set<string>>();
  for (const { address, mac } of acks) {
    const known = holders.get(address);
    if (known) known.add(mac);
    else holders.set(address, new Set([mac]));
  }
  return holders;
}

const REPLY = 2;
const ACK = 5;

function readAck(frame: Buffer): Acknowledged[] {
  const payload = udpPayload(frame)?.payload;
  if (!payload || payload[0] !== REPLY || messageType(payload) !== ACK) return [];
  const address = payload.subarray(16, 20).join('.');
  if (address === '0.0.0.0') return [];
  const mac = payload.toString('hex', 28, 34).replace(/..(?!$)/g, '$&:');
  return [{ address, mac, server: frame.subarray(26, 30).join('.') }];
}

function messageType(payload: Buffer): number | undefined {
  for (let at = 240; at + 2 < payload.length && payload[at] !== 255; at += 2 + (payload[at + 1] ?? 0)) {
    if (payload[at] === 53) return payload[at + 2];
  }
  return undefined;
}
