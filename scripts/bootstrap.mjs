/** Makes a fresh clone ready to run: packages, the pinned Node, the build. Plain JavaScript for any Node from 18, no dependency. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const lockFile = join(root, 'package-lock.json');
/** Holds the hash of the lock file that `npm ci` last installed: time stamps alone lie after a `git checkout`. */
const installedMark = join(modules, '.hobnail-installed');
const builtMark = join(root, 'dist', '.built');
const wantedNode = 24;

/** Something the person at the keyboard has to change; `advice` says what. */
export class SetupError extends Error {
  constructor(message, advice) {
    super(message);
    this.name = 'SetupError';
    this.advice = advice;
  }
}

export function say(text) {
  process.stderr.write(`hobnail: ${text}\n`);
}

/** Runs `main`, prints a SetupError as two lines instead of a stack, and ends with the exit code `main` gives. */
export async function runMain(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    say(`What to do: ${error.advice}`);
    process.exitCode = 1;
  }
}

/** Installs the packages when they are missing or the lock file changed, and returns the path of a Node that is new enough. */
export function prepare() {
  if (Number(process.versions.node.split('.')[0]) < 18) {
    throw new SetupError(
      `this is Node ${process.versions.node}, too old even to bring its own successor`,
      'install any Node.js from 18 on with npm 10 or newer (Debian: apt-get install nodejs npm), then try again',
    );
  }
  install();
  return pinnedNode();
}

function install() {
  if (existsSync(modules) && lstatSync(modules).isSymbolicLink()) return; // somebody else's directory: npm ci would empty it
  const wanted = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
  if (isInstalled(wanted)) return;
  say('installing the packages it needs into node_modules (once, about ten seconds) …');
  // The compiler is a development package and the pinned Node an optional one: ask for both whatever NODE_ENV says. Native
  // packages carry their builds with them; their scripts would compile those anew, for minutes, and want a compiler.
  const [command, ...first] = npmCommand();
  const result = spawnSync(
    command,
    [
      ...first,
      'ci',
      '--include=dev',
      '--include=optional',
      '--ignore-scripts',
      '--loglevel=error',
      '--no-audit',
      '--no-fund',
    ],
    {
      cwd: root,
      stdio: ['ignore', 2, 2],
    },
  );
  if (result.error?.code === 'ENOENT') {
    throw new SetupError(
      'npm is not installed',
      'install npm 10 or newer (Debian: apt-get install npm), then try again',
    );
  }
  if (result.status !== 0) {
    throw new SetupError(
      '`npm ci` did not finish; its own message is above',
      'check the network and npm’s registry setting (`npm ping`), that this user may write here, and that the disk has 1 GB free; then run `npm ci` by hand to see more',
    );
  }
  writeFileSync(installedMark, wanted);
}

function isInstalled(wanted) {
  const npmMark = join(modules, '.package-lock.json');
  if (!existsSync(npmMark)) return false;
  if (existsSync(installedMark) && readFileSync(installedMark, 'utf8') === wanted) return true;
  return statSync(npmMark).mtimeMs >= statSync(lockFile).mtimeMs; // installed by hand, after the lock file was written
}

/** The npm that runs this script when there is one, so that an npm outside PATH serves too. */
function npmCommand() {
  const running = process.env.npm_execpath;
  return running?.endsWith('npm-cli.js') && existsSync(running) ? [process.execPath, running] : ['npm'];
}

/** This process's own Node when it is new enough, otherwise the one npm has put beside the packages. */
function pinnedNode() {
  if (Number(process.versions.node.split('.')[0]) >= wantedNode) return process.execPath;
  const pinned = join(modules, '.bin', 'node');
  const advice = `install Node.js ${wantedNode} or newer by other means (nodejs.org has builds for most systems) and put it first on PATH`;
  if (!existsSync(pinned)) {
    throw new SetupError(
      `this machine has Node ${process.versions.node}, Node ${wantedNode} is needed, and npm has no build of it for ${process.platform}-${process.arch}, or was told to leave optional packages out`,
      `run \`npm ci --include=optional\`; if node_modules/.bin/node is still missing after that, ${advice}`,
    );
  }
  const probe = spawnSync(pinned, ['--version'], { encoding: 'utf8' });
  if (probe.status !== 0) {
    const why = (probe.error?.message ?? probe.stderr.trim()) || `exit code ${probe.status}`;
    throw new SetupError(`the Node that npm brought does not run here (${why})`, advice);
  }
  return pinned;
}

/** Compiles src/ to dist/ when a source is newer than the last build. */
export function build(node) {
  const newest = newestChange([
    'src',
    'tsconfig.json',
    'tsconfig.build.json',
    'package-lock.json',
    'scripts/build.mjs',
  ]);
  if (existsSync(builtMark) && statSync(builtMark).mtimeMs >= newest) return;
  say('building …');
  rmSync(builtMark, { force: true });
  const result = spawnSync(node, [join(root, 'scripts', 'build.mjs')], { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.status !== 0) {
    throw new SetupError(
      'the build failed; the compiler’s message is above',
      'mend the source it names, or go back to the released state with `git stash`',
    );
  }
  writeFileSync(builtMark, '');
}

/** Modification time in milliseconds of the newest file or directory below the given paths; a deleted file touches its directory. */
function newestChange(paths) {
  let newest = 0;
  for (const path of paths) {
    const full = join(root, path);
    const stat = statSync(full, { throwIfNoEntry: false });
    if (!stat) continue;
    newest = Math.max(newest, stat.mtimeMs);
    if (stat.isDirectory()) newest = Math.max(newest, newestChange(readdirSync(full).map((name) => join(path, name))));
  }
  return newest;
}

/**
 * Runs a program in the foreground, passes signals on, and resolves with its exit code (128 + n when a signal ended it).
 * On a terminal Ctrl-C reaches the program by itself; passing it on too would look like an impatient second one.
 */
export function runForeground(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    const pass = (signal) => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, pass);
    const over = () => {
      for (const signal of signals) process.off(signal, pass);
    };
    child.on('error', (error) => {
      over();
      reject(error);
    });
    child.on('close', (code, signal) => {
      over();
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}
