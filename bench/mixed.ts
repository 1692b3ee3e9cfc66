/** DISCOVER to ACK while nothing else happens, and while the same server feeds many machines by TFTP. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLan, type Lan, type Station } from '../src/lab/lan.ts';
import { findProgram, hobnailCommand, versionOf, writeAppliance } from './contender.ts';
import type { DhcpLoad, DhcpLoadResult } from './dhcp-load.ts';
import { type BenchOptions, inTurn, median, medianRatio } from './measure.ts';
import type { BenchReport, Row } from './report.ts';
import { compile, loaderArguments } from './tftp-clients.ts';

const SERVER = '10.77.0.1';
const RELAY = '10.77.0.2';
const POOL = { first: '10.77.1.0', last: '10.77.250.255' };
const FILES: Readonly<Record<string, number>> = { 'loader.0': 42_430, 'small.cfg': 700, 'initrd.img': 1024 * 1024 };
const MACHINES = 150;

interface Case {
  readonly name: string;
  /** Clients that ask for these files over and over; none: quiet. */
  readonly clients: number;
  readonly files: readonly string[];
}

const CASES: readonly Case[] = [
  { name: 'quiet', clients: 0, files: [] },
  { name: 'beside 200 clients for small files', clients: 200, files: ['loader.0', 'small.cfg'] },
  { name: 'beside 50 clients for 1 MiB', clients: 50, files: ['initrd.img'] },
];

interface Contender {
  readonly name: string;
  readonly client: Station;
}

/** At a time one machine asks: what it waits is the answer's own time, not its place in a queue of its like. */
export async function benchMixed(options: BenchOptions): Promise<BenchReport> {
  const remarks: string[] = [];
  const lans: Lan[] = [];
  const root = join(options.directory, 'files');
  await mkdir(root);
  for (const [name, size] of Object.entries(FILES)) await writeFile(join(root, name), randomBytes(size));
  const loader = await compile('tftp-load', options.directory);
  if (!loader) return { rows: [], remarks: ['no C compiler: nothing to load TFTP with'] };
  try {
    const contenders: Contender[] = [];
    const start = async (name: string, directory: string, [command, args]: readonly [string, readonly string[]]) => {
      const lan = await createLan(`bench-mix${contenders.length}`);
      lans.push(lan);
      const station = await lan.attach('server', `${SERVER}/16`);
      const client = await lan.attach('client', `${RELAY}/16`);
      const daemon = station.start(command, args, { logPath: join(directory, 'log') });
      const ready = { clients: 1, atOnce: 1, first: 1, retryMs: 200, tries: 50, timeoutMs: 10_000 };
      if ((await ask(client, ready)).done === 1) contenders.push({ name, client });
      else remarks.push(`${name} gave no lease: ${(await daemon.log()).slice(-200)}`);
    };
    for (const { name, prepare } of SERVERS) {
      const directory = join(options.directory, name);
      await mkdir(directory);
      const command = await prepare(directory, root, remarks);
      if (command) await start(name, directory, command);
    }
    const rows: Row[] = [];
    let first = 1000;
    for (const one of CASES) {
      const share = performance.now() + (options.deadline - performance.now()) / (CASES.length - CASES.indexOf(one));
      const runs = await inTurn(contenders, { ...options, deadline: share }, async ({ client }) => {
        first += MACHINES;
        return measure(client, one, { loader, root, directory: options.directory, first });
      });
      rows.push(...rowsOf(one, runs));
    }
    return { rows, remarks };
  } finally {
    for (const lan of lans) await lan.close();
  }
}

type Prepare = (
  directory: string,
  root: string,
  remarks: string[],
) => Promise<readonly [string, readonly string[]] | undefined>;

const SERVERS: readonly { readonly name: string; readonly prepare: Prepare }[] = [
  {
    name: 'hobnail',
    prepare: async (directory, root) => {
      const network = {
        interface: 'lan0',
        subnet: `${SERVER}/16`,
        mode: 'server',
        pools: [`${POOL.first}-${POOL.last}`],
      };
      // All clients are behind one address here.
      const tftp = { transfersPerClientMax: 2000, startsPerClientMax: 100_000 };
      const settings = await writeAppliance(
        directory,
        { paths: { images: root }, tftp, http: { enabled: false }, api: { enabled: false }, log: { format: 'json' } },
        { 'networks/lab.yaml': network },
      );
      return hobnailCommand(settings);
    },
  },
  {
    name: 'dnsmasq',
    prepare: async (directory, root, remarks) => {
      const program = await findProgram('dnsmasq');
      if (!program) {
        remarks.push('dnsmasq is not installed: no column');
        return undefined;
      }
      remarks.push(`dnsmasq ${await versionOf(program, '--version')}`);
      return [
        program,
        [
          ...[
            '--keep-in-foreground',
            '--conf-file=/dev/null',
            '--user=root',
            '--group=root',
            '--pid-file=',
            '--port=0',
          ],
          ...['--interface=lan0', '--bind-interfaces', '--except-interface=lo', '--log-facility=-', '--no-hosts'],
          ...[`--dhcp-leasefile=${join(directory, 'leases')}`, '--dhcp-lease-max=100000', '--no-ping'],
          ...[`--dhcp-range=${POOL.first},${POOL.last},255.255.0.0,1h`, '--enable-tftp', `--tftp-root=${root}`],
          '--tftp-max=4000',
        ],
      ];
    },
  },
];

async function measure(
  client: Station,
  { clients, files }: Case,
  given: { readonly loader: string; readonly root: string; readonly directory: string; readonly first: number },
): Promise<DhcpLoadResult> {
  const asked = { clients: MACHINES, atOnce: 1, first: given.first, retryMs: 1000, tries: 4, timeoutMs: 5000 };
  if (clients === 0) return ask(client, asked);
  const load = { server: SERVER, from: RELAY, root: given.root, files, clients, blksize: 1428, windowsize: 1 };
  const args = loaderArguments({ ...load, retryMs: 1000, tries: 5, timeoutMs: 9000, rounds: 10_000 });
  const running = client.start(given.loader, args, { logPath: join(given.directory, 'load.log') });
  try {
    await new Promise((resolve) => setTimeout(resolve, 500));
    return await ask(client, asked);
  } finally {
    await running.close();
  }
}

async function ask(client: Station, asked: Omit<DhcpLoad, 'server' | 'relay'>): Promise<DhcpLoadResult> {
  const script = fileURLToPath(new URL('dhcp-load.ts', import.meta.url));
  const argument = JSON.stringify({ ...asked, server: SERVER, relay: RELAY } satisfies DhcpLoad);
  return JSON.parse(await client.run(process.execPath, [script, argument])) as DhcpLoadResult;
}

function rowsOf({ name }: Case, runs: ReadonlyMap<Contender, readonly DhcpLoadResult[]>): Row[] {
  const [ours = []] = runs.values();
  const row = (unit: string, value: (run: DhcpLoadResult) => number, noted = false): Row => ({
    bench: 'mixed',
    case: name,
    unit,
    better: 'less',
    cells: [...runs].map(([contender, results]) => {
      const values = results.map(value);
      const failed = results.reduce((sum, run) => sum + run.failed, 0);
      return {
        who: contender.name,
        value: median(values),
        ...(results !== ours && { ratio: medianRatio(ours.map(value), values) }),
        ...(noted && failed > 0 && { note: `[${failed} failed]` }),
      };
    }),
  });
  return [row('ms, half of the leases', (run) => run.p50Ms, true), row('ms, 99 % of the leases', (run) => run.p99Ms)];
}
