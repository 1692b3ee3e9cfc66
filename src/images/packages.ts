/** The distribution's packages: a file of an installed one, or the package fetched by apt and unpacked, with no need of root. */
import { execFile } from 'node:child_process';
import { access, mkdir, readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';

/** Runs a program to its end; rejects with its last words when it fails. */
export type RunCommand = (command: string, args: readonly string[], options: { readonly cwd: string }) => Promise<void>;

/** Where files of packages come from. Paths inside a package have no leading slash. */
export interface PackageSource {
  /** The file as installed on this system, if it is. */
  readonly findInstalled: (path: string) => Promise<string | undefined>;
  /**
   * Fetches packages and unpacks each; `workDirectory` is the caller's to make and remove.
   * A package that cannot be had maps to the reason; never rejects.
   */
  readonly fetch: (packages: readonly string[], workDirectory: string) => Promise<ReadonlyMap<string, FetchedPackage>>;
}

export type FetchedPackage =
  | { readonly kind: 'unpacked'; readonly directory: string }
  | { readonly kind: 'failed'; readonly reason: string };

export interface PackageSourceOptions {
  /** The root of the installed system. Default `/`. */
  readonly systemRoot?: string;
  readonly run?: RunCommand;
  /** Called before something slow, with words for the operator. */
  readonly onStep?: (step: string) => void;
}

/**
 * Packages by apt. The system's lists are used as they are; when they do not know a package (a fresh container has none),
 * lists of our own are fetched into the work directory from the same sources with the same keys: the system stays as it was.
 */
export function createAptSource(options: PackageSourceOptions = {}): PackageSource {
  const { systemRoot = '/', run = runCommand, onStep = () => {} } = options;

  async function fetchAndUnpack(name: string, workDirectory: string, aptOptions: readonly string[]): Promise<string> {
    const directory = join(workDirectory, name.replace(':', '_'));
    const unpacked = join(directory, 'unpacked');
    await mkdir(unpacked, { recursive: true });
    onStep(`fetching the package ${name}`);
    await run('apt-get', [...aptOptions, '-qq', 'download', name], { cwd: directory });
    const deb = (await readdir(directory)).find((file) => file.endsWith('.deb'));
    if (!deb) throw new Error(`apt-get download ${name} left no package`);
    await run('dpkg-deb', ['-x', deb, unpacked], { cwd: directory });
    return unpacked;
  }

  return {
    findInstalled: async (path) => {
      const file = join(systemRoot, path);
      return access(file).then(
        () => file,
        () => undefined,
      );
    },

    fetch: async (packages, workDirectory) => {
      const results = new Map<string, FetchedPackage>();
      let ownLists: Promise<readonly string[]> | undefined;
      for (const name of packages) {
        try {
          const directory = await fetchAndUnpack(name, workDirectory, []).catch(async (error: unknown) => {
            if (isMissingProgram(error)) throw error;
            ownLists ??= fetchLists(run, join(workDirectory, 'apt'), architecturesOf(packages), onStep);
            return fetchAndUnpack(name, workDirectory, await ownLists);
          });
          results.set(name, { kind: 'unpacked', directory });
        } catch (error) {
          const reason = isMissingProgram(error) ? 'this system has no apt' : messageOf(error);
          results.set(name, { kind: 'failed', reason });
        }
      }
      return results;
    },
  };
}

/**
 * The file inside an unpacked package, links followed as on an installed system: an absolute one starts at the package's
 * own root, so no link leads out of it. Undefined when there is no such file.
 */
export async function findUnpacked(directory: string, path: string): Promise<string | undefined> {
  const pending = path.split('/').reverse();
  let resolved: readonly string[] = [];
  for (let links = 0; ; ) {
    const segment = pending.pop();
    if (segment === undefined) break;
    if (segment === '' || segment === '.') continue;
    if (segment === '..') {
      resolved = resolved.slice(0, -1);
      continue;
    }
    const entry = join(directory, ...resolved, segment);
    const target = await readlink(entry).catch(() => undefined);
    if (target === undefined) {
      resolved = [...resolved, segment];
      continue;
    }
    links += 1;
    if (links > 16) return undefined;
    if (target.startsWith('/')) resolved = [];
    pending.push(...target.split('/').reverse());
  }
  const file = join(directory, ...resolved);
  return stat(file).then(
    (found) => (found.isFile() ? file : undefined),
    () => undefined,
  );
}

/** `apt-get update` into a directory of ours; resolves with the options that make apt use it. */
async function fetchLists(
  run: RunCommand,
  directory: string,
  architectures: readonly string[],
  onStep: (step: string) => void,
): Promise<readonly string[]> {
  await mkdir(join(directory, 'lists', 'partial'), { recursive: true });
  await mkdir(join(directory, 'cache', 'archives', 'partial'), { recursive: true });
  const aptOptions = [
    '-o',
    `Dir::State::Lists=${join(directory, 'lists')}`,
    '-o',
    `Dir::Cache=${join(directory, 'cache')}`,
    // Beside the system's own architectures, and only for these calls: dpkg knows nothing of it.
    ...architectures.flatMap((architecture) => ['-o', `APT::Architectures::=${architecture}`]),
  ];
  onStep('fetching apt’s package lists');
  await run('apt-get', [...aptOptions, '-qq', 'update'], { cwd: directory });
  return aptOptions;
}

/** `pkg:arm64` is of another architecture than the system's, or may be. */
function architecturesOf(packages: readonly string[]): readonly string[] {
  return [...new Set(packages.flatMap((name) => name.split(':')[1] ?? []))];
}

const COMMAND_LIMIT_MS = 120_000;

function runCommand(command: string, args: readonly string[], { cwd }: { readonly cwd: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
    execFile(command, [...args], { cwd, env, timeout: COMMAND_LIMIT_MS }, (error, _stdout, stderr) => {
      if (!error) resolve();
      else if (isMissingProgram(error)) reject(error);
      else reject(new Error(error.killed ? `${command} took too long` : lastWords(stderr) || error.message));
    });
  });
}

/** apt explains itself in lines that start with `E:`; the rest of what it writes is warnings. */
function lastWords(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const errors = lines.filter((line) => line.startsWith('E:'));
  return (errors.length > 0 ? errors : lines.slice(-1)).map((line) => line.replace(/^E:\s*/, '').trim()).join('; ');
}

function isMissingProgram(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
