/** `npm start`: from a fresh clone to a running appliance. Arguments after `--` go to `hobnail serve`. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build, prepare, root, runForeground, runMain, SetupError, say } from './bootstrap.mjs';

const loaderLimitMs = 180_000;

await runMain(async () => {
  const args = process.argv.slice(2);
  const node = prepare();
  build(node);
  const cli = join(root, 'dist', 'cli.js');
  if (!existsSync(cli))
    throw new SetupError('the build left no dist/cli.js', 'run `npm run build` and read what it prints');
  if (!args.some((argument) => ['-h', '--help', '-V', '--version'].includes(argument))) bringLoaders(node, cli, args);
  return runForeground(node, [cli, 'serve', ...args]);
});

/** Boot loaders from the distribution's packages. Without them the appliance still starts, and says what it cannot boot. */
function bringLoaders(node, cli, args) {
  const { error, status } = spawnSync(node, [cli, 'images', 'pull', ...configOf(args)], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    timeout: loaderLimitMs,
  });
  if (error?.code === 'ETIMEDOUT')
    say(`bringing the boot loaders took longer than ${loaderLimitMs / 1000} s: given up for now.`);
  if (error || status !== 0)
    say('Not all boot loaders are there. Starting without; `hobnail images pull` tries again.');
}

/** The `--config FILE` (or `-c FILE`, `--config=FILE`) among serve's arguments: it may move boot-images/ elsewhere. */
function configOf(args) {
  const at = args.findIndex(
    (argument) => argument === '--config' || argument === '-c' || argument.startsWith('--config='),
  );
  if (at < 0) return [];
  return args[at].includes('=') ? [args[at]] : args.slice(at, at + 2);
}
