/** One container of the image, as `docker compose up` would start it: read-only tree, one user, two capabilities, its own network. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuiltImage, makeVolume, run } from './image.ts';

export const SERVER = '10.77.69.1';
const CLIENT = '10.77.69.2';

export interface RunningContainer {
  /** Everything it has written so far. */
  readonly log: () => string;
  /** Runs a command inside, as its user, and gives exit code and output. */
  readonly exec: (command: readonly string[]) => { readonly status: number | null; readonly output: string };
  /** Runs a command of the host on the machine next to it on the wire. */
  readonly fromNeighbour: (command: readonly string[]) => { readonly status: number | null; readonly output: string };
  /** The `Cap…` sets of the program itself, as hexadecimal text by name. */
  readonly capabilities: () => Readonly<Record<string, string>>;
  /** SIGTERM to the program, as `docker stop` does; resolves with its exit code. */
  readonly stop: () => Promise<number | null>;
  readonly close: () => Promise<void>;
}

/** Capability names as setpriv knows them. */
const KEPT = '-all,+net_bind_service,+net_raw';

export function startContainer(image: BuiltImage): RunningContainer {
  const name = `packaging-${process.pid}`;
  const [server, client] = [`${name}-s`, `${name}-c`];
  const uid = Number(/^hobnail:x:(\d+):/m.exec(readFileSync(join(image.tree, 'etc/passwd'), 'utf8'))?.[1]);
  const data = makeVolume(image.work, 'data', uid);
  makeWire(server, client);

  const { WorkingDir, Env, Entrypoint, Cmd } = image.config;
  const confined = (command: readonly string[]) => [
    ...['chroot', image.tree, '/usr/bin/env', '-i', `--chdir=${WorkingDir}`, ...Env],
    ...['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--inh-caps=-all', `--bounding-set=${KEPT}`],
    ...command,
  ];
  // What an engine does before it starts the program; the mounts are gone with the namespace they are made in.
  const prepare = [
    'set -e; tree=$1; data=$2; shift 2',
    'mount --bind "$tree" "$tree"',
    'mount --rbind /dev "$tree/dev"; mount -t proc proc "$tree/proc"; mount -t sysfs -o ro sysfs "$tree/sys"',
    'mount -t tmpfs -o mode=1777 tmpfs "$tree/tmp"; mount --bind "$data" "$tree/srv/hobnail/data"',
    'mount -o remount,bind,ro "$tree"',
    'exec "$@"',
  ].join('\n');
  const logPath = join(image.work, 'container.log');
  const log = openSync(logPath, 'w');
  const child = spawn(
    'ip',
    ['netns', 'exec', server, 'unshare', '--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private']
      .concat(['sh', '-c', prepare, 'sh', image.tree, data])
      .concat(confined([...Entrypoint, ...Cmd])),
    { stdio: ['ignore', log, log] },
  );
  closeSync(log);
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const inside = (command: readonly string[]) => {
    const pid = String(programPid(child));
    return ['nsenter', '--target', pid, '--mount', '--net', '--pid', ...confined(command)];
  };

  return {
    log: () => readFileSync(logPath, 'utf8'),
    exec: (command) => capture(inside(command)),
    fromNeighbour: (command) => capture(['ip', 'netns', 'exec', client, ...command]),
    capabilities: () => {
      const status = readFileSync(`/proc/${programPid(child)}/status`, 'utf8');
      return Object.fromEntries(
        [...status.matchAll(/^(Cap\w+):\s+0*([0-9a-f]+)$/gm)].map(([, set, bits]) => [set, bits]),
      );
    },
    stop: () => {
      process.kill(programPid(child), 'SIGTERM');
      return ended;
    },
    close: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await ended;
      }
      for (const namespace of [server, client]) spawnSync('ip', ['netns', 'delete', namespace]);
    },
  };
}

/** Two machines on one cable, with no way to anything else. */
function makeWire(server: string, client: string): void {
  for (const namespace of [server, client]) {
    run('ip', ['netns', 'add', namespace]);
    run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
  }
  run('ip', ['-n', server, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', client]);
  for (const [namespace, address] of [
    [server, SERVER],
    [client, CLIENT],
  ] as const) {
    run('ip', ['-n', namespace, 'address', 'add', `${address}/24`, 'broadcast', '+', 'dev', 'eth0']);
    run('ip', ['-n', namespace, 'link', 'set', 'eth0', 'up']);
  }
}

/** `unshare --fork` is our child (`ip netns exec` became it); the program is the one child of that. */
function programPid(child: ChildProcess): number {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  const pid = Number(children.split(' ')[0]);
  if (!pid) throw new Error('the container is not running');
  return pid;
}

function capture(command: readonly string[]): { readonly status: number | null; readonly output: string } {
  const [program = '', ...args] = command;
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 });
  return { status, output: `${stdout}${stderr}` };
}
