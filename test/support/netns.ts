/**
 * Private networks for tests: Linux network namespaces joined by a bridge that lives in a namespace of its own, so that
 * nothing ever appears in the machine's real network. Needs root; ask `canCreateNamespaces()` first.
 *
 *     await using lan = await createLan({ prefix: 'tftp', hosts: ['server', 'client'], subnet: '10.91.1.0/24' });
 *     await lan.exec('client', ['busybox', 'ping', '-c1', lan.host('server').address]);
 *
 * Clean-up: leaving the `await using` block (or calling `lan.close()`), else the end of the process, else, after a
 * SIGKILL, the next `createLan` with the same prefix.
 */

import {
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
  execFile,
  execFileSync,
  type SpawnOptionsWithoutStdio,
  spawn,
} from 'node:child_process';
import { readdirSync } from 'node:fs';
import { type Ipv4, ipv4FromNumber, ipv4ToNumber, parseCidr } from '../../src/net/ipv4.ts';
import { type Mac, parseMac } from '../../src/net/mac.ts';

/** One machine on the LAN. */
export interface LanHost {
  readonly name: string;
  /** Name for `ip netns exec`. */
  readonly namespace: string;
  /** `eth0`; `eth1` when the namespace is on a second LAN, and so on. */
  readonly interface: string;
  /** `''` for a host made with `address: false`. */
  readonly address: Ipv4 | '';
  readonly mac: Mac;
}

export interface LanHostOptions {
  readonly name: string;
  /** Put a second interface into a host of another LAN instead of making a namespace. */
  readonly joins?: LanHost;
  /** Default: subnet + position (server .1, client .2 …). `false`: none, as a machine before DHCP. */
  readonly address?: string | false;
  /** Default: a fixed address made from the position, `02:00:00:<lan>:00:<position>`. */
  readonly mac?: string;
}

export interface LanOptions {
  /** Start of every namespace's name; use your branch or test file. */
  readonly prefix: string;
  /** A name alone makes a namespace with the next address of the subnet. */
  readonly hosts: readonly (string | LanHostOptions)[];
  /** Default `10.91.1.0/24`. */
  readonly subnet?: string;
}

