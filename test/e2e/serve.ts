/** `hobnail serve` in a lab LAN on files that a test writes: for everything that needs no machine. */
import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { Daemon } from '../../src/lab/command.ts';
import type { Station } from '../../src/lab/lan.ts';
import { NET } from './boot-server.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The command line, from source. */
export const PROGRAM = join(ROOT, 'src', 'cli.ts');
const READY_MS = 30_000;

/** Address of the appliance on every test LAN. */
export const SERVER = NET.server.replace(/\/.*/, '');
export const HTTP = `http://${SERVER}:8080`;

/** Path → text, bytes, or an object which is written as YAML. */
export type Tree = Readonly<Record<string, object | string | Uint8Array>>;

export async function writeTree(root: string, tree: Tree): Promise<void> {
  for (const [path, content] of Object.entries(tree)) {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    const raw = typeof content === 'string' || content instanceof Uint8Array;
    await writeFile(file, raw ? content : stringify(content));
  }
}

/** The shipped profiles and templates, copied; the test LAN as network; then the test's own files. */
export async function layOut(directory: string, own: Tree): Promise<void> {
  await cp(join(ROOT, 'templates'), join(directory, 'templates'), { recursive: true });
  for (const name of await readdir(join(ROOT, 'profiles'))) {
    if (name.endsWith('.yaml')) await cp(join(ROOT, 'profiles', name), join(directory, 'profiles', name));
  }
  await mkdir(join(directory, 'boot-images'), { recursive: true });
  await writeTree(directory, {
    'hobnail.yaml': { log: { format: 'json' } },
    'profiles/networks/lab.yaml': labNetwork('server'),
    ...own,
  });
}

/** The network of the test LAN; `pool` as it stands in the file. */
export function labNetwork(mode: 'server' | 'proxy', pool = `${NET.poolFirst}-${NET.poolLast}`): object {
  return {
    interface: 'lan0',
    subnet: '10.77.0.0/24',
    mode,
    unknown: 'menu',
    // A LAN of our own: no need to listen for other servers first.
    ...(mode === 'server' && { pools: [pool], router: SERVER, dns: [SERVER], shareWire: true }),
  };
}

export interface Ended {
  /** Exit status; -1 when it was killed. */
  readonly code: number;
  /** Both streams, stdout first. */
  readonly output: string;
  readonly stdout: string;
}

/** Runs a command on a station to its end, whatever its status; killed after `timeoutMs`. */
export function execOn(
  station: Station,
  [command = '', ...args]: readonly string[],
  timeoutMs = 30_000,
): Promise<Ended> {
  const inside = ['netns', 'exec', station.namespace, command, ...args];
  const settings = { timeout: timeoutMs, killSignal: 'SIGKILL', env: { ...process.env, LC_ALL: 'C' } } as const;
  return new Promise((resolve) => {
    const child = execFile('ip', inside, settings, (error, stdout, stderr) => {
      resolve({ code: error ? (child.exitCode ?? -1) : 0, output: stdout + stderr, stdout });
    });
  });
}

/** Runs any other command of the appliance on the files in `directory`. */
export function hobnailOn(station: Station, directory: string, ...args: readonly string[]): Promise<Ended> {
  return execOn(station, serveCommand(directory, args));
}

export interface ServeOptions {
  /** Words before the command: another user, a file system of its own … */
  readonly wrap?: readonly string[];
  /** Name of the log in `directory`; a second start wants another. */
  readonly log?: string;
}

/** Resolves when the appliance says that it is up. Its log holds the banner as well. */
export async function startServe(station: Station, directory: string, options: ServeOptions = {}): Promise<Daemon> {
  const [command = '', ...args] = [...(options.wrap ?? []), ...serveCommand(directory, ['serve'])];
  const daemon = station.start(command, args, {
    logPath: join(directory, options.log ?? 'hobnail.log'),
    cwd: directory,
  });
  await daemon.waitForLog(/"msg":"Hobnail is up"/, READY_MS);
  return daemon;
}

function serveCommand(directory: string, args: readonly string[]): string[] {
  return [process.execPath, PROGRAM, '--config', join(directory, 'hobnail.yaml'), ...args];
}

export interface ApiAnswer {
  readonly status: number;
  readonly etag: string;
  readonly body: unknown;
}

/** Speaks with the operator API, which listens on the station's own loopback. */
export interface Operator {
  ask(method: string, path: string, more?: { readonly body?: unknown; readonly ifMatch?: string }): Promise<ApiAnswer>;
}

/** Makes a token by the command line, as an operator would. */
export async function logIn(station: Station, directory: string): Promise<Operator> {
  const made = await hobnailOn(station, directory, 'token', 'add', 'test');
  if (made.code !== 0) throw new Error(`no token: ${made.output}`);
  return {
    async ask(method, path, { body, ifMatch } = {}) {
      const headers = [`Authorization: Bearer ${made.stdout.trim()}`];
      if (ifMatch !== undefined) headers.push(`If-Match: ${ifMatch}`);
      if (body !== undefined) headers.push('Content-Type: application/json');
      const answer = await station.run('curl', [
        ...['-sS', '-i', '-X', method],
        ...headers.flatMap((header) => ['-H', header]),
        ...(body === undefined ? [] : ['-d', JSON.stringify(body)]),
        `http://127.0.0.1:8081/api/v1/${path}`,
      ]);
      return readAnswer(answer);
    },
  };
}

function readAnswer(text: string): ApiAnswer {
  const [head = '', body = ''] = text.split(/\r\n\r\n(.*)/s);
  return {
    status: Number(/^HTTP\/\S+ (\d+)/.exec(head)?.[1]),
    etag: /^etag: (.*)$/im.exec(head)?.[1]?.trim() ?? '',
    body: body === '' ? undefined : JSON.parse(body),
  };
}
