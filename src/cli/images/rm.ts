/** `hobnail images rm`: takes images away again. */
import type { Command } from 'commander';
import { removeImage } from '../../images/stock.ts';
import type { Cli } from '../cli.ts';
import { EXIT } from '../output.ts';

export function addRmCommand(images: Command, cli: Cli): void {
  images
    .command('rm')
    .description('remove an image that was pulled; a name without a version means every version')
    .argument('<image...>', 'as "hobnail images ls" shows them')
    .option('--force', 'also files that were changed since')
    .action(async (references: string[], { force = false }: { force?: boolean }) => {
      const output = cli.output();
      const results: { image: string; removed: readonly string[]; kept: readonly string[] }[] = [];
      for (const image of references) {
        results.push({ image, ...(await removeImage(cli.config().config.paths.images, image, force)) });
      }
      for (const file of results.flatMap(({ kept }) => kept)) {
        output.note(`${file} was changed since and stays; --force removes it, too.`);
        cli.exitWith(EXIT.failed);
      }
      const count = results.reduce((sum, { removed }) => sum + removed.length, 0);
      output.result(`Removed ${count} file${count === 1 ? '' : 's'}.`, results);
    });
}
