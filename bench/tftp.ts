/** TFTP: the appliance and the distribution's servers side by side on loopback, each on its own address of 127/8. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Daemon, run } from '../src/lab/command.ts';
import { createLan, type Station } from '../src/lab/lan.ts';
import { findProgram, hobnailCommand, versionOf, writeAppliance } from './contender.ts';
import { type BenchOptions, cpuSeconds, inTurn, median, medianRatio, peakMemory } from './measure.ts';
import type { BenchReport, Cell, Row } from './report.ts';
import { formatNumber } from './report.ts';
import type { TftpLoad, TftpLoadResult } from './tftp-load.ts';

const MEBIBYTE = 1024 * 1024;
/** As a machine asks: a loader, its configuration, a font or a theme. */
const FILES: Readonly<Record<string, number>> = {
  'loader.0': 42_430,
  'small.cfg': 700,
  'splash.lss': 26_140,
  'initrd.img': MEBIBYTE,
  'image.bin': 20 * MEBIBYTE,
};

type Asked = Pick<TftpLoad, 'clients' | 'files' | 'blksize' | 'windowsize' | 'loss'>;

interface Case {
  readonly name: string;
  readonly asked: Asked;
  /** A storm is judged by when the last machine has its files, the others by throughput. */
  readonly shows: 'time' | 'throughput';
}

const fetch = (clients: number, file: string, windowsize: number, loss = 0): Case => ({
  name: [
    `${clients} × ${(FILES[file] ?? 0) / MEBIBYTE} MiB, ${windowsize === 1 ? 'lock-step' : `window ${windowsize}`}`,
    ...(loss > 0 ? [`${loss * 100} % loss`] : []),
  ].join(', '),
  asked: { clients, files: [file], blksize: 1428, windowsize, loss },
  shows: 'throughput',
});

/** Blocks of 1428 bytes everywhere, as iPXE asks for. */
const CASES: readonly Case[] = [
  {
    name: '1000 × 3 small files',
    asked: { clients: 1000, files: ['loader.0', 'small.cfg', 'splash.lss'], blksize: 1428, windowsize: 1 },
    shows: 'time',
  },
  fetch(100, 'initrd.img', 1),
  fetch(20, 'initrd.img', 16),
  ...[1, 4, 16, 64].map((windowsize) => fetch(1, 'image.bin', windowsize)),
  ...[0.01, 0.05].flatMap((loss) => [fetch(20, 'initrd.img', 1, loss), fetch(20, 'initrd.img', 16, loss)]),
];

interface Contender {
  readonly name: string;
  readonly address: string;
  readonly daemon: Daemon;
  readonly forks: boolean;
}

interface Run extends TftpLoadResult {
  /** NaN where the kernel does not say. */
  readonly cpuSeconds: number;
}

export async function benchTftp(options: BenchOptions): Promise<BenchReport> {
  const remarks: string[] = [];
  const lan = await createLan('bench-tftp');
  try {
    // The address is for tftpd-hpa: its resolver takes no literal where there is nothing but loopback (AI_ADDRCONFIG).
    const station = await lan.attach('all', '10.77.0.1/24');
    const root = await makeFiles(options.directory);
    const loader = await compileLoader(options.directory, remarks);
    const contenders = await startAll(station, root, options.directory, remarks);
    const rows: Row[] = [];
    const cases = CASES.filter(({ asked }) => loader || !asked.loss);
    for (const one of cases) {
      const share = performance.now() + (options.deadline - performance.now()) / (cases.length - cases.indexOf(one));
      const runs = await inTurn(contenders, { ...options, deadline: share }, (contender) =>
        measure(station, loader, contender, { ...one.asked, root, server: contender.address }),
      );
      rows.push(...rowsOf(one, runs, remarks));
    }
    for (const { name, daemon, forks } of contenders) {
      if (forks) {
        remarks.push(`${name}: a process a transfer, whose CPU time and memory are not counted`);
        continue;
      }
      remarks.push(`${name}: ${formatNumber((await peakMemory(daemon.pid)) / MEBIBYTE)} MiB at its highest`);
    }
    return { rows, remarks };
  } finally {
    await lan.close();
  }
}

async function makeFiles(directory: string): Promise<string> {
  const root = join(directory, 'files');
  await mkdir(root, { recursive: true });
  for (const [name, size] of Object.entries(FILES))
    await writeFile(join(root, name), randomBytes(size), { mode: 0o644 });
  return root;
}

