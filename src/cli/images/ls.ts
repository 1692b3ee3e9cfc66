/** `hobnail images ls`: what is there, and what could be. */
import type { Command } from 'commander';
import { formatBytes } from '../../images/space.ts';
import { listImages, type StockedImage } from '../../images/stock.ts';
import type { Cli } from '../cli.ts';
import { formatTable } from '../output.ts';

export function addLsCommand(images: Command, cli: Cli): void {
  images
    .command('ls')
    .description('images that are there, and the loaders that are missing')
    .option('-a, --all', 'everything the catalogue has')
    .option('-f, --files', 'each file')
    .action(async ({ all = false, files = false }: { all?: boolean; files?: boolean }) => {
      const stocked = await listImages({ imagesRoot: cli.config().config.paths.images });
      const shown = stocked.filter((image) => all || image.default || image.state !== 'missing');
      cli.output().result(() => (files ? fileTable(shown) : imageTable(shown)), shown);
    });
}

function imageTable(images: readonly StockedImage[]): string {
  const rows = images.map((image) => [
    image.reference,
    image.kind,
    image.state,
    image.bytes > 0 ? formatBytes(image.bytes) : '',
    image.proof ?? '',
    image.about,
  ]);
  return formatTable(['image', 'kind', 'state', 'size', 'proof', 'about'], rows);
}

function fileTable(images: readonly StockedImage[]): string {
  const rows = images.flatMap((image) =>
    image.files.map(({ to, present }) => [to, present ? 'there' : 'missing', image.reference, image.licence]),
  );
  return formatTable(['file', 'state', 'image', 'licence'], rows);
}
