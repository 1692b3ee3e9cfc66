/** `hobnail images verify`: are the files still what was put there? */
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { verifyImages } from '../../images/stock.ts';
import type { Cli } from '../cli.ts';
import { EXIT } from '../output.ts';

export function addVerifyCommand(images: Command, cli: Cli): void {
  images
    .command('verify')
    .description('read every file that was pulled and compare it with its digest')
    .argument('[image...]', 'only these')
    .action(async (references: string[]) => {
      const output = cli.output();
      const results = await verifyImages(cli.config().config.paths.images, references);
      const bad = results.filter(({ state }) => state !== 'good');
      for (const { to, image, state } of bad) {
        const fix = state === 'gone' ? `hobnail images pull ${image}` : `hobnail images pull --force ${image}`;
        output.note(
          `${styleText('red', '✗')} ${to} (${image}) ${state === 'gone' ? 'is gone' : 'was changed'}: ${fix}`,
        );
      }
      if (bad.length > 0) cli.exitWith(EXIT.failed);
      output.result(`${results.length - bad.length} of ${results.length} files are as they were put there.`, results);
    });
}
