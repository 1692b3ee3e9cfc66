/** `hobnail impact`, `plan`, `apply`, `export`: whole directories, looked at before they are written. Work on the files. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { createTwoFilesPatch } from 'diff';
import type { HostImpact, TreeChange, TreeEdit } from '../boot/tree.ts';
import type { Core } from '../core.ts';
import { AppError } from '../errors.ts';
import type { Cli } from './cli.ts';
import { requireGoodFiles, withCore } from './offline.ts';
import { EXIT } from './output.ts';

export function addTreeCommands(program: Command, cli: Cli): void {
  const source = (command: Command) =>
    command
      .argument('<directory>', 'with profiles/ and templates/ in it, or one of them')
      .option('--prune', 'files that are not in the directory are removed');

  source(program.command('plan').description('what "apply" would write, as a diff of each file'))
    .addHelpText('after', PLAN_HELP)
    .action(async (directory: string, options: { prune?: boolean }) => {
      const edits = await withTree(cli, directory, options, (core, change) => core.tree.plan(change));
      if (edits.length > 0) cli.exitWith(EXIT.failed);
      cli.output().result(() => formatEdits(edits), edits.map(viewEdit));
    });

  source(program.command('apply').description('write a whole directory: everything is checked, all of it or nothing'))
    .addHelpText('after', PLAN_HELP)
    .action(async (directory: string, options: { prune?: boolean }) => {
      const edits = await withTree(cli, directory, options, (core, change) => core.tree.apply(change));
      cli.output().result(() => {
        const lines = edits.map((edit) => `${viewEdit(edit).change.padEnd(6)}  ${edit.file}`);
        return lines.length === 0 ? 'Nothing to change.' : lines.join('\n');
      }, edits.map(viewEdit));
    });

  source(program.command('impact').description('which machines would get something else, file by file'))
    .option('--limit <count>', 'machines shown', Number, 20)
    .addHelpText('after', '\nExample:\n  git worktree add /tmp/next next && hobnail impact /tmp/next')
    .action(async (directory: string, options: { prune?: boolean; limit: number }) => {
      const impact = await withTree(cli, directory, options, (core, change) => core.tree.impact(change, options.limit));
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
      const files = await withCore(cli, (core) => core.tree.exportFiles());
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
  use: (core: Core, change: TreeChange) => Promise<T>,
): Promise<T> {
  const files = await readTree(directory);
  return withCore(cli, async (core) => {
    requireGoodFiles(core);
    return await use(core, { files, prune });
  });
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

function viewEdit({ file, before, after }: TreeEdit) {
  const change = before === undefined ? 'create' : after === undefined ? 'delete' : 'change';
  return { file, change, diff: diffOf(file, before, after) };
}

function formatEdits(edits: readonly TreeEdit[]): string {
  if (edits.length === 0) return 'Nothing to change.';
  return edits.map(({ file, before, after }) => diffOf(file, before, after)).join('\n');
}

function formatImpact({ host, before, after, files }: HostImpact): string[] {
  const name = host ?? 'machines that are no host';
  const what = before === after ? after : `${before} → ${after}`;
  return [
    '',
    `${styleText('bold', name)}: ${what}`,
    ...files.map(({ path, before, after, problem }) => (problem ? `${path}: ${problem}` : diffOf(path, before, after))),
  ];
}

/** Unified, coloured on a terminal. */
function diffOf(name: string, before = '', after = ''): string {
  const patch = createTwoFilesPatch(name, name, before, after, undefined, undefined, { context: 3 });
  const lines = patch.split('\n').filter((line) => !line.startsWith('==='));
  return lines
    .map((line) =>
      line.startsWith('+') ? styleText('green', line) : line.startsWith('-') ? styleText('red', line) : line,
    )
    .join('\n')
    .trimEnd();
}
