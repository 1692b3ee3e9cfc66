/** `hobnail decode`: any captured DHCP packet in words. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { type CapturedPacket, readCapture } from '../dhcp/capture.ts';
import { type DecodedPacket, decode } from '../dhcp/packet.ts';
import { describePacket, summarizePacket } from '../dhcp/summary.ts';
import { AppError, messageOf } from '../errors.ts';
import { WireError } from '../net/bytes.ts';
import type { Cli } from './cli.ts';
import { EXIT } from './output.ts';

export function addDecodeCommand(program: Command, cli: Cli): void {
  program
    .command('decode')
    .description('print captured DHCP packets: a pcap or pcapng file, or hex text')
    .argument('[file]', 'the capture; - or nothing reads standard input', '-')
    .option('-s, --summary', 'one line a packet')
    .addHelpText('after', '\nExample:\n  tcpdump -i eth0 -w - port 67 or port 68 or port 4011 -c 4 | hobnail decode')
    .action((file: string, { summary }: { summary?: boolean }) => {
      const decoded = capturedPackets(file).map(decodeOne);
      if (decoded.length === 0) cli.output().note('There is no DHCP packet in it.');
      if (decoded.some((one) => 'fault' in one)) cli.exitWith(EXIT.failed);
      cli.output().result(
        () => decoded.map((one) => show(one, summary ?? false)).join(summary ? '\n' : '\n\n'),
        decoded.map(({ number, ...rest }) =>
          'fault' in rest
            ? { number, fault: rest.fault }
            : { number, summary: summarizePacket(rest.packet), packet: rest.packet },
        ),
      );
    });
}

type Decoded =
  | { readonly number: number; readonly from: string; readonly packet: DecodedPacket }
  | { readonly number: number; readonly from: string; readonly fault: string };

function capturedPackets(file: string): readonly CapturedPacket[] {
  try {
    return readCapture(readFileSync(file === '-' ? 0 : file));
  } catch (error) {
    throw new AppError('request-invalid', `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

function decodeOne({ number, bytes, frame }: CapturedPacket): Decoded {
  const from = frame ? `${frame.source}:${frame.sourcePort} → ${frame.destination}:${frame.destinationPort}` : '';
  try {
    return { number, from, packet: decode(bytes) };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { number, from, fault: error.message };
  }
}

function show(one: Decoded, summary: boolean): string {
  if ('fault' in one) return `#${one.number} not DHCP: ${one.fault}`;
  if (summary) return `#${one.number} ${summarizePacket(one.packet)}`;
  return `#${one.number}${one.from ? ` ${one.from}` : ''}\n${describePacket(one.packet)}`;
}
