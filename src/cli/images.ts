/** `hobnail images`: the loaders in `boot-images/`. */
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { listLoaders, type PullOutcome, pullLoaders } from '../images/loaders.ts';
import type { Cli } from './cli.ts';
import { EXIT, formatTable } from './output.ts';

export function addImagesCommands(program: Command, cli: Cli): void {
  const images = program.command('images').description('the loaders in boot-images/');
  const imagesRoot = () => cli.config().config.paths.images;

  images
    .command('ls')
    .description('which loaders are there and which are missing')
    .action(async () => {
      const loaders = await listLoaders({ imagesRoot: imagesRoot() });
      cli.output().result(() => {
        const rows = loaders.flatMap((loader) =>
          loader.files.map(({ to, present }) => [to, present ? 'there' : 'missing', loader.package, loader.licence]),
        );
        return formatTable(['file', 'state', 'package', 'licence'], rows);
      }, loaders);
    });

  images
    .command('pull')
    .description("bring the loaders from the distribution's packages, with its signatures checked by apt")
    .option('--force', 'also replace files you put there yourself')
    .action(async ({ force = false }: { force?: boolean }) => {
      const output = cli.output();
      const { outcomes, advice } = await pullLoaders({
        imagesRoot: imagesRoot(),
        force,
        onProgress: (progress) => output.note(progress.kind === 'step' ? progress.text : outcomeLine(progress.outcome)),
      });
      const lacking = outcomes.filter(({ kind }) => kind === 'missing' || kind === 'failed');
      if (lacking.length > 0) cli.exitWith(EXIT.failed);
      if (advice !== undefined) output.note(advice);
      output.result(`${outcomes.length - lacking.length} of ${outcomes.length} loader files are there.`, {
        outcomes,
        ...(advice !== undefined && { advice }),
      });
    });
}

function outcomeLine(outcome: PullOutcome): string {
  switch (outcome.kind) {
    case 'placed':
      return `${styleText('green', '✓')} ${outcome.to}  (${outcome.package}, ${outcome.from})`;
    case 'present':
      return `${styleText('green', '✓')} ${outcome.to}  (there already)`;
    case 'kept':
      return `${styleText('yellow', '!')} ${outcome.to}  (kept: ${outcome.reason})`;
    case 'missing':
    case 'failed':
      return `${styleText('red', '✗')} ${outcome.to}  (${outcome.reason})`;
    default:
      return outcome satisfies never;
  }
}
