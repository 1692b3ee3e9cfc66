/** A private LAN: network namespaces around one bridge, with no way out to the machine's own networks. */
import { existsSync } from 'node:fs';
import { type Daemon, type DaemonOptions, run, startDaemon } from './command.ts';

/** A computer on the LAN: a namespace with one interface. */
export interface Station {
  readonly name: string;
  readonly namespace: string;
  /** Interface name inside the namespace. */
  readonly interface: string;
  /** Address without its prefix; empty when the station has none. */
  readonly address: string;
  /** Runs a command in the station to its end; returns its output. */
  run(command: string, args: readonly string[]): Promise<string>;
  /** Starts a long-running command in the station. The LAN ends it when it is closed. */
  start(command: string, args: readonly string[], options: DaemonOptions): Daemon;
}

export interface Lan {
  /** Adds a computer; `address` is in CIDR form (`10.77.0.1/24`). */
  attach(name: string, address?: string): Promise<Station>;
  /** Makes a tap on the bridge and returns its name in the wire's namespace, for a virtual machine started by `wire.start`. */
  openTap(): Promise<string>;
  /** The cable itself: the namespace that holds the bridge and the taps, and has no address. */
  readonly wire: Station;
  /** Ends every process started here and removes every namespace. Safe to call twice. */
  close(): Promise<void>;
}

const PREFIX = 'hobnail';
const BRIDGE = 'br0';

/**
 * Makes an empty LAN. Needs root. Namespaces are named `hobnail-<label>-<pid>-<station>`; those a killed process left
 * behind are removed first.
 */
export async function createLan(label: string): Promise<Lan> {
  await removeAbandoned();
  const base = `${PREFIX}-${label}-${process.pid}`;
  const namespaces: string[] = [];
  const daemons: Daemon[] = [];
  let taps = 0;
  let closed: Promise<void> | undefined;

  async function addNamespace(name: string): Promise<string> {
    const namespace = `${base}-${name}`;
    await run('ip', ['netns', 'add', namespace]);
    namespaces.push(namespace);
    await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
    return namespace;
  }

  function makeStation(name: string, namespace: string, link: string, address: string): Station {
    const inside = (command: string, args: readonly string[]) => ['netns', 'exec', namespace, command, ...args];
    return {
      name,
      namespace,
      interface: link,
      address,
      run: (command, args) => run('ip', inside(command, args)),
      start(command, args, options) {
        if (closed) throw new Error(`the LAN ${base} is closed`);
        const daemon = startDaemon('ip', inside(command, args), options);
        daemons.push(daemon);
        return daemon;
      },
    };
  }

  async function closeAll(): Promise<void> {
    await Promise.all(daemons.map((daemon) => daemon.close()));
    for (const namespace of namespaces) await run('ip', ['netns', 'delete', namespace]).catch(() => {});
  }

  try {
    const wire = await addNamespace('wire');
    await run('ip', ['-n', wire, 'link', 'add', BRIDGE, 'type', 'bridge', 'stp_state', '0', 'mcast_snooping', '0']);
    await run('ip', ['-n', wire, 'link', 'set', BRIDGE, 'up']);
    return {
      wire: makeStation('wire', wire, BRIDGE, ''),
      async attach(name, address) {
        const namespace = await addNamespace(name);
        const port = `p-${name}`.slice(0, 15);
        await run('ip', ['-n', wire, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'lan0', 'netns', namespace]);
        await run('ip', ['-n', wire, 'link', 'set', port, 'master', BRIDGE, 'up']);
        if (address) await run('ip', ['-n', namespace, 'address', 'add', address, 'broadcast', '+', 'dev', 'lan0']);
        await run('ip', ['-n', namespace, 'link', 'set', 'lan0', 'up']);
        return makeStation(name, namespace, 'lan0', address?.replace(/\/.*/, '') ?? '');
      },
      async openTap() {
        const tap = `tap${taps++}`;
        await run('ip', ['-n', wire, 'tuntap', 'add', tap, 'mode', 'tap']);
        await run('ip', ['-n', wire, 'link', 'set', tap, 'master', BRIDGE, 'up']);
        return tap;
      },
      close() {
        closed ??= closeAll();
        return closed;
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Removes namespaces of LANs whose owner is dead and in which nothing runs. */
async function removeAbandoned(): Promise<void> {
  const listed = await run('ip', ['netns', 'list']);
  for (const line of listed.split('\n')) {
    const [, namespace, owner] = /^(hobnail-[a-z0-9-]+?-(\d+)-[a-z0-9]+)(?: |$)/.exec(line) ?? [];
    if (!namespace || !owner || existsSync(`/proc/${owner}`)) continue;
    const inside = await run('ip', ['netns', 'pids', namespace]).catch(() => 'unknown');
    if (inside.trim() === '') await run('ip', ['netns', 'delete', namespace]).catch(() => {});
  }
}
