/**
 * DHCP: DISCOVER to ACK through a relay agent, the appliance and other servers each on a LAN of their own: one machine at a
 * time, a crowd, the highest rate by Kea's load generator, a steady thousand a second, and a million leases on record.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Daemon } from '../src/lab/command.ts';
import { createLan, type Lan, type Station } from '../src/lab/lan.ts';
import { findProgram } from './contender.ts';
import type { DhcpLoad, DhcpLoadResult } from './dhcp-load.ts';
import { addressOf, findServers, LARGE, type Place, type Server, SMALL } from './dhcp-servers.ts';
import { type BenchOptions, cpuSeconds, inTurn, median, medianRatio, peakMemory } from './measure.ts';
import type { BenchReport, Cell, Row } from './report.ts';

export const DHCP_CASES: readonly string[] = ['single', 'crowd', 'steady', 'highest', 'million'];
export const DHCP_PEERS: readonly string[] = ['dnsmasq', 'kea', 'dhcpd'];

interface Case {
  readonly word: string;
  readonly name: string;
  readonly load: Pick<DhcpLoad, 'clients' | 'atOnce' | 'perSecond'>;
}

const CASES: readonly Case[] = [
  { word: 'single', name: '500 new machines, one at a time', load: { clients: 500, atOnce: 1 } },
  { word: 'crowd', name: '5000 new machines, 100 at once', load: { clients: 5000, atOnce: 100 } },
  {
    word: 'steady',
    name: '1000 new machines a second, for 4 s',
    load: { clients: 4000, atOnce: 0, perSecond: 1000 },
  },
];

/** Machines a second that are tried one after another, until a server loses one of a hundred. */
const RATES = [100, 200, 400, 800, 1500, 2500, 3500, 4500, 5250, 6000, 6750, 7500, 8500, 10_000];
const RATE_SECONDS = 1.5;
const ON_RECORD = [1000, 100_000, 1_000_000];

interface Contender {
  readonly name: string;
  readonly place: Place;
  readonly daemon: Daemon;
  readonly client: Station;
}

interface Run extends DhcpLoadResult {
  readonly cpuSeconds: number;
}

/** Numbers of machines: those of different runs are different. Below 1000 are those of readiness checks. */
let first = 1000;

export async function benchDhcp(options: BenchOptions): Promise<BenchReport> {
  const remarks: string[] = [];
  const rows: Row[] = [];
  const lans: Lan[] = [];
  const isWanted = (word: string) => options.only.length === 0 || options.only.includes(word);
  const servers: (Server & { readonly program: string })[] = [];
  for (const server of await findServers()) {
    const { name, program, version } = server;
    if (options.peers.length > 0 && !options.peers.includes(name) && name !== 'hobnail') continue;
    if (!program) remarks.push(`${name} is not installed: no column`);
    else servers.push({ ...server, program });
    if (program) remarks.push(`${name}${version ? ` ${version}` : ''}: ${server.durable}`);
  }
  try {
    const contenders: Contender[] = [];
    const cases = CASES.filter(({ word }) => isWanted(word));
    for (const server of cases.length > 0 || isWanted('highest') ? servers : []) {
      const directory = join(options.directory, server.name);
      await mkdir(directory);
      const contender = await start(lans, directory, server, SMALL);
      if (typeof contender === 'string') remarks.push(contender);
      else contenders.push(contender);
    }
    // Half of the time at most; the rest cannot be cut short.
    const half = performance.now() + (options.deadline - performance.now()) / 2;
    for (const [index, one] of cases.entries()) {
      const deadline = performance.now() + (half - performance.now()) / (cases.length - index);
      const runs = await inTurn(contenders, { ...options, deadline }, (contender) => measure(contender, one.load));
      rows.push(...rowsOf(one.name, runs));
    }
    if (isWanted('highest')) rows.push(...(await benchHighest(contenders, options, remarks)));
    for (const lan of lans.splice(0)) await lan.close();
    if (isWanted('million')) rows.push(...(await benchOnRecord(servers, options, remarks)));
    return { rows, remarks };
  } finally {
    for (const lan of lans) await lan.close();
  }
}

/** A server and a relay agent on a LAN of their own. A text when the server gives no lease in twenty seconds. */
async function start(
  lans: Lan[],
  directory: string,
  server: Server & { readonly program: string },
  place: Place,
): Promise<(Contender & { readonly startMs: number }) | string> {
  const lan = await createLan(`bench-${server.name.slice(0, 4)}${lans.length}`);
  lans.push(lan);
  const station = await lan.attach('server', place.server);
  const client = await lan.attach('client', place.relay);
  const [command, args] = await server.prepare(directory, server.program, place);
  const startedAt = performance.now();
  const daemon = station.start(command, args, {
    logPath: join(directory, 'log'),
    // Kea wants these for its lock and its pid.
    env: { KEA_LOCKFILE_DIR: 'none', KEA_PIDFILE_DIR: directory },
  });
  const ready = { clients: 1, atOnce: 1, first: 1, retryMs: 50, tries: 400, timeoutMs: 20_000 };
  const { done } = await load(client, place, ready);
  if (done === 1) return { name: server.name, place, daemon, client, startMs: performance.now() - startedAt };
  await daemon.close();
  return `${server.name} gave no lease in 20 s: ${(await daemon.log()).trim().split('\n').at(-1) ?? ''}`;
}

async function measure({ daemon, client, place }: Contender, asked: Case['load']): Promise<Run> {
  const before = await cpuSeconds(daemon.pid);
  const result = await load(client, place, { ...asked, first, retryMs: 1000, tries: 3, timeoutMs: 5000 });
  first += asked.clients;
  // Events and lease files are written after the answer, and are work for these leases too.
  await new Promise((resolve) => setTimeout(resolve, 500));
  return { ...result, cpuSeconds: (await cpuSeconds(daemon.pid)) - before };
}

