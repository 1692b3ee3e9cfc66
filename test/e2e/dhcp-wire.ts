/** What DHCP servers offered and acknowledged, read off the wire: the one account no server can get wrong. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Station } from '../../src/lab/lan.ts';
import { splitCapture } from './capture.ts';
import { decode, TYPE } from './dhcp-packet.ts';
import { udpPayload } from './frame.ts';

/** What a server said to one client. */
export interface Answer {
  readonly type: number | undefined;
  readonly address: string;
  readonly mac: string;
  readonly giaddr: string;
  /** The server's address the frame came from. */
  readonly server: string;
  /** The address the frame went to. */
  readonly to: string;
}

export interface DhcpWire {
  /** Ends the capture and reads it. */
  answers(): Promise<readonly Answer[]>;
}

/** Captures in a station, best the wire itself: what is started there hears every frame of the LAN once. */
export async function watchDhcp(station: Station, directory: string, name: string): Promise<DhcpWire> {
  const file = join(directory, `${name}.pcap`);
  const args = ['-i', station.interface, '-U', '-B', '65536', '-w', file, 'udp', 'src', 'port', '67'];
  const daemon = station.start('tcpdump', args, { logPath: join(directory, `${name}.tcpdump.log`) });
  await daemon.waitForLog(/listening on/, 10_000);
  return {
    async answers() {
      // The kernel hands frames over in blocks, the last one after a second; a busy machine may take longer to write it.
      for (let before = -1, size = 0; size !== before; size = (await stat(file)).size) {
        before = size;
        await new Promise((resolve) => setTimeout(resolve, 1500));
      }
      await daemon.close();
      const log = await daemon.log();
      if (!/\b0 packets dropped by kernel/.test(log)) throw new Error(`the capture is not whole: ${log}`);
      return [...splitCapture(await readFile(file))].flatMap(readAnswer);
    },
  };
}

/** The ACKs with an address in them. */
export function acknowledgedOf(answers: readonly Answer[]): readonly Answer[] {
  return answers.filter(({ type, address }) => type === TYPE.ack && address !== '0.0.0.0');
}

/** Address → the machines it was acknowledged to. */
export function holdersOf(answers: readonly Answer[]): Map<string, Set<string>> {
  const holders = new Map<string, Set<string>>();
  for (const { address, mac } of acknowledgedOf(answers)) {
    const known = holders.get(address);
    if (known) known.add(mac);
    else holders.set(address, new Set([mac]));
  }
  return holders;
}

const REPLY = 2;

function readAnswer(frame: Buffer): Answer[] {
  const payload = udpPayload(frame)?.payload;
  if (!payload || payload[0] !== REPLY) return [];
  const { type, yiaddr: address, mac, giaddr } = decode(payload);
  return [
    { type, address, mac, giaddr, server: frame.subarray(26, 30).join('.'), to: frame.subarray(30, 34).join('.') },
  ];
}
