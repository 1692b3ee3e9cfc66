/** `hobnail images gc`: old versions that no profile names, and downloads nobody goes on with. */
import type { Command } from 'commander';
import { formatBytes } from '../../images/space.ts';
import { findGarbage, removeGarbage } from '../../images/stock.ts';
import type { Cli } from '../cli.ts';
import { requireGoodFiles, withCore } from '../offline.ts';
import { formatTable } from '../output.ts';

export function addGcCommand(images: Command, cli: Cli): void {
  images
    .command('gc')
    .description(
      'show what can go: abandoned downloads, and versions with a newer one beside them that no profile names',
    )
    .option('--yes', 'remove it')
    .action(async ({ yes = false }: { yes?: boolean }) => {
      const output = cli.output();
      const garbage = await withCore(cli, async (core, config) => {
        // Profiles that cannot be read may name anything.
        requireGoodFiles(core);
        const profiles = JSON.stringify([...core.inventory.snapshot().profiles.values()]);
        const hosts = JSON.stringify([...core.inventory.snapshot().hosts.values()]);
        const used = (path: string) => profiles.includes(path) || hosts.includes(path);
        const found = await findGarbage(config.paths.images, used, Date.now());
        if (yes) await removeGarbage(config.paths.images, found);
        return found;
      });
      const bytes = formatBytes(garbage.reduce((sum, one) => sum + one.bytes, 0));
      const rows = garbage.map(({ what, bytes, because }) => [what, formatBytes(bytes), because]);
      const verdict = yes ? `Removed, ${bytes} are free.` : `${bytes} could be freed: hobnail images gc --yes`;
      output.result(
        () =>
          garbage.length === 0 ? 'Nothing can go.' : `${formatTable(['what', 'size', 'because'], rows)}\n\n${verdict}`,
        garbage,
      );
    });
}
