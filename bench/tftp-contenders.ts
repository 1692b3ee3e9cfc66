/** TFTP servers started side by side on loopback, each on its own address of 127/8, all with the same files. */
import { join } from 'node:path';
import type { Daemon } from '../src/lab/command.ts';
import type { Station } from '../src/lab/lan.ts';
import { findProgram, hobnailCommand, versionOf, writeAppliance } from './contender.ts';
import type { BenchOptions } from './measure.ts';
import { compile, fetchAll } from './tftp-clients.ts';

export interface Contender {
  readonly name: string;
  readonly address: string;
  readonly daemon: Daemon;
  readonly forks: boolean;
}

interface Peer {
  readonly name: string;
  readonly program: string;
  readonly version: string;
  /** A process a transfer, which nobody waits for: their CPU time is lost to `/proc`. */
  readonly forks?: boolean;
  readonly parameters: (address: string, root: string) => readonly string[];
}

/** Limits on clients are raised, or the storm would measure those. As root: the files are in a directory of root's. */
const PEERS: readonly Peer[] = [
  {
    name: 'tftpd-hpa',
    program: 'in.tftpd',
    version: '--version',
    forks: true,
    parameters: (address, root) => ['--foreground', '--address', `${address}:69`, '--user', 'root', '--secure', root],
  },
  {
    name: 'atftpd',
    program: 'atftpd',
    version: '--version',
    parameters: (address, root) => [
      ...['--daemon', '--no-fork', '--user', 'root', '--group', 'root', '--maxthread', '4000'],
      ...['--bind-address', address, '--port', '69', '--logfile', '-', root],
    ],
  },
  {
    name: 'dnsmasq',
    program: 'dnsmasq',
    version: '--version',
    parameters: (address, root) => [
      ...['--keep-in-foreground', '--conf-file=/dev/null', '--user=root', '--group=root', '--pid-file=', '--port=0'],
      ...['--bind-interfaces', '--except-interface=lo', `--listen-address=${address}`, '--log-facility=-'],
      ...['--enable-tftp', `--tftp-root=${root}`, '--tftp-max=4000'],
    ],
  },
];

/** Ours is always there; `portable` is ours without the thread, `floor` the least a server in C can be. */
export const TFTP_PEERS: readonly string[] = [...PEERS.map(({ name }) => name), 'floor'];

interface Field extends Pick<BenchOptions, 'directory' | 'peers'> {
  readonly station: Station;
  /** Where the files are, and their names. */
  readonly root: string;
  readonly files: readonly string[];
  readonly remarks: string[];
}

/** All at once, so that rounds need no restarts; the idle ones only wait. The first is the appliance. */
export async function startAll(field: Field): Promise<readonly Contender[]> {
  const { station, root, directory, remarks, peers } = field;
  const contenders: Contender[] = [];
  const isWanted = (name: string) => peers.length === 0 || peers.includes(name);
  const start = async (name: string, program: string, parameters: readonly string[], forks = false) => {
    const daemon = station.start(program, parameters, { logPath: join(directory, `${name}.log`) });
    const address = nextAddress();
    if (await answers(station, root, address)) contenders.push({ name, address, daemon, forks });
    else {
      remarks.push(`${name} did not start: ${(await daemon.log()).trim().split('\n').at(-1) ?? ''}`);
      await daemon.close();
    }
  };
  const nextAddress = () => `127.0.0.${contenders.length + 1}`;

  for (const door of ['fast', 'portable']) {
    if (door === 'portable' && !isWanted(door)) continue;
    const settings = await writeAppliance(join(directory, door), {
      paths: { images: root },
      dhcp: { enabled: false },
      http: { enabled: false },
      api: { enabled: false },
      tftp: { door },
      listen: [nextAddress()],
      log: { format: 'json' },
    });
    await start(door === 'fast' ? 'hobnail' : door, ...hobnailCommand(settings));
    if (contenders.length === 0) throw new Error(remarks.join('; '));
  }
  for (const { name, program: file, version, forks, parameters } of PEERS) {
    if (!isWanted(name)) continue;
    const program = await findProgram(file);
    if (!program) remarks.push(`${name} is not installed: no column`);
    else {
      remarks.push(`${name} ${await versionOf(program, version)}`);
      await start(name, program, parameters(nextAddress(), root), forks);
    }
  }
  const floor = isWanted('floor') ? await compile('tftp-floor', directory) : undefined;
  if (floor) await start('floor', floor, [nextAddress(), ...field.files.map((name) => join(root, name))]);
  return contenders;
}

/** Asks for one small file until it comes. */
async function answers(station: Station, root: string, server: string): Promise<boolean> {
  const asked = { clients: 1, files: ['small.cfg'], blksize: 512, windowsize: 1 };
  const load = { ...asked, root, server, retryMs: 100, tries: 100, timeoutMs: 10_000 };
  const result = await fetchAll(station, undefined, load);
  return result.done === 1;
}
