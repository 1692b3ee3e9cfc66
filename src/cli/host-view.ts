/** `hobnail host local|files|explain`: a host sent to its own disk and back, what it asks for, what it is answered. */
import type { Command } from 'commander';
import { formatArchitecture } from '../boot/client.ts';
import type { Host } from '../boot/host.ts';
import type { Core } from '../core.ts';
import { AppError, messageOf } from '../errors.ts';
import { type HostPath, pathsOf } from '../files/host-files.ts';
import { questionOf } from '../operator.ts';
import { archArgument } from './arguments.ts';
import type { Cli } from './cli.ts';
import { explanationData, formatExplanation } from './explain.ts';
import { changeHost, hostOf } from './host.ts';
import { requireGoodFiles, withCore } from './offline.ts';
import { formatTable } from './output.ts';

/** A path with what the host gets under it now. */
interface ShownPath extends Omit<HostPath, 'kind' | 'ofProfile'> {
  readonly kind: HostPath['kind'] | 'absent';
  readonly size?: number;
  readonly because?: string;
}

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
      const { name, files } = await withCore(cli, async (core) => {
        requireGoodFiles(core);
        const one = hostOf(core, id);
        const paths = pathsOf(core.inventory.snapshot(), one);
        return { name: one.name, files: await Promise.all(paths.map((path) => look(core, one, path))) };
      });
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
      const { name, mac, uuid, explanation } = await withCore(cli, async (core) => {
        requireGoodFiles(core);
        const { name, macs, uuid } = hostOf(core, id);
        const [mac] = macs;
        if (!mac) throw new AppError('request-invalid', `Host "${name}" has no MAC: DHCP cannot be asked for it.`);
        const question = questionOf({ mac, arch, uuid, ...(ipxe && { userClass: 'iPXE' }) });
        return { name, mac, uuid, explanation: core.explain(question, network) };
      });
      const heading = `${name}, ${mac}${arch === undefined ? '' : `, architecture ${formatArchitecture(arch)}`}`;
      cli.output().result(() => formatExplanation(heading, explanation), {
        host: name,
        mac,
        uuid,
        arch,
        ...explanationData(explanation),
      });
    });
}

/** What is there, by the code that answers machines. */
async function look(core: Core, host: Host, { ofProfile, ...path }: HostPath): Promise<ShownPath> {
  const [mac] = host.macs;
  if (path.when === 'later' && (ofProfile || path.kind === 'template')) return path;
  try {
    const { outcome } = await core.route(path.path, { ...(mac && { mac }) });
    if (outcome?.kind === 'content') return { ...path, size: outcome.size };
    return { ...path, kind: 'absent', because: outcome?.reason ?? 'no answer' };
  } catch (error) {
    return { ...path, because: `cannot be rendered: ${messageOf(error)}` };
  }
}
