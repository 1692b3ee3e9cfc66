/** DHCP: DISCOVER to ACK through a relay agent, the appliance and other servers each on a LAN of their own. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Daemon } from '../src/lab/command.ts';
import { createLan, type Lan, type Station } from '../src/lab/lan.ts';
import { findProgram, hobnailCommand, versionOf, writeAppliance } from './contender.ts';
import type { DhcpLoad, DhcpLoadResult } from './dhcp-load.ts';
import { type BenchOptions, cpuSeconds, inTurn, median, medianRatio } from './measure.ts';
import type { BenchReport, Cell, Row } from './report.ts';

const SERVER = '10.77.0.1';
const RELAY = '10.77.0.2';
const POOL = { first: '10.77.1.0', last: '10.77.250.255' };

interface Case {
  readonly name: string;
  readonly clients: number;
  readonly atOnce: number;
}

const CASES: readonly Case[] = [
  { name: '300 new machines, one at a time', clients: 300, atOnce: 1 },
  { name: '2000 new machines, 100 at once', clients: 2000, atOnce: 100 },
];

interface Server {
  readonly name: string;
  /** undefined: it is not installed. */
  readonly program: string | undefined;
  readonly version?: string;
  readonly durable: string;
  /** Writes what it needs; returns its command line. */
  prepare(directory: string, program: string): Promise<readonly [string, readonly string[]]>;
}

interface Contender {
  readonly name: string;
  readonly daemon: Daemon;
  readonly client: Station;
}

interface Run extends DhcpLoadResult {
  readonly cpuSeconds: number;
}

export async function benchDhcp(options: BenchOptions): Promise<BenchReport> {
  const remarks: string[] = [];
  const lans: Lan[] = [];
  try {
    const contenders: Contender[] = [];
    for (const server of await findServers()) {
      const directory = join(options.directory, server.name);
      await mkdir(directory);
      if (!server.program) {
        remarks.push(`${server.name} is not installed: no column`);
        continue;
      }
      const version = server.version ? ` ${server.version}` : '';
      const lan = await createLan(`bench-${server.name.slice(0, 4)}`);
      lans.push(lan);
      const contender = await start(lan, directory, server, server.program);
      if (contender) contenders.push(contender);
      else if (contenders.length === 0) throw new Error(`${server.name} gave no lease`);
      remarks.push(`${server.name}${version}${contender ? `: ${server.durable}` : ' gave no lease: no column'}`);
    }
    const rows: Row[] = [];
    // Firsts below 1000 are those of the readiness check.
    let first = 1000;
    for (const one of CASES) {
      const share = performance.now() + (options.deadline - performance.now()) / (CASES.length - CASES.indexOf(one));
      const runs = await inTurn(contenders, { ...options, deadline: share }, (contender) => {
        first += one.clients;
        return measure(contender, { ...one, first });
      });
      rows.push(...rowsOf(one, runs));
    }
    return { rows, remarks };
  } finally {
    for (const lan of lans) await lan.close();
  }
}

async function findServers(): Promise<Server[]> {
  const dnsmasq = await findProgram('dnsmasq');
  const kea = await findProgram('kea-dhcp4');
  return [
    {
      name: 'hobnail',
      program: process.execPath,
      durable: 'every ACK waits until its lease is synced, those that wait together share one sync',
      prepare: prepareHobnail,
    },
    {
      name: 'dnsmasq',
      program: dnsmasq,
      ...(dnsmasq && { version: await versionOf(dnsmasq, '--version') }),
      durable: 'writes and syncs its whole lease file before an ACK; its ping before an offer is off',
      prepare: prepareDnsmasq,
    },
    {
      name: 'kea',
      program: kea,
      ...(kea && { version: await versionOf(kea, '-v') }),
      durable: 'memfile, appended to without sync: a lease may be lost with the power',
      prepare: prepareKea,
    },
  ];
}

async function prepareHobnail(directory: string): Promise<readonly [string, readonly string[]]> {
  const network = {
    interface: 'lan0',
    subnet: `${SERVER}/16`,
    mode: 'server',
    shareWire: true,
    probeMs: 0,
    unknown: 'menu',
    pools: [`${POOL.first}-${POOL.last}`],
  };
  const settings = await writeAppliance(
    directory,
    { tftp: { enabled: false }, http: { enabled: false }, api: { enabled: false }, log: { format: 'json' } },
    { 'networks/lab.yaml': { ...network, router: SERVER, dns: [SERVER] } },
  );
  return hobnailCommand(settings);
}

