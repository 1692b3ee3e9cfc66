/** TFTP: the appliance, the distribution's servers and a floor in C side by side on loopback. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLan, type Station } from '../src/lab/lan.ts';
import { type BenchOptions, cpuSeconds, inTurn, median, medianRatio, peakMemory } from './measure.ts';
import type { BenchReport, Cell, Row } from './report.ts';
import { formatNumber } from './report.ts';
import { compile, fetchAll } from './tftp-clients.ts';
import { type Contender, startAll } from './tftp-contenders.ts';
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
/** No server has longer for one run, so that a slow one costs no more than a fast one. */
const RUN_MS = 8000;
/** What is done after the last byte (closing, recording) is work for these transfers too. */
const AFTERMATH_MS = 700;

type Asked = Pick<TftpLoad, 'clients' | 'files' | 'blksize' | 'windowsize' | 'loss'>;

interface Case {
  /** For `--only`. */
  readonly key: string;
  readonly name: string;
  readonly asked: Asked;
  /** A storm is judged by when the last machine has its files, the others by throughput. */
  readonly shows: 'time' | 'throughput';
}

const fetch = (key: string, clients: number, file: string, windowsize: number, loss = 0): Case => ({
  key,
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
    key: 'storm',
    name: '1000 × 3 small files',
    asked: { clients: 1000, files: ['loader.0', 'small.cfg', 'splash.lss'], blksize: 1428, windowsize: 1 },
    shows: 'time',
  },
  fetch('many', 100, 'initrd.img', 1),
  fetch('many-16', 20, 'initrd.img', 16),
  fetch('one', 1, 'image.bin', 1),
  fetch('one-4', 1, 'image.bin', 4),
  fetch('one-16', 1, 'image.bin', 16),
  fetch('one-64', 1, 'image.bin', 64),
  fetch('loss-1', 20, 'initrd.img', 1, 0.01),
  fetch('loss-1-16', 20, 'initrd.img', 16, 0.01),
  fetch('loss-5', 20, 'initrd.img', 1, 0.05),
  fetch('loss-5-16', 20, 'initrd.img', 16, 0.05),
];

export const TFTP_CASES: readonly string[] = CASES.map(({ key }) => key);

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
    const loader = await compile('tftp-load', options.directory);
    if (!loader) remarks.push('no C compiler: slower clients, no floor, and no cases with loss');
    const contenders = await startAll({ ...options, station, root, files: Object.keys(FILES), remarks });
    const rows: Row[] = [];
    const isWanted = ({ key }: Case) => options.only.length === 0 || options.only.includes(key);
    const cases = CASES.filter((one) => isWanted(one) && (loader || !one.asked.loss));
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

async function measure(
  station: Station,
  loader: string | undefined,
  contender: Contender,
  asked: Asked & Pick<TftpLoad, 'root' | 'server'>,
): Promise<Run> {
  const before = await cpuSeconds(contender.daemon.pid);
  const result = await fetchAll(station, loader, { ...asked, retryMs: 1000, tries: 5, timeoutMs: RUN_MS });
  await new Promise((resolve) => setTimeout(resolve, AFTERMATH_MS));
  const used = (await cpuSeconds(contender.daemon.pid)) - before;
  return { ...result, cpuSeconds: contender.forks ? Number.NaN : used };
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
