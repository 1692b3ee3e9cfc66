/** The servers that are compared: ours from source, peers from the distribution when they are there. */
import { access, constants, mkdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { run } from '../src/lab/command.ts';

/** Servers are rarely on an unprivileged PATH. */
const SERVER_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin'];
const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The program of a peer; undefined when it is not installed. */
export async function findProgram(name: string): Promise<string | undefined> {
  // Their own directories first: packages of npm bring programs of the same names (dhcpd).
  for (const directory of [...SERVER_DIRECTORIES, ...(process.env.PATH ?? '').split(delimiter)]) {
    const file = join(directory, name);
    if (
      await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return file;
  }
  return undefined;
}

/** What its package calls itself, for the remarks: a comparison without versions is worth little. */
export async function versionOf(program: string, argument: string): Promise<string> {
  const said = await run(program, [argument]).catch(() => '');
  return /\d+(?:\.\d+)+/.exec(said)?.[0] ?? 'unknown version';
}

/** Command line that runs the appliance from source. */
export function hobnailCommand(settings: string): readonly [string, readonly string[]] {
  return [process.execPath, [join(ROOT, 'src/cli.ts'), '--config', settings, 'serve']];
}

/** Writes an appliance's directory: settings, profiles (path → document), the shipped templates. Returns the settings' path. */
export async function writeAppliance(
  directory: string,
  settings: object,
  profiles: Readonly<Record<string, object>> = {},
): Promise<string> {
  await mkdir(join(directory, 'profiles/networks'), { recursive: true });
  await mkdir(join(directory, 'profiles/hosts'), { recursive: true });
  await mkdir(join(directory, 'boot-images'), { recursive: true });
  await symlink(join(ROOT, 'templates'), join(directory, 'templates'));
  for (const [path, document] of Object.entries(profiles)) {
    await writeFile(join(directory, 'profiles', path), stringify(document));
  }
  const file = join(directory, 'hobnail.yaml');
  await writeFile(file, stringify(settings));
  return file;
}
