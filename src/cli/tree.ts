/** `hobnail impact`, `plan`, `apply`, `export`: whole directories, looked at before they are written. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import type { TreeChange } from '../boot/tree.ts';
import { AppError } from '../errors.ts';
import type { Cli } from './cli.ts';
import { type EditView, type House, type ImpactView, inHouse } from './house.ts';
import { EXIT } from './output.ts';

export function addTreeCommands(program: Command, cli: Cli): void {
  const source = (command: Command) =>
    command
      .argument('<directory>', 'with profiles/ and templates/ in it, or one of them')
      .option('--prune', 'files that are not in the directory are removed');

  source(program.command('plan').description('what "apply" would write, as a diff of each file'))
    .addHelpText('after', PLAN_HELP)
    .action(async (directory: string, options: { prune?: boolean }) => {
      const edits = await withTree(cli, directory, options, (house, change) => house.plan(change));
      if (edits.length > 0) cli.exitWith(EXIT.failed);
      cli.output().result(() => formatEdits(edits), edits);
    });

  source(program.command('apply').description('write a whole directory: everything is checked, all of it or nothing'))
    .addHelpText('after', PLAN_HELP)
    .action(async (directory: string, options: { prune?: boolean }) => {
      const edits = await withTree(cli, directory, options, (house, change) => house.apply(change));
      cli.output().result(() => {
        const lines = edits.map(({ change, file }) => `${change.padEnd(6)}  ${file}`);
        return lines.length === 0 ? 'Nothing to change.' : lines.join('\n');
      }, edits);
    });

  source(program.command('impact').description('which machines would get something else, file by file'))
    .option('--limit <count>', 'machines shown', Number, 20)
    .addHelpText('after', '\nExample:\n  git worktree add /tmp/next next && hobnail impact /tmp/next')
    .action(async (directory: string, options: { prune?: boolean; limit: number }) => {
      const impact = await withTree(cli, directory, options, (house, change) => house.impact(change, options.limit));
      cli
        .output()
        .result(
          () =>
            [
              `${impact.edits.length} files change, ${impact.changed} machines get something else.`,
              ...impact.machines.flatMap(formatImpact),
              ...(impact.changed > impact.machines.length
                ? ['', `… and ${impact.changed - impact.machines.length} more (--limit)`]
                : []),
            ].join('\n'),
          impact,
        );
    });

  program
    .command('export')
    .description('copy profiles/ and templates/ into an empty directory')
    .argument('<directory>')
    .action(async (directory: string) => {
      if (existsSync(directory) && (await readdir(directory)).length > 0) {
        throw new AppError('already-exists', `${directory} is not empty; nothing is overwritten`);
      }
      const files = await inHouse(cli, (house) => house.exportFiles());
      for (const [path, text] of Object.entries(files)) {
        const file = join(directory, path);
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, text, { flag: 'wx' });
      }
      const count = Object.keys(files).length;
      cli.output().result(`${count} files are in ${directory}.`, { directory, files: Object.keys(files) });
    });
}

const PLAN_HELP = `
Examples:
  hobnail export /tmp/next        # a copy to work on
  hobnail plan /tmp/next          # exit code 0: nothing to do; 1: these files would change
  hobnail apply /tmp/next --prune`;

async function withTree<T>(
  cli: Cli,
  directory: string,
  { prune = false }: { readonly prune?: boolean },
  use: (house: House, change: TreeChange) => Promise<T>,
): Promise<T> {
  const files = await readTree(directory);
  return inHouse(cli, (house) => use(house, { files, prune }));
}

async function readTree(directory: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const [folder, ending] of [
    ['profiles', '.yaml'],
    ['templates', ''],
  ] as const) {
    const root = join(directory, folder);
    const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = relative(directory, join(entry.parentPath, entry.name));
      const wanted = ending === '' ? /\.hbs$|^templates\/routes\.yaml$/.test(path) : path.endsWith(ending);
      if (entry.isFile() && wanted && !entry.name.startsWith('.'))
        files[path] = await readFile(join(directory, path), 'utf8');
    }
  }
  if (Object.keys(files).length > 0) return files;
  throw new AppError('not-found', `${directory} has neither profiles/*.yaml nor templates/*.hbs`);
}

function formatEdits(edits: readonly EditView[]): string {
  if (edits.length === 0) return 'Nothing to change.';
  return edits.map(({ diff }) => formatDiff(diff)).join('\n');
}

function formatImpact({ host, before, after, files }: ImpactView['machines'][number]): string[] {
  const name = host ?? 'machines that are no host';
  const what = before === after ? after : `${before} → ${after}`;
  return [
    '',
    `${styleText('bold', name)}: ${what}`,
    ...files.map(({ path, diff, problem }) => (problem ? `${path}: ${problem}` : formatDiff(diff))),
  ];
}

/** Coloured on a terminal. */
function formatDiff(diff: string): string {
  const lines = diff.split('\n').filter((line) => !line.startsWith('==='));
  return lines
    .map((line) =>
      line.startsWith('+') ? styleText('green', line) : line.startsWith('-') ? styleText('red', line) : line,
    )
    .join('\n')
    .trimEnd();
}