export interface ExecResult {
  /** Exit status; -1 when killed by a signal or by the time limit. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Lan {
  readonly subnet: string;
  /** Throws for a name the LAN does not have. */
  host(name: string): LanHost;
  /** Runs a command inside a host (or inside `'bridge'`) and waits; never rejects on a non-zero status. */
  exec(host: string, command: readonly string[], options?: { timeoutMs?: number; input?: string }): Promise<ExecResult>;
  /** As `exec`, but a non-zero status throws with what the command wrote; returns its standard output. */
  run(host: string, command: readonly string[], options?: { timeoutMs?: number; input?: string }): Promise<string>;
  /** Starts a command and leaves it running; it is killed with the LAN. */
  spawn(host: string, command: readonly string[], options?: SpawnOptionsWithoutStdio): ChildProcessWithoutNullStreams;
  /** A tap on the bridge, for QEMU started with `spawn('bridge', …)`: `-netdev tap,ifname=<name>,script=no`. */
  addTap(name: string): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** True when this process may make namespaces: root, with the `ip` command. */
export function canCreateNamespaces(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const probe = `probe-${process.pid}`;
  try {
    execFileSync('ip', ['netns', 'add', probe], { stdio: 'ignore' });
    execFileSync('ip', ['netns', 'delete', probe], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Namespaces joined by a bridge, all interfaces up. */
export async function createLan(options: LanOptions): Promise<Lan> {
  sweepAbandoned(options.prefix);
  const subnet = options.subnet ?? '10.91.1.0/24';
  const cidr = parseCidr(subnet);
  if (!cidr) throw new Error(`${subnet} is not a network`);
  const base = `${options.prefix}-${process.pid}-${process.hrtime.bigint().toString(36)}`;
  const third = (ipv4ToNumber(cidr.network) >>> 8) & 255;
  const namespaces: string[] = [];
  const children = new Set<ChildProcess>();
  const hosts = new Map<string, LanHost>();
  const bridge = `${base}-bridge`;

  const removeNow = () => {
    for (const child of children) child.kill('SIGKILL');
    removeNamespaces(namespaces);
  };
  process.once('exit', removeNow);

  const addNamespace = async (name: string) => {
    namespaces.push(name);
    await ip('netns', 'add', name);
    await ip('-n', name, 'link', 'set', 'lo', 'up');
  };
  const namespaceOf = (host: string) => (host === 'bridge' ? bridge : lan.host(host).namespace);

  const lan: Lan = {
    subnet,
    host(name) {
      const host = hosts.get(name);
      if (!host) throw new Error(`the LAN has no host ${name}`);
      return host;
    },
    exec: (host, command, execOptions) => runCommand(namespaceOf(host), command, execOptions ?? {}, children),
    async run(host, command, runOptions) {
      const result = await lan.exec(host, command, runOptions);
      if (result.code === 0) return result.stdout;
      throw new Error(`${host}: ${command.join(' ')} ended with ${result.code}\n${result.stdout}${result.stderr}`);
    },
    spawn(host, command, spawnOptions) {
      const child = spawn('ip', ['netns', 'exec', namespaceOf(host), ...command], spawnOptions);
      children.add(child);
      child.once('exit', () => children.delete(child));
      return child;
    },
    async addTap(name) {
      await ip('-n', bridge, 'tuntap', 'add', 'dev', name, 'mode', 'tap');
      await ip('-n', bridge, 'link', 'set', name, 'master', 'br0', 'up');
    },
    async close() {
      process.off('exit', removeNow);
      await Promise.all([...children].map(stop));
      removeNamespaces(namespaces);
      namespaces.length = 0;
    },
    [Symbol.asyncDispose]: () => lan.close(),
  };

  try {
    await addNamespace(bridge);
    await ip('-n', bridge, 'link', 'add', 'br0', 'type', 'bridge', 'stp_state', '0', 'forward_delay', '0');
    await ip('-n', bridge, 'link', 'set', 'br0', 'up');
    for (const [index, given] of options.hosts.entries()) {
      const wanted: LanHostOptions = typeof given === 'string' ? { name: given } : given;
      const namespace = wanted.joins?.namespace ?? `${base}-${wanted.name}`;
      if (!wanted.joins) await addNamespace(namespace);
      const host: LanHost = {
        name: wanted.name,
        namespace,
        interface: await nextInterface(namespace),
        address:
          wanted.address === false
            ? ''
            : ((wanted.address ?? ipv4FromNumber(ipv4ToNumber(cidr.network) + index + 1)) as Ipv4),
        mac: parseMac(wanted.mac ?? `02:00:00:${hexPair(third)}:00:${hexPair(index + 1)}`) ?? refuse(`${wanted.mac}`),
      };
      await plug(host, bridge, cidr.prefix);
      hosts.set(host.name, host);
    }
  } catch (error) {
    await lan.close();
    throw error;
  }
  return lan;
}

/** Runs `ip` in the machine's own namespace; `ip -n <namespace> …` reaches the others. Throws with its message. */
export async function ip(...args: string[]): Promise<string> {
  const result = await collect('ip', args, {}, new Set());
  if (result.code !== 0) throw new Error(`ip ${args.join(' ')}: ${result.stderr.trim()}`);
  return result.stdout;
}

/** Connects a host with the bridge by a veth pair, up on both ends. */
async function plug(host: LanHost, bridge: string, prefix: number): Promise<void> {
  const port = `p-${host.name}`.slice(0, 15);
  const { namespace, interface: device } = host;
  await ip('-n', namespace, 'link', 'add', device, 'address', host.mac, 'type', 'veth', 'peer', port, 'netns', bridge);
  await ip('-n', bridge, 'link', 'set', port, 'master', 'br0', 'up');
  if (host.address) await ip('-n', namespace, 'addr', 'add', `${host.address}/${prefix}`, 'brd', '+', 'dev', device);
  await ip('-n', namespace, 'link', 'set', device, 'up');
}

async function nextInterface(namespace: string): Promise<string> {
  const links = await ip('-n', namespace, '-o', 'link', 'show');
  return `eth${[...links.matchAll(/\beth\d+/g)].length}`;
}

function runCommand(
  namespace: string,
  command: readonly string[],
  options: { timeoutMs?: number; input?: string },
  children: Set<ChildProcess>,
): Promise<ExecResult> {
  return collect('ip', ['netns', 'exec', namespace, ...command], options, children);
}

function collect(
  file: string,
  args: readonly string[],
  options: { timeoutMs?: number; input?: string },
  children: Set<ChildProcess>,
): Promise<ExecResult> {
  return new Promise((resolve) => {
    const limits = { timeout: options.timeoutMs ?? 20_000, killSignal: 'SIGKILL', maxBuffer: 64 << 20 } as const;
    const child = execFile(file, args, limits, (error, stdout, stderr) => {
      children.delete(child);
      resolve({ code: error ? (child.exitCode ?? -1) : 0, stdout, stderr: stderr || (error?.message ?? '') });
    });
    children.add(child);
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}

/** SIGTERM first, so that the program may write its last line; SIGKILL after a second. */
function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const kill = setTimeout(() => child.kill('SIGKILL'), 1000);
    child.once('exit', () => {
      clearTimeout(kill);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

/** Ends what still runs in the namespaces, then deletes them; their interfaces go with them. */
function removeNamespaces(names: readonly string[]): void {
  for (const name of names) {
    try {
      const pids = execFileSync('ip', ['netns', 'pids', name], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      for (const pid of pids.split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // The namespace or the process has gone already.
    }
    try {
      execFileSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
    } catch {
      // Never made, or deleted by the test.
    }
  }
}

/** Deletes what an earlier process of this prefix left behind when it was killed. */
function sweepAbandoned(prefix: string): void {
  let names: string[] = [];
  try {
    names = readdirSync('/run/netns');
  } catch {
    return;
  }
  const abandoned = names.filter((name) => {
    const owner = name.startsWith(`${prefix}-`) ? /^(\d+)-/.exec(name.slice(prefix.length + 1))?.[1] : undefined;
    return owner !== undefined && !isAlive(Number(owner));
  });
  removeNamespaces(abandoned);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function hexPair(value: number): string {
  return value.toString(16).padStart(2, '0');
}

function refuse(text: string): never {
  throw new Error(`${text} is not a hardware address`);
}
