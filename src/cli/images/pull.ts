/** `hobnail images pull`: brings images of the catalogue. */
import type { Command } from 'commander';
import { pullImages } from '../../images/pull.ts';
import type { Cli } from '../cli.ts';
import { pullSummary, runPull } from './run-pull.ts';

export function addPullCommand(images: Command, cli: Cli): void {
  images
    .command('pull')
    .description('bring images of the catalogue, verified; without a name the loaders of the distribution')
    .argument('[image...]', 'name, name@version, name/architecture; "hobnail images ls --all" lists them')
    .option('--force', 'fetch anew what is there, and replace files you put there yourself')
    .addHelpText('after', PULL_HELP)
    .action(async (references: string[], { force = false }: { force?: boolean }) => {
      const report = await runPull(cli, (settings) => pullImages({ ...settings, references, force }));
      cli.output().result(pullSummary(report), report);
    });
}

const PULL_HELP = `
An image is put in place when every file of it was fetched and proved, all at once; until then the old one is served.
After an interruption the next pull goes on where this one stopped. Packages come by apt and its own settings.
Behind an HTTP proxy: NODE_USE_ENV_PROXY=1 HTTPS_PROXY=http://proxy:3128 hobnail images pull …
Without the Internet: images.mirror in hobnail.yaml.`;
