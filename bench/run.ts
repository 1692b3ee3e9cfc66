/**
 * `npm run bench [-- name…]`: the appliance beside the servers people use instead, in one run on one machine. The figures
 * are for reading, not for passing: nothing here fails because something was slow.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BOOT_CASES, benchBoot } from './boot.ts';
import { benchDecide } from './decide.ts';
import { benchDhcp, DHCP_CASES, DHCP_PEERS } from './dhcp.ts';
import { benchHttp } from './http.ts';
import type { BenchOptions } from './measure.ts';
import { benchMixed } from './mixed.ts';
import { type BenchReport, formatReport, type Row } from './report.ts';
import { benchTftp, TFTP_CASES } from './tftp.ts';
import { TFTP_PEERS } from './tftp-contenders.ts';

interface Bench {
  readonly about: string;
  readonly needsRoot: boolean;
  /** No new round begins after so long; a run under way is bounded by itself. */
  readonly seconds: number;
  readonly run: (options: BenchOptions) => Promise<BenchReport>;
}

const BENCHES: Readonly<Record<string, Bench>> = {
  tftp: { about: 'a boot storm, lock-step clients, windows, loss', needsRoot: true, seconds: 400, run: benchTftp },
  mixed: { about: 'DHCP answers while TFTP is busy', needsRoot: true, seconds: 90, run: benchMixed },
  dhcp: {
    about: 'DISCOVER to ACK, every lease stored; a million on record',
    needsRoot: true,
    seconds: 150,
    run: benchDhcp,
  },
  http: { about: 'large files, small files, slow clients', needsRoot: true, seconds: 100, run: benchHttp },
  boot: { about: 'real firmware from power on to its kernel', needsRoot: true, seconds: 600, run: benchBoot },
  decide: { about: 'decisions and files with 10,000 hosts', needsRoot: false, seconds: 30, run: benchDecide },
};

const HELP = `npm run bench [-- [options] name…]

${Object.entries(BENCHES)
  .map(
    ([name, { about, needsRoot }]) =>
      `  ${name.padEnd(8)}${about}${needsRoot ? ' (root: makes network namespaces)' : ''}`,
  )
  .join('\n')}

  --rounds N      how often each case is run (default 3)
  --only WORDS    only these cases; of tftp: ${TFTP_CASES.join(', ')}; of dhcp: ${DHCP_CASES.join(', ')};
                  of boot: ${BOOT_CASES.join(', ')}
  --peers WORDS   only these servers; of tftp: hobnail, portable, ${TFTP_PEERS.join(', ')}; of dhcp: ${DHCP_PEERS.join(', ')}
  -o, --output    text or json (default text)

Peers are taken when they are installed (tftpd-hpa, atftpd, dnsmasq, kea-dhcp4-server, isc-dhcp-server; kea-admin for perfdhcp; nginx and wrk); nothing is installed.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    peers: { type: 'string', default: '' },
    output: { type: 'string', short: 'o', default: 'text' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const rounds = Number(values.rounds);
const only = wordsOf(values.only);
const peers = wordsOf(values.peers);

const wrong = [
  ...positionals.filter((name) => !Object.hasOwn(BENCHES, name)).map((name) => `there is no bench "${name}"`),
  ...(Number.isInteger(rounds) && rounds >= 1 && rounds <= 50 ? [] : ['--rounds is a number from 1 to 50']),
  ...only
    .filter((word) => ![...TFTP_CASES, ...DHCP_CASES, ...BOOT_CASES].includes(word))
    .map((word) => `there is no case "${word}"`),
  ...(['text', 'json'].includes(values.output) ? [] : ['--output is text or json']),
];
if (values.help) console.log(HELP);
else if (wrong.length > 0) {
  console.error(`${wrong.join('\n')}\n\n${HELP}`);
  process.exitCode = 2;
} else await runAll(positionals.length > 0 ? positionals : Object.keys(BENCHES));

function wordsOf(list: string): readonly string[] {
  return list.split(',').filter((word) => word !== '');
}

async function runAll(names: readonly string[]): Promise<void> {
  const rows: Row[] = [];
  const remarks: string[] = [];
  const directory = await mkdtemp(join(tmpdir(), 'hobnail-bench-'));
  try {
    for (const name of names) {
      const bench = BENCHES[name];
      if (!bench) continue;
      if (bench.needsRoot && process.getuid?.() !== 0) {
        remarks.push(`${name}: left out, it makes network namespaces and that needs root`);
        continue;
      }
      console.error(`${name}: ${bench.about} …`);
      const deadline = performance.now() + bench.seconds * 1000;
      try {
        const own = await mkdtemp(join(directory, `${name}-`));
        const report = await bench.run({ directory: own, rounds, deadline, only, peers });
        rows.push(...report.rows);
        remarks.push(...report.remarks.map((remark) => `${name}: ${remark}`));
      } catch (error) {
        // The others are still worth having.
        remarks.push(`${name}: failed: ${error instanceof Error ? error.message : String(error)}`);
        process.exitCode = 1;
      }
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    kernel: release(),
    node: process.version,
  };
  if (values.output === 'json') return console.log(JSON.stringify({ machine, rounds, rows, remarks }, undefined, 2));
  console.log(`${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}\n`);
  console.log(formatReport({ rows, remarks }));
}
