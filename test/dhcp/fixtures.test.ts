import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../src/dhcp/capture.ts';
import { decode } from '../../src/dhcp/packet.ts';
import { describePacket } from '../../src/dhcp/summary.ts';
import { WireError } from '../../src/net/bytes.ts';
import { CLIENT_PACKET_NAMES, CLIENT_PACKETS, clientBytes, clientHex } from '../support/dhcp-clients.ts';
import { MALFORMED_PACKETS, malformedHex } from '../support/dhcp-malformed.ts';

const FOLDER = new URL('../fixtures/dhcp/', import.meta.url);
const LINE = '----\n';
const UPDATE = process.env.UPDATE_GOLDEN === '1';

const written = new Map<string, string>([
  ...CLIENT_PACKET_NAMES.map((name) => [`client-${name}.txt`, clientHex(name)] as const),
  ...Object.entries(MALFORMED_PACKETS).map(([name, packet]) => [`odd-${name}.txt`, malformedHex(packet)] as const),
]);

if (UPDATE) {
  for (const [file, hex] of written) {
    if (!existsSync(new URL(file, FOLDER))) writeFileSync(new URL(file, FOLDER), hex + LINE);
  }
}

describe('golden packets', () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.txt'))) {
    it(`D-1, D-2: reads ${file} as it says`, () => {
      const [hex = '', expected = ''] = readFileSync(new URL(file, FOLDER), 'utf8').split(LINE);
      const source = written.get(file) ?? hex;
      const dump = `${dumpOf(source)}\n`;
      if (UPDATE) writeFileSync(new URL(file, FOLDER), source + LINE + dump);
      else expect({ hex, dump }).toEqual({ hex: source, dump: expected });
    });
  }

  it('has a file for every client and every fault', () => {
    expect(readdirSync(FOLDER)).toEqual(expect.arrayContaining([...written.keys()]));
  });

  it.each(
    CLIENT_PACKET_NAMES.flatMap((name) => {
      const client = CLIENT_PACKETS[name];
      return 'size' in client ? [[name, client.size] as const] : [];
    }),
  )('%s is as long as in the capture: %i bytes', (name, size) => {
    expect(clientBytes(name)).toHaveLength(size);
  });
});

function dumpOf(hex: string): string {
  const [packet] = readCapture(new TextEncoder().encode(hex));
  try {
    return describePacket(decode(packet?.bytes ?? new Uint8Array()));
  } catch (error) {
    if (error instanceof WireError) return `WireError ${error.code}: ${error.message}`;
    throw error;
  }
}
