/** `hobnail host local|files|explain`: a host sent to its own disk and back, what it asks for, what it is answered. */
import type { Command } from 'commander';
import { formatArchitecture } from '../boot/client.ts';
import { AppError } from '../errors.ts';
import { parseMac } from '../net/mac.ts';
import { archArgument } from './arguments.ts';
import type { Cli } from './cli.ts';
import { formatExplanation } from './explain.ts';
import { changeHost } from './host.ts';
import { inHouse } from './house.ts';
import { formatTable } from './output.ts';

export function addHostViewCommands(program: Command, cli: Cli): void {
  const host = program.commands.find((command) => command.name() === 'host') ?? program.command('host');

  host
    .command('local')
    .description('always boot its own disk; --back: what its profile says')
    .argument('<host>', 'name or MAC')
    .option('--back', 'policy auto again')
    .action(async (id: string, { back }: { back?: boolean }) => {
      const patch = { policy: back ? 'auto' : 'local' };
      await changeHost(cli, id, patch);
    });

  host
    .command('files')
    .description('the paths it would ask for, and what each is')
    .argument('<host>', 'name or MAC')
    .addHelpText('after', '\nWhat its profile adds once it is armed, or its policy lets it, is shown as "later".')
    .action(async (id: string) => {
      const { name, files } = await inHouse(cli, (house) => house.pathsOfHost(id));
      cli.output().result(
        () => {
          const rows = files.map(({ path, kind, from, when, size, because }) => {
            return [path, kind, when, size === undefined ? '-' : String(size), because ?? from];
          });
          return rows.length === 0
            ? `${name} would ask for nothing.`
            : formatTable(['path', 'what', 'when', 'bytes', 'from'], rows);
        },
        { host: name, files },
      );
    });

  host
    .command('explain')
    .description('what it would get, why, and where each value was written')
    .argument('<host>', 'name or MAC')
    .option('--arch <number>', 'DHCP option 93: 0 BIOS, 7 x64 UEFI, 16 x64 UEFI HTTP, 11 ARM64 UEFI', archArgument)
    .option('--network <name>', 'which network it asks on; by default the first')
    .option('--ipxe', 'asks as iPXE does')
    .action(async (id: string, { arch, network, ipxe }: { arch?: number; network?: string; ipxe?: boolean }) => {
      const { name, mac, uuid, explanation } = await inHouse(cli, async (house) => {
        const { name, document } = await house.readHost(id);
        const mac = parseMac(String((document.macs as readonly unknown[] | undefined)?.[0]));
        if (!mac) throw new AppError('request-invalid', `Host "${name}" has no MAC: DHCP cannot be asked for it.`);
        const uuid = document.uuid === undefined ? undefined : String(document.uuid);
        const question = { mac, arch, uuid, network, ...(ipxe && { userClass: 'iPXE' }) };
        return { name, mac, uuid, explanation: await house.explain(question) };
      });
      const heading = `${name}, ${mac}${arch === undefined ? '' : `, architecture ${formatArchitecture(arch)}`}`;
      const data = { host: name, mac, uuid, arch, ...explanation };
      cli.output().result(() => formatExplanation(heading, explanation), data);
    });
}
