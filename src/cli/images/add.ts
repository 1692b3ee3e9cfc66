/** `hobnail images add`: an image of the operator's own, in the catalogue beside the shipped ones. */
import { type Command, Option } from 'commander';
import { addImage } from '../../images/add.ts';
import { IMAGE_KINDS } from '../../images/entry.ts';
import { pullImages } from '../../images/pull.ts';
import type { Cli } from '../cli.ts';
import { pullSummary, runPull } from './run-pull.ts';

interface Options {
  readonly sha256?: string[];
  readonly checksums?: string;
  readonly kind?: string;
  readonly about?: string;
  readonly licence?: string;
  readonly profile?: string;
  readonly pull: boolean;
}

export function addAddCommand(images: Command, cli: Cli): void {
  images
    .command('add')
    .description('add files or addresses to the catalogue as an image, and pull it')
    .argument('<name>', 'of the image; its files go to boot-images/<name>/')
    .argument('<file...>', 'local files, or addresses with the same beginning')
    .option('--sha256 <digest...>', 'SHA-256 of each, in the same order')
    .option('--checksums <url>', 'the publisher’s list of digests')
    .addOption(new Option('--kind <kind>', 'what it is').choices(IMAGE_KINDS))
    .option('--about <text>', 'one line for people')
    .option('--licence <text>', 'of the files')
    .option('--profile <name>', 'the profile it goes with')
    .option('--no-pull', 'only write the catalogue')
    .action(async (name: string, files: string[], { pull, ...more }: Options) => {
      const file = await addImage(cli.config().config.paths.images, { name, files, ...more });
      cli.output().note(`Wrote ${file}`);
      if (!pull) return cli.output().result(file, { file });
      const report = await runPull(cli, (settings) => pullImages({ ...settings, references: [name] }));
      cli.output().result(pullSummary(report), { file, ...report });
    });
}
