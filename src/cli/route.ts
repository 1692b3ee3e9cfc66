/** `hobnail route`: what becomes of a path a machine asks for, rule by rule, by the code that answers real machines. */
import { styleText } from 'node:util';
import { type Command, InvalidArgumentError } from 'commander';
import type { Resource, WriteResource } from '../boot/resolve.ts';
import type { Rewriting } from '../boot/rewrite.ts';
import type { RouteTrial } from '../core.ts';
import { parseIpNetwork } from '../net/ip-network.ts';
import { type Mac, parseMac } from '../net/mac.ts';
import type { Cli } from './cli.ts';
import { requireGoodFiles, withCore } from './offline.ts';
import { EXIT } from './output.ts';

interface Options {
  readonly ip?: string;
  readonly mac?: Mac;
  readonly write?: boolean;
}

export function addRouteCommand(program: Command, cli: Cli): void {
  program
    .command('route')
    .description('try a path: each rewrite rule, the path it becomes, and what it leads to')
    .argument('<path>', 'as the machine asks for it: pxelinux.0, \\Boot\\BCD')
    .option('--ip <address>', 'the asking address; by default the one reserved for the MAC', ipArgument)
    .option('--mac <mac>', 'the asking machine, as its lease would name it', macArgument)
    .option('--write', 'an upload instead of a download')
    .action(async (path: string, options: Options) => {
      const trial = await withCore(cli, (core) => {
        requireGoodFiles(core);
        return core.route(path, options);
      });
      cli.output().result(() => formatTrial(path, trial), { path, ...trial });
      if (verdictOf(trial) === 'absent') cli.exitWith(EXIT.notFound);
      if (verdictOf(trial) === 'refused') cli.exitWith(EXIT.denied);
    });
}

function verdictOf({ outcome, passes }: RouteTrial): string | undefined {
  return (outcome ?? passes[0]?.resource)?.kind;
}

function formatTrial(path: string, { ip, mac, passes, outcome }: RouteTrial): string {
  const asker = [ip === '0.0.0.0' ? undefined : ip, mac].filter((part) => part !== undefined).join(', ');
  const lines = [`${styleText('bold', path)}${asker === '' ? '' : `, asked by ${asker}`}`];
  for (const [index, { rewriting, resource }] of passes.entries()) {
    const heading = index === 0 ? 'Rewrite rules' : 'If nothing is there';
    lines.push(
      '',
      heading,
      ...formatSteps(rewriting),
      `  path: ${pathOf(rewriting)}`,
      `  leads to: ${describe(resource)}`,
    );
  }
  if (outcome?.kind === 'content') {
    lines.push('', `${styleText('bold', 'Answer')}  ${outcome.origin}, ${outcome.size} bytes`);
  } else if (outcome) {
    lines.push('', `${styleText('bold', 'Answer')}  ${outcome.kind}: ${outcome.reason}`);
  }
  return lines.join('\n');
}

function formatSteps({ steps }: Rewriting): string[] {
  if (steps.length === 0) return ['  none'];
  return steps.map(({ rule, title, applied, because, path }) => {
    const mark = applied ? styleText('green', '✓') : '·';
    return `  ${mark} ${rule} ${title}: ${because}${applied ? ` → ${path}` : ''}`;
  });
}

function pathOf(rewriting: Rewriting): string {
  switch (rewriting.kind) {
    case 'path':
      return rewriting.path;
    case 'denied':
      return `denied, with the words "${rewriting.text}"`;
    case 'refused':
      return `refused: ${rewriting.reason}`;
    default:
      return rewriting satisfies never;
  }
}

function describe(resource: Resource | WriteResource): string {
  switch (resource.kind) {
    case 'template': {
      const machine = resource.host?.name ?? resource.mac ?? 'an unknown machine';
      return `template ${resource.template} for ${machine}, by the row "${resource.route.path}"`;
    }
    case 'image':
      return `image ${resource.image}, by the row "${resource.route.path}"`;
    case 'upload':
      return `upload ${resource.file} (${resource.policy}), by the row "${resource.route.path}"`;
    case 'slot':
      return `upload slot ${resource.file} (${resource.policy}), by the row "${resource.route.path}"`;
    case 'elsewhere':
      return `no upload slot; the settings (tftp.uploads) say what becomes of ${resource.file}`;
    case 'absent':
    case 'refused':
      return `${resource.kind}: ${resource.reason}`;
    default:
      return resource satisfies never;
  }
}

function ipArgument(text: string): string {
  if (text.includes('/') || !parseIpNetwork(text)) throw new InvalidArgumentError('Write it as 10.77.0.5 or fd00::5.');
  return text;
}

function macArgument(text: string): Mac {
  const mac = parseMac(text);
  if (!mac) throw new InvalidArgumentError('Write it as 52:54:00:aa:bb:cc.');
  return mac;
}
