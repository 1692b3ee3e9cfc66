/** `hobnail host`: machines and what they get, on the files or by a server's API. */
import { type Command, InvalidArgumentError } from 'commander';
import { stringify } from 'yaml';
import type { PlainObject } from '../boot/edit.ts';
import { AppError } from '../errors.ts';
import type { Cli } from './cli.ts';
import { type HostChanged, type House, inHouse } from './house.ts';
import { formatTable } from './output.ts';

interface HostOptions {
  readonly mac?: readonly string[];
  readonly profile?: string;
  readonly address?: string;
  readonly policy?: string;
  readonly loader?: string;
  readonly localBoot?: string;
  readonly secureBoot?: boolean;
  readonly var?: readonly [string, string][];
}

export function addHostCommands(program: Command, cli: Cli): void {
  const host = program.command('host').description('machines and what they get');

  host
    .command('ls')
    .description('every host, and what it boots next')
    .action(async () => {
      const found = await inHouse(cli, (house) => house.listHosts());
      const rows = found.map(({ name, macs, profile, next }) => ({ name, macs, profile, next: next.text }));
      cli.output().result(
        () =>
          rows.length === 0
            ? 'No hosts yet. Add one: hobnail host add web01 --mac 52:54:00:aa:bb:cc --profile rescue'
            : formatTable(
                ['name', 'mac', 'profile', 'next boot'],
                rows.map((row) => [row.name, row.macs.join(' '), row.profile ?? '-', row.next]),
              ),
        rows,
      );
    });

  host
    .command('show')
    .description("a host's file and what it boots next")
    .argument('<host>', 'name or MAC')
    .action(async (id: string) => {
      const shown = await inHouse(cli, (house) => house.readHost(id));
      const { name, next, document } = shown;
      cli.output().result(() => `# ${name}: ${next.text} (${next.reason})\n${stringify(document)}`, shown);
    });

  withHostOptions(host.command('add').description('add a host').argument('<name>'))
    .addHelpText(
      'after',
      '\nExample:\n  hobnail host add web01 --mac 52:54:00:aa:bb:cc --profile rescue --var console=ttyS0',
    )
    .action(async (name: string, options: HostOptions) => {
      if (!options.mac) throw new AppError('request-invalid', 'a host needs at least one --mac');
      await change(cli, (house) => house.createHost(name, documentOf(options)), name);
    });

  withHostOptions(
    host.command('set').description('change a host; comments in its file stay').argument('<host>', 'name or MAC'),
  )
    .option('--unset <field...>', 'fields to take away')
    .action(async (id: string, options: HostOptions & { unset?: readonly string[] }) => {
      await changeHost(cli, id, {
        ...documentOf(options),
        ...Object.fromEntries((options.unset ?? []).map((field) => [field, null])),
      });
    });

  host
    .command('rm')
    .description('remove a host; the machine is unknown from then on')
    .argument('<host>', 'name or MAC')
    .action(async (id: string) => {
      const name = await inHouse(cli, (house) => house.removeHost(id));
      cli.output().result(`${name} is removed.`, { removed: name });
    });
}

function withHostOptions(command: Command): Command {
  return command
    .option('--mac <mac...>', 'hardware addresses')
    .option('--profile <name>', 'what it gets')
    .option('--address <ip>', 'reserved address')
    .option('--policy <policy>', 'auto, local, blocked or ignore')
    .option('--loader <loader>', 'ipxe, ipxe-native, pxelinux, lpxelinux, grub or shim')
    .option('--secure-boot', 'its firmware takes only what is signed')
    .option('--no-secure-boot', 'it takes everything')
    .option('--local-boot <method>', 'no-offer, exit, sanboot or poweroff')
    .option('--var <name=value>', 'a template variable; may be repeated', collectVar);
}

/** Merges fields into a host's file, and says what it boots next. @param id name or MAC */
export async function changeHost(cli: Cli, id: string, patch: PlainObject): Promise<void> {
  await change(cli, (house) => house.mergeHost(id, patch), id);
}

async function change(cli: Cli, write: (house: House) => Promise<HostChanged>, asked: string): Promise<void> {
  const { name, next } = await inHouse(cli, write);
  const known = name === asked ? name : `${name} (${asked})`;
  cli.output().result(`${known}: next boot: ${next.text} (${next.reason})`, { name, next });
}

function documentOf(options: HostOptions): Record<string, unknown> {
  const { mac, profile, address, policy, loader, localBoot, secureBoot, var: vars } = options;
  return {
    ...(mac && { macs: [...mac] }),
    ...(profile !== undefined && { profile }),
    ...(address !== undefined && { address }),
    ...(policy !== undefined && { policy }),
    ...(loader !== undefined && { loader }),
    ...(localBoot !== undefined && { localBoot }),
    ...(secureBoot !== undefined && { secureBoot }),
    ...(vars && { vars: Object.fromEntries(vars) }),
  };
}

function collectVar(text: string, before: readonly [string, string][] = []): readonly [string, string][] {
  const [, name, value] = /^([A-Za-z_][\w-]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Write name=value.');
  return [...before, [name, value]];
}