async function load(client: Station, place: Place, asked: Omit<DhcpLoad, 'server' | 'relay'>): Promise<DhcpLoadResult> {
  const script = fileURLToPath(new URL('dhcp-load.ts', import.meta.url));
  const all: DhcpLoad = { ...asked, server: addressOf(place.server), relay: addressOf(place.relay) };
  return JSON.parse(await client.run(process.execPath, [script, JSON.stringify(all)])) as DhcpLoadResult;
}

async function benchHighest(contenders: Contender[], options: BenchOptions, remarks: string[]): Promise<Row[]> {
  if (!(await findProgram('perfdhcp'))) {
    remarks.push('perfdhcp is not installed: no highest rate');
    return [];
  }
  const runs = await inTurn(contenders, options, findHighest);
  const [ours = []] = runs.values();
  const cells = [...runs].map(([{ name }, values]): Cell => {
    return { who: name, value: median(values), ...(values !== ours && { ratio: medianRatio(ours, values) }) };
  });
  const name = 'highest rate with less than 1 % lost, by perfdhcp';
  return [{ bench: 'dhcp', case: name, unit: 'leases/s', better: 'more', cells }];
}

/** What was really exchanged a second at the highest rate that lost less than one of a hundred; 0 when every rate did. */
async function findHighest({ client, place }: Contender): Promise<number> {
  let highest = 0;
  let lost = 0;
  for (const rate of RATES) {
    const mac = `mac=02:0a:${first.toString(16).padStart(8, '0').replace(/../g, '$&:').slice(0, -1)}`;
    const clients = Math.ceil(2 * rate * RATE_SECONDS);
    first += clients;
    const args = ['-4', '-l', addressOf(place.relay), '-r', `${rate}`, '-p', '2', '-R', `${clients}`, '-b', mac];
    // It ends with 3 when anything was lost, which is no failure here.
    const said = await client.run('sh', [
      '-c',
      `timeout 20 perfdhcp ${[...args, '-W', '300000', addressOf(place.server)].join(' ')} || true`,
    ]);
    const found = [...said.matchAll(/^sent packets: (\d+)\s+received packets: (\d+)/gm)].map(([, sent, received]) => ({
      sent: Number(sent),
      received: Number(received),
    }));
    const [offers, acks] = found;
    if (!offers || !acks || offers.received < offers.sent * 0.99 || acks.received < acks.sent * 0.99) {
      // Once may be the machine's fault.
      if (++lost > 1) break;
      continue;
    }
    highest = Math.max(highest, acks.received / 2);
    // It could not send what it was told to: a higher rate would measure it and not the server.
    if (offers.sent < rate * 2 * 0.8) break;
  }
  return highest;
}

/** Starts each server with so many leases on record; then new machines come. */
async function benchOnRecord(
  servers: readonly (Server & { readonly program: string })[],
  options: BenchOptions,
  remarks: string[],
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const leases of ON_RECORD) {
    if (performance.now() > options.deadline && leases > (ON_RECORD[0] ?? 0)) {
      remarks.push(`no time for ${leases} leases on record`);
      break;
    }
    const found = new Map<string, { readonly startMs: number; readonly memory: number; readonly runs: Run[] }>();
    for (const server of servers) {
      if (!server.fill) continue;
      const directory = join(options.directory, `${server.name}-${leases}`);
      await mkdir(directory);
      await server.fill(directory, leases);
      const lans: Lan[] = [];
      try {
        const contender = await start(lans, directory, server, LARGE);
        if (typeof contender === 'string') {
          remarks.push(`${contender} (${leases} leases on record)`);
          continue;
        }
        const runs: Run[] = [];
        for (let round = 0; round < 3; round++) runs.push(await measure(contender, { clients: 3000, atOnce: 100 }));
        found.set(server.name, {
          startMs: contender.startMs,
          memory: (await peakMemory(contender.daemon.pid)) / (1 << 20),
          // The first of a fresh process warms it up.
          runs: runs.slice(1),
        });
      } finally {
        for (const lan of lans) await lan.close();
      }
    }
    const row = (
      unit: string,
      better: Row['better'],
      value: (one: { startMs: number; memory: number; runs: Run[] }) => number,
    ): Row => ({
      bench: 'dhcp',
      case: `${leases.toLocaleString('en')} leases on record`,
      unit,
      better,
      cells: [...found].map(([who, one]) => {
        const ours = found.get('hobnail');
        return { who, value: value(one), ...(ours && one !== ours && { ratio: value(ours) / value(one) }) };
      }),
    });
    rows.push(
      row('ms from start to a first lease', 'less', ({ startMs }) => startMs),
      row('leases/s, 100 at once', 'more', ({ runs }) => median(runs.map((run) => (run.done / run.ms) * 1000))),
      row('CPU ms a lease', 'less', ({ runs }) => median(runs.map((run) => (run.cpuSeconds * 1000) / run.done))),
      row('MiB at its highest', 'less', ({ memory }) => memory),
    );
  }
  return rows;
}

function rowsOf(name: string, runs: ReadonlyMap<Contender, readonly Run[]>): Row[] {
  const [ours = []] = runs.values();
  const row = (unit: string, better: Row['better'], value: (run: Run) => number, noted = false): Row => ({
    bench: 'dhcp',
    case: name,
    unit,
    better,
    cells: [...runs].map(([{ name: who }, results]): Cell => {
      const values = results.map(value);
      const note = noted ? noteOf(results) : '';
      return {
        who,
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