/** All at once, so that rounds need no restarts; the idle ones only wait. */
async function startAll(station: Station, root: string, directory: string, remarks: string[]): Promise<Contender[]> {
  const contenders: Contender[] = [];
  const start = async (
    name: string,
    address: string,
    program: string,
    parameters: readonly string[],
    forks = false,
  ) => {
    const daemon = station.start(program, parameters, { logPath: join(directory, `${name}.log`) });
    if (await answers(station, root, address)) contenders.push({ name, address, daemon, forks });
    else {
      remarks.push(`${name} did not start: ${(await daemon.log()).trim().split('\n').at(-1) ?? ''}`);
      await daemon.close();
    }
  };
  for (const door of ['fast', 'portable']) {
    const address = `127.0.0.${contenders.length + 1}`;
    const settings = await writeAppliance(join(directory, door), {
      paths: { images: root },
      dhcp: { enabled: false },
      http: { enabled: false },
      api: { enabled: false },
      tftp: { door },
      listen: [address],
      log: { format: 'json' },
    });
    await start(door === 'fast' ? 'hobnail' : `hobnail ${door}`, address, ...hobnailCommand(settings));
    if (contenders.length === 0) throw new Error(remarks.join('; '));
  }
  for (const { name, program: file, version, forks, parameters } of PEERS) {
    const program = await findProgram(file);
    const address = `127.0.0.${contenders.length + 1}`;
    if (!program) remarks.push(`${name} is not installed: no column`);
    else {
      remarks.push(`${name} ${await versionOf(program, version)}`);
      await start(name, address, program, parameters(address, root), forks);
    }
  }
  return contenders;
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

/** Asks for one small file until it comes. */
async function answers(station: Station, root: string, server: string): Promise<boolean> {
  const asked: Asked = { clients: 1, files: ['small.cfg'], blksize: 512, windowsize: 1 };
  const load = { ...asked, root, server, retryMs: 100, tries: 100, timeoutMs: 10_000 };
  const result = await fetchAll(station, undefined, load);
  return result.done === 1;
}

async function measure(
  station: Station,
  loader: string | undefined,
  contender: Contender,
  asked: Asked & Pick<TftpLoad, 'root' | 'server'>,
): Promise<Run> {
  const before = await cpuSeconds(contender.daemon.pid);
  const result = await fetchAll(station, loader, { ...asked, retryMs: 1000, tries: 5, timeoutMs: 20_000 });
  // What is done after the last byte (closing, recording) is work for these transfers too.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const used = (await cpuSeconds(contender.daemon.pid)) - before;
  return { ...result, cpuSeconds: contender.forks ? Number.NaN : used };
}

/** The clients written in C cost less than what they measure; where no compiler is, those written in TypeScript do. */
async function compileLoader(directory: string, remarks: string[]): Promise<string | undefined> {
  const program = join(directory, 'tftp-load');
  const source = fileURLToPath(new URL('tftp-load.c', import.meta.url));
  try {
    await run('cc', ['-O2', '-o', program, source]);
    return program;
  } catch {
    remarks.push('no C compiler: slower clients, and no cases with loss');
    return undefined;
  }
}

async function fetchAll(station: Station, loader: string | undefined, load: TftpLoad): Promise<TftpLoadResult> {
  if (loader) {
    const { server, clients, blksize, windowsize, retryMs, tries, timeoutMs, loss = 0, root, files } = load;
    const numbers = [clients, blksize, windowsize, retryMs, tries, timeoutMs, loss, 1].map(String);
    const paths = files.map((name) => join(root, name));
    return JSON.parse(await station.run(loader, [server, ...numbers, ...paths])) as TftpLoadResult;
  }
  const script = fileURLToPath(new URL('tftp-load.ts', import.meta.url));
  return JSON.parse(await station.run(process.execPath, [script, JSON.stringify(load)])) as TftpLoadResult;
}

function rowsOf(one: Case, runs: ReadonlyMap<Contender, readonly Run[]>, remarks: string[]): Row[] {
  const [ours = []] = runs.values();
  for (const [{ name }, results] of runs) {
    const fault = results.find((run) => run.fault !== undefined)?.fault;
    if (fault !== undefined) remarks.push(`${name}, ${one.name}: the first fault was "${fault}"`);
  }
  const row = (unit: string, better: Row['better'], value: (run: Run) => number, noted = false): Row => ({
    bench: 'tftp',
    case: one.name,
    unit,
    better,
    cells: [...runs].map(([{ name }, results]): Cell => {
      const values = results.map(value);
      const note = noted ? noteOf(one, results) : '';
      return {
        who: name,
        value: median(values),
        ...(results !== ours && { ratio: medianRatio(ours.map(value), values) }),
        ...(note !== '' && { note }),
      };
    }),
  });
  const cpu = row('CPU s/GB', 'less', (run) => (run.cpuSeconds / run.bytes) * 1e9);
  if (one.shows === 'throughput') return [row('MB/s', 'more', (run) => run.bytes / 1e3 / run.ms, true), cpu];
  return [
    row('ms until all have all', 'less', (run) => run.ms, true),
    row('files/s', 'more', (run) => (run.done / run.ms) * 1000),
    row('ms, 99 % of files', 'less', (run) => run.p99Ms),
    cpu,
  ];
}

/** What makes a number not what it seems. */
function noteOf({ asked }: Case, runs: readonly Run[]): string {
  const failed = runs.reduce((sum, run) => sum + run.failed, 0);
  const repeats = runs.reduce((sum, run) => sum + run.repeats, 0);
  const all = runs.length * asked.clients * asked.files.length;
  const granted = runs[0]?.grantedWindow ?? 0;
  return [
    failed > 0 ? `[${failed} of ${all} failed]` : '',
    repeats > 0 ? `[${repeats} repeats]` : '',
    granted !== asked.windowsize && granted !== 0 ? `[window ${granted}]` : '',
  ]
    .filter((text) => text !== '')
    .join(' ');
}
