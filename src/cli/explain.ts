/** `hobnail explain`: what would this machine get, and why? By the code that answers real machines. */
import { readFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { type Command, InvalidArgumentError } from 'commander';
import { formatArchitecture } from '../boot/client.ts';
import { formatSource } from '../boot/origins.ts';
import type { Core } from '../core.ts';
import { readCapture } from '../dhcp/capture.ts';
import { PROXY_PORT } from '../dhcp/destination.ts';
import { BOOTREQUEST, decode, type Packet } from '../dhcp/packet.ts';
import type { RouterWait } from '../dhcp/router-wait.ts';
import { summarizePacket } from '../dhcp/summary.ts';
import { AppError, messageOf } from '../errors.ts';
import { type Ipv4, parseIpv4 } from '../net/ipv4.ts';
import { type Mac, parseMac } from '../net/mac.ts';
import { type ExplanationView, questionOf, viewExplanation } from '../operator.ts';
import { archArgument } from './arguments.ts';
import type { Cli } from './cli.ts';
import { inHouse } from './house.ts';
import { requireGoodFiles, withCore } from './offline.ts';
import { serverOf } from './remote.ts';

interface Options {
  readonly mac?: Mac;
  readonly packet?: string;
  readonly giaddr?: Ipv4;
  readonly arch?: number;
  readonly class?: string;
  readonly userClass?: string;
  readonly uuid?: string;
  readonly network?: string;
  readonly bootService?: boolean;
  readonly item?: number;
}

export function addExplainCommand(program: Command, cli: Cli): void {
  program
    .command('explain')
    .description('what would a machine get, and why: the rules tried, the answer in words and hex')
    .option('--mac <mac>', 'its hardware address', macArgument)
    .option('--packet <file>', 'requests that were captured instead: a pcap file or hex text; - reads standard input')
    .option('--giaddr <address>', 'a relay between the machine and us', ipv4Argument)
    .option('--arch <number>', 'DHCP option 93: 0 BIOS, 7 x64 UEFI, 16 x64 UEFI HTTP, 11 ARM64 UEFI', archArgument)
    .option('--class <text>', 'option 60; by default what the architecture sends')
    .option('--user-class <text>', 'option 77; iPXE for iPXE')
    .option('--uuid <uuid>', 'option 97')
    .option('--network <name>', 'which network it asks on; by default the first')
    .option('--boot-service', 'ask port 4011, as UEFI does behind a proxy')
    .option('--item <number>', 'ask port 4011 for a line of the menu of BIOS firmware', itemArgument)
    .action(async (options: Options) => {
      const { mac, arch, userClass, uuid, network, bootService, giaddr, item } = options;
      if (options.packet !== undefined) return explainCaptured(cli, options.packet, network);
      if (mac === undefined)
        throw new AppError('request-invalid', 'Name the machine with --mac, or give --packet FILE.');
      const machine = { mac, arch, vendorClass: options.class, userClass, uuid };
      const special = {
        ...(bootService && { bootService }),
        ...(giaddr && { giaddr }),
        ...(item !== undefined && { item }),
      };
      const explanation =
        Object.keys(special).length > 0
          ? await onFiles(cli, '--boot-service, --giaddr and --item', (core) =>
              viewExplanation(core.explain({ ...questionOf(machine), ...special }, network)),
            )
          : await inHouse(cli, (house) => house.explain({ ...machine, network }));
      const heading = `${mac}${arch === undefined ? '' : `, architecture ${formatArchitecture(arch)}`}`;
      cli.output().result(() => formatExplanation(heading, explanation), { mac, arch, ...explanation });
    });
}

/** Every request of a capture, answered as it would be now. */
async function explainCaptured(cli: Cli, file: string, network: string | undefined): Promise<void> {
  const requests = readRequests(file);
  if (requests.length === 0) throw new AppError('request-invalid', `There is no DHCP request in ${file}.`);
  const explained = await onFiles(cli, '--packet', (core) =>
    requests.map(({ packet, number, bootService }) => ({
      number,
      heading: `#${number} ${summarizePacket(packet)}`,
      explanation: viewExplanation(core.explainPacket(packet, network, bootService)),
    })),
  );
  cli.output().result(
    () => explained.map(({ heading, explanation }) => formatExplanation(heading, explanation)).join('\n\n'),
    explained.map(({ number, explanation }) => ({ number, ...explanation })),
  );
}

/** For what the API does not take. */
function onFiles<T>(cli: Cli, what: string, use: (core: Core) => T): Promise<T> {
  if (serverOf(cli) !== undefined) {
    throw new AppError('request-invalid', `${what} works on the files only: leave --server and HOBNAIL_API away.`);
  }
  return withCore(cli, async (core) => {
    requireGoodFiles(core);
    return use(core);
  });
}

function readRequests(file: string): { packet: Packet; number: number; bootService: boolean }[] {
  try {
    return readCapture(readFileSync(file === '-' ? 0 : file)).flatMap(({ number, bytes, frame }) => {
      const packet = decode(bytes);
      return packet.op === BOOTREQUEST ? [{ packet, number, bootService: frame?.destinationPort === PROXY_PORT }] : [];
    });
  } catch (error) {
    throw new AppError('request-invalid', `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

function itemArgument(text: string): number {
  const item = Number(text);
  if (!/^\d{1,5}$/.test(text) || item > 0xffff)
    throw new InvalidArgumentError('Write the number that explain shows, as 32768.');
  return item;
}

function ipv4Argument(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (!address) throw new InvalidArgumentError('Write it as 10.77.1.1.');
  return address;
}

export function formatExplanation(
  heading: string,
  { decision, rules, values, answer, request, reply }: ExplanationView,
): string {
  return [
    styleText('bold', heading),
    '',
    'Rules',
    ...rules.map(({ rule, matched, because }) => `  ${matched ? styleText('green', '✓') : '·'} ${rule}: ${because}`),
    ...(values.length > 0 ? ['', 'Values', ...indent(values.map(formatSource))] : []),
    '',
    `${styleText('bold', 'Decision')}  ${decision.kind}: ${decision.reason}`,
    ...(reply
      ? [
          '',
          `Answer  ${answer}`,
          `Sent to  ${reply.sentTo}`,
          ...indent(reply.words),
          ...reply.notes.map((note) => `  note: ${note}`),
          ...(reply.routerWait ? [formatRouterWait(reply.routerWait)] : []),
          '',
          'Hex',
          ...wrapHex(reply.hex),
        ]
      : ['', `No answer: ${answer}`]),
    '',
    'To this request',
    ...indent(request),
  ].join('\n');
}

function formatRouterWait({ end, because }: RouterWait): string {
  const what = end ? 'ended by a router advertisement with lifetime 0' : 'not ended';
  return `  wait for an IPv6 router: ${what}; ${because}`;
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function wrapHex(hex: string): string[] {
  return (hex.match(/.{1,64}/g) ?? []).map((line) => `  ${(line.match(/../g) ?? []).join(' ')}`);
}

function macArgument(text: string): Mac {
  const mac = parseMac(text);
  if (!mac) throw new InvalidArgumentError('Write it as 52:54:00:aa:bb:cc.');
  return mac;
}
