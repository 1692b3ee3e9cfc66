/** `hobnail explain`: what would this machine get, and why? By the code that answers real machines. */
import { styleText } from 'node:util';
import { type Command, InvalidArgumentError } from 'commander';
import { formatArchitecture } from '../boot/client.ts';
import type { Explanation } from '../dhcp/explain.ts';
import { type Mac, parseMac } from '../net/mac.ts';
import { questionOf } from '../operator.ts';
import type { Cli } from './cli.ts';
import { requireGoodFiles, withCore } from './offline.ts';

interface Options {
  readonly mac: Mac;
  readonly arch?: number;
  readonly class?: string;
  readonly userClass?: string;
  readonly uuid?: string;
  readonly network?: string;
  readonly bootService?: boolean;
}

export function addExplainCommand(program: Command, cli: Cli): void {
  program
    .command('explain')
    .description('what would a machine get, and why: the rules tried, the answer in words and hex')
    .requiredOption('--mac <mac>', 'its hardware address', macArgument)
    .option('--arch <number>', 'DHCP option 93: 0 BIOS, 7 x64 UEFI, 16 x64 UEFI HTTP, 11 ARM64 UEFI', archArgument)
    .option('--class <text>', 'option 60; by default what the architecture sends')
    .option('--user-class <text>', 'option 77; iPXE for iPXE')
    .option('--uuid <uuid>', 'option 97')
    .option('--network <name>', 'which network it asks on; by default the first')
    .option('--boot-service', 'ask port 4011, as UEFI does behind a proxy')
    .action(async (options: Options) => {
      const { mac, arch, userClass, uuid, network, bootService } = options;
      const explanation = await withCore(cli, async (core) => {
        requireGoodFiles(core);
        const question = questionOf({ mac, arch, vendorClass: options.class, userClass, uuid });
        return core.explain({ ...question, ...(bootService && { bootService }) }, network);
      });
      const heading = `${mac}${arch === undefined ? '' : `, architecture ${formatArchitecture(arch)}`}`;
      cli.output().result(() => formatExplanation(heading, explanation), {
        mac,
        arch,
        reason: explanation.reason,
        decision: explanation.decision,
        reply: explanation.reply && { lines: explanation.reply.lines, hex: explanation.reply.hex },
      });
    });
}

function formatExplanation(heading: string, { reason, decision, reply, request }: Explanation): string {
  const rules = (decision?.rules ?? []).map(
    ({ rule, matched, because }) => `  ${matched ? styleText('green', '✓') : '·'} ${rule}: ${because}`,
  );
  const verdict = decision ? `${decision.plan.kind}: ${decision.plan.reason}` : reason;
  return [
    styleText('bold', heading),
    '',
    'Rules',
    ...rules,
    '',
    `${styleText('bold', 'Decision')}  ${verdict}`,
    ...(reply
      ? [
          '',
          `Answer  ${reason}`,
          ...indent(reply.lines),
          ...reply.notes.map((note) => `  note: ${note}`),
          '',
          'Hex',
          ...wrapHex(reply.hex),
        ]
      : ['', `No answer: ${reason}`]),
    '',
    'To this request',
    ...indent(request),
  ].join('\n');
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

function archArgument(text: string): number {
  const code = Number(text);
  if (!/^(?:0x[0-9a-f]+|\d+)$/i.test(text) || code > 0xffff) throw new InvalidArgumentError('Write 7 or 0x07.');
  return code;
}
