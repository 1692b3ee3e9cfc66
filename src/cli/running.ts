/** What only the running appliance can do: arm and disarm hosts, look into the inbox, see boots. By its API. */
import type { Command } from 'commander';
import { wholeNumber } from './arguments.ts';
import type { Cli } from './cli.ts';
import { formatTable } from './output.ts';
import { connect, REMOTE_HELP } from './remote.ts';

interface DeploymentView {
  readonly id: string;
  readonly host: string;
  readonly profile: string;
  readonly destructive: boolean;
  readonly state: string;
  readonly deadline: number;
}
interface StrangerView {
  readonly mac: string;
  readonly vendor?: string;
  readonly architecture?: string;
  readonly standing: string;
  readonly lastSeenAt: number;
}
interface BootView {
  readonly mac: string;
  readonly host?: string;
  readonly startedAt: number;
  readonly reached?: string;
  readonly outcome: string;
  readonly says: string;
  readonly advice?: string;
}

export function addRunningCommands(program: Command, cli: Cli): void {
  const host = program.commands.find((command) => command.name() === 'host') ?? program.command('host');

  host
    .command('arm')
    .description('let its profile write to its disks, for so many boots, until a deadline')
    .argument('<host>', 'name or MAC')
    .option('--profile <name>', 'default: the one it is assigned')
    .option('--attempts <count>', 'boots that may install', wholeNumber)
    .option('--minutes <count>', 'no attempt begins later', wholeNumber)
    .addHelpText('after', `${REMOTE_HELP}\n\nExample:\n  hobnail host arm web01 --minutes 60`)
    .action(async (id: string, options: object) => {
      const made = await connect(cli).ask<DeploymentView>('POST', `/hosts/${encodeURIComponent(id)}/arm`, options);
      const until = new Date(made.deadline).toISOString();
      const warning = made.destructive ? ' It WRITES TO ITS DISKS.' : '';
      cli.output().result(`${made.host} is armed with profile ${made.profile} until ${until}.${warning}`, made);
    });

  host
    .command('disarm')
    .description('take that back')
    .argument('<host>', 'name or MAC')
    .addHelpText('after', REMOTE_HELP)
    .action(async (id: string) => {
      const done = await connect(cli).ask<DeploymentView>('POST', `/hosts/${encodeURIComponent(id)}/disarm`);
      cli.output().result(`${done.host} is not armed any more: ${done.state}.`, done);
    });

  const inbox = program.command('inbox').description('machines that are no host').addHelpText('after', REMOTE_HELP);

  inbox
    .command('ls')
    .description('who they are, the last seen first')
    .action(async () => {
      const { items } = await connect(cli).ask<{ items: readonly StrangerView[] }>('GET', '/discovered?limit=1000');
      cli.output().result(() => {
        const rows = items.map(({ mac, vendor = '-', architecture = '-', standing, lastSeenAt }) => {
          return [mac, standing, new Date(lastSeenAt).toISOString(), architecture, vendor];
        });
        return rows.length === 0
          ? 'No strangers.'
          : formatTable(['mac', 'standing', 'last seen', 'arch', 'maker'], rows);
      }, items);
    });

  inbox
    .command('adopt')
    .description('make a host of one')
    .argument('<mac>')
    .argument('<name>')
    .option('--profile <name>', 'what it gets')
    .action(async (mac: string, name: string, options: { profile?: string }) => {
      const path = `/discovered/${encodeURIComponent(mac)}/adopt`;
      const made = await connect(cli).ask('POST', path, { name, ...options });
      cli.output().result(`${mac} is host ${name}.`, made);
    });

  for (const verb of ['ignore', 'block', 'restore'] as const) {
    inbox
      .command(verb)
      .description(verb === 'restore' ? 'an ordinary stranger again' : `${verb} one: no boot answer`)
      .argument('<mac>')
      .action(async (mac: string) => {
        const path = `/discovered/${encodeURIComponent(mac)}/${verb}`;
        const after = await connect(cli).ask<StrangerView>('POST', path);
        cli.output().result(`${after.mac} is ${after.standing}.`, after);
      });
  }

  program
    .command('boots')
    .description('the last boots: how far each came and why it stopped')
    .option('--limit <count>', 'so many', wholeNumber, 20)
    .addHelpText('after', REMOTE_HELP)
    .action(async ({ limit }: { limit: number }) => {
      const { items } = await connect(cli).ask<{ items: readonly BootView[] }>('GET', `/boots?limit=${limit}`);
      cli.output().result(() => {
        const rows = items.map(({ startedAt, host, mac, reached = '-', outcome, says }) => {
          return [new Date(startedAt).toISOString(), host ?? mac, reached, outcome, says];
        });
        return rows.length === 0
          ? 'No boots yet.'
          : formatTable(['begun', 'machine', 'came to', 'outcome', 'why'], rows);
      }, items);
    });
}