async function prepareDnsmasq(directory: string, program: string): Promise<readonly [string, readonly string[]]> {
  return [
    program,
    [
      ...['--keep-in-foreground', '--conf-file=/dev/null', '--user=root', '--group=root', '--pid-file=', '--port=0'],
      ...['--interface=lan0', '--bind-interfaces', '--except-interface=lo', '--log-facility=-'],
      ...[`--dhcp-leasefile=${join(directory, 'leases')}`, '--dhcp-lease-max=100000', '--no-ping', '--no-hosts'],
      ...[`--dhcp-range=${POOL.first},${POOL.last},255.255.0.0,1h`, `--dhcp-option=3,${SERVER}`],
      `--dhcp-option=6,${SERVER}`,
    ],
  ];
}

async function prepareKea(directory: string, program: string): Promise<readonly [string, readonly string[]]> {
  const file = join(directory, 'kea.json');
  const options = [
    { name: 'routers', data: SERVER },
    { name: 'domain-name-servers', data: SERVER },
  ];
  const subnet = { subnet: '10.77.0.0/16', pools: [{ pool: `${POOL.first} - ${POOL.last}` }], 'option-data': options };
  const settings = {
    'interfaces-config': { interfaces: ['lan0'], 'dhcp-socket-type': 'udp' },
    'lease-database': { type: 'memfile', persist: true, name: join(directory, 'leases.csv'), 'lfc-interval': 0 },
    'valid-lifetime': 3600,
    subnet4: [{ id: 1, ...subnet }],
    loggers: [{ name: 'kea-dhcp4', severity: 'INFO', output_options: [{ output: 'stdout' }] }],
  };
  await writeFile(file, JSON.stringify({ Dhcp4: settings }));
  return [program, ['-c', file]];
}

/** Resolves to undefined when the server does not give a lease in ten seconds. */
async function start(lan: Lan, directory: string, server: Server, program: string): Promise<Contender | undefined> {
  const station = await lan.attach('server', `${SERVER}/16`);
  const client = await lan.attach('client', `${RELAY}/16`);
  const [command, args] = await server.prepare(directory, program);
  const daemon = station.start(command, args, {
    logPath: join(directory, 'log'),
    // Kea wants these for its lock and its pid.
    env: { KEA_LOCKFILE_DIR: 'none', KEA_PIDFILE_DIR: directory },
  });
  const { done } = await load(client, { clients: 1, atOnce: 1, first: 1, retryMs: 200, tries: 50, timeoutMs: 10_000 });
  if (done === 1) return { name: server.name, daemon, client };
  await daemon.close();
  return undefined;
}

async function measure({ daemon, client }: Contender, asked: Omit<Case, 'name'> & { first: number }): Promise<Run> {
  const before = await cpuSeconds(daemon.pid);
  const { clients, atOnce, first } = asked;
  const result = await load(client, { clients, atOnce, first, retryMs: 1000, tries: 4, timeoutMs: 5000 });
  // Events and lease files are written after the answer, and are work for these leases too.
  await new Promise((resolve) => setTimeout(resolve, 500));
  return { ...result, cpuSeconds: (await cpuSeconds(daemon.pid)) - before };
}

async function load(client: Station, asked: Omit<DhcpLoad, 'server' | 'relay'>): Promise<DhcpLoadResult> {
  const script = fileURLToPath(new URL('dhcp-load.ts', import.meta.url));
  const argument = JSON.stringify({ ...asked, server: SERVER, relay: RELAY } satisfies DhcpLoad);
  return JSON.parse(await client.run(process.execPath, [script, argument])) as DhcpLoadResult;
}

function rowsOf(one: Case, runs: ReadonlyMap<Contender, readonly Run[]>): Row[] {
  const [ours = []] = runs.values();
  const row = (unit: string, better: Row['better'], value: (run: Run) => number, noted = false): Row => ({
    bench: 'dhcp',
    case: one.name,
    unit,
    better,
    cells: [...runs].map(([{ name }, results]): Cell => {
      const values = results.map(value);
      const note = noted ? noteOf(results) : '';
      return {
        who: name,
        value: median(values),
        ...(results !== ours && { ratio: medianRatio(ours.map(value), values) }),
        ...(note !== '' && { note }),
      };
    }),
  });
  return [
    row('leases/s', 'more', (run) => (run.done / run.ms) * 1000, true),
    row('ms, half of them', 'less', (run) => run.p50Ms),
    row('ms, 99 % of them', 'less', (run) => run.p99Ms),
    row('CPU ms a lease', 'less', (run) => (run.cpuSeconds * 1000) / run.done),
  ];
}

function noteOf(runs: readonly Run[]): string {
  const sum = (pick: (run: Run) => number) => runs.reduce((total, run) => total + pick(run), 0);
  const counts = {
    failed: sum((run) => run.failed),
    repeats: sum((run) => run.repeats),
    twice: sum((run) => run.twice),
  };
  return [
    counts.failed > 0 ? `[${counts.failed} failed]` : '',
    counts.repeats > 0 ? `[${counts.repeats} repeats]` : '',
    counts.twice > 0 ? `[${counts.twice} addresses given twice]` : '',
  ]
    .filter((text) => text !== '')
    .join(' ');
}
