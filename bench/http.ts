/** HTTP boot: the appliance and nginx side by side on loopback, asked by wrk; and memory under clients that take their time. */
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Daemon } from '../src/lab/command.ts';
import { createLan, type Station } from '../src/lab/lan.ts';
import { findProgram, hobnailCommand, versionOf, writeAppliance } from './contender.ts';
import { type BenchOptions, cpuSeconds, inTurn, median, medianRatio } from './measure.ts';
import { type BenchReport, type Cell, formatNumber, type Row } from './report.ts';

const MEBIBYTE = 1024 * 1024;
const LARGE = 200 * MEBIBYTE;
const SMALL_FILES = 1000;
const SECONDS = 3;
const SLOW_CLIENTS = 200;
const SLOW_SECONDS = 6;
/** What a slow client takes a second. */
const SLOW_RATE = 256 * 1024;

interface Case {
  readonly name: string;
  readonly clients: number;
  readonly shows: 'throughput' | 'requests';
}

const CASES: readonly Case[] = [
  { name: `${LARGE / MEBIBYTE} MiB, 1 client`, clients: 1, shows: 'throughput' },
  { name: `${LARGE / MEBIBYTE} MiB, 20 clients`, clients: 20, shows: 'throughput' },
  { name: `${SMALL_FILES} files of 1 KiB, 20 clients`, clients: 20, shows: 'requests' },
  { name: `${SMALL_FILES} files of 16 KiB, 20 clients`, clients: 20, shows: 'requests' },
];

interface Contender {
  readonly name: string;
  readonly address: string;
  readonly daemon: Daemon;
}

interface Run {
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly cpuSeconds: number;
  readonly bytes: number;
  readonly requests: number;
  readonly faults: number;
}

export async function benchHttp(options: BenchOptions): Promise<BenchReport> {
  const remarks: string[] = [];
  const wrk = await findProgram('wrk');
  if (!wrk) return { rows: [], remarks: ['wrk is not installed: apt-get install wrk'] };
  const lan = await createLan('bench-http');
  try {
    const station = await lan.attach('all', '10.77.0.1/24');
    const root = await makeFiles(options.directory);
    const contenders = await startAll(station, root, options.directory, remarks);
    const rows: Row[] = [];
    for (const one of CASES) {
      const share = performance.now() + (options.deadline - performance.now()) / (CASES.length - CASES.indexOf(one));
      const runs = await inTurn(contenders, { ...options, deadline: share }, (contender) =>
        measure(station, wrk, contender, one, options.directory),
      );
      rows.push(...rowsOf(one, runs, remarks));
    }
    rows.push(await measureSlow(station, contenders, options.directory));
    return { rows, remarks };
  } finally {
    await lan.close();
  }
}

async function makeFiles(directory: string): Promise<string> {
  const root = join(directory, 'files');
  await mkdir(join(root, 'small'), { recursive: true });
  const large = createWriteStream(join(root, 'large.bin'));
  for (let written = 0; written < LARGE; written += MEBIBYTE) large.write(randomBytes(MEBIBYTE));
  await new Promise<void>((resolve) => large.end(resolve));
  for (let index = 0; index < SMALL_FILES; index++) {
    await writeFile(join(root, 'small', `${index}.cfg`), randomBytes(1024));
    await writeFile(join(root, 'small', `${index}.dtb`), randomBytes(16 * 1024));
  }
  return root;
}

async function startAll(station: Station, root: string, directory: string, remarks: string[]): Promise<Contender[]> {
  const contenders: Contender[] = [];
  const start = async (name: string, address: string, program: string, parameters: readonly string[]) => {
    const daemon = station.start(program, parameters, { logPath: join(directory, `${name}.log`) });
    if (await answers(station, address)) contenders.push({ name, address, daemon });
    else {
      remarks.push(`${name} did not start: ${(await daemon.log()).trim().split('\n').at(-1) ?? ''}`);
      await daemon.close();
    }
  };
  const settings = await writeAppliance(join(directory, 'hobnail'), {
    paths: { images: root },
    dhcp: { enabled: false },
    tftp: { enabled: false },
    api: { enabled: false },
    listen: ['127.0.0.1'],
    log: { format: 'json' },
  });
  await start('hobnail', '127.0.0.1:8080', ...hobnailCommand(settings));
  if (contenders.length === 0) throw new Error(remarks.join('; '));
  const nginx = await findProgram('nginx');
  if (!nginx) remarks.push('nginx is not installed: no column');
  else {
    remarks.push(`nginx ${await versionOf(nginx, '-v')}, one process, sendfile, its access log on`);
    const config = join(directory, 'nginx.conf');
    await writeFile(config, nginxConfig(root, directory, '127.0.0.2:8080'));
    await start('nginx', '127.0.0.2:8080', nginx, ['-c', config, '-e', join(directory, 'nginx-error.log')]);
  }
  return contenders;
}

/** As Debian ships it where that matters: sendfile, tcp_nopush, an access log; one process, as the appliance is one. */
function nginxConfig(root: string, directory: string, listen: string): string {
  return `daemon off; master_process off; user root; pid ${join(directory, 'nginx.pid')};
events { worker_connections 4096; }
http {
  sendfile on; tcp_nopush on; keepalive_requests 1000000; default_type application/octet-stream;
  access_log ${join(directory, 'access.log')};
  client_body_temp_path ${join(directory, 'body')}; proxy_temp_path ${join(directory, 'proxy')};
  fastcgi_temp_path ${join(directory, 'fastcgi')}; uwsgi_temp_path ${join(directory, 'uwsgi')};
  scgi_temp_path ${join(directory, 'scgi')};
  server { listen ${listen}; root ${root}; }
}
`;
}

async function answers(station: Station, address: string): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    const url = `http://${address}/small/0.cfg`;
    if (
      await station.run('curl', ['-sf', '-o', '/dev/null', url]).then(
        () => true,
        () => false,
      )
    )
      return true;
    await sleep(100);
  }
  return false;
}

async function measure(
  station: Station,
  wrk: string,
  { address, daemon }: Contender,
  { clients, shows, name }: Case,
  directory: string,
): Promise<Run> {
  const script = join(directory, 'load.lua');
  const path = name.includes('16 KiB') ? 'dtb' : 'cfg';
  const next = `n = 0\nrequest = function() n = (n + 1) % ${SMALL_FILES}; return wrk.format(nil, "/small/" .. n .. ".${path}") end\n`;
  await writeFile(script, `${shows === 'requests' ? next : ''}${DONE}`);
  const url = `http://${address}/${shows === 'throughput' ? 'large.bin' : `small/0.${path}`}`;
  const before = await cpuSeconds(daemon.pid);
  const said = await station.run(wrk, ['-t1', `-c${clients}`, `-d${SECONDS}s`, '--timeout', '30s', '-s', script, url]);
  const used = (await cpuSeconds(daemon.pid)) - before;
  const [, requests = 0, bytes = 0, micros = 1, faults = 0] =
    /^RESULT (\d+) (\d+) (\d+) (\d+)/m.exec(said)?.map(Number) ?? [];
  const seconds = micros / 1e6;
  return {
    requestsPerSecond: requests / seconds,
    bytesPerSecond: bytes / seconds,
    cpuSeconds: used,
    bytes,
    requests,
    faults,
  };
}

const DONE = `done = function(s, l, r)
  local e = s.errors
  io.write(string.format("RESULT %d %d %d %d\\n", s.requests, s.bytes, s.duration, e.connect + e.read + e.write + e.status + e.timeout))
end
`;

function rowsOf({ name, shows }: Case, runs: ReadonlyMap<Contender, readonly Run[]>, remarks: string[]): Row[] {
  const [ours = []] = runs.values();
  for (const [contender, results] of runs) {
    const faults = results.reduce((sum, run) => sum + run.faults, 0);
    if (faults > 0) remarks.push(`${contender.name}, ${name}: ${faults} requests failed`);
  }
  const row = (unit: string, better: Row['better'], value: (run: Run) => number): Row => ({
    bench: 'http',
    case: name,
    unit,
    better,
    cells: [...runs].map(([contender, results]): Cell => {
      const values = results.map(value);
      const ratio = results === ours ? {} : { ratio: medianRatio(ours.map(value), values) };
      return { who: contender.name, value: median(values), ...ratio };
    }),
  });
  if (shows === 'throughput')
    return [
      row('MB/s', 'more', (run) => run.bytesPerSecond / 1e6),
      row('CPU s/GB', 'less', (run) => (run.cpuSeconds / run.bytes) * 1e9),
    ];
  return [
    row('files/s', 'more', (run) => run.requestsPerSecond),
    row('CPU µs/file', 'less', (run) => (run.cpuSeconds / run.requests) * 1e6),
  ];
}

/** How far memory grows while many clients take a large file slowly. */
async function measureSlow(station: Station, contenders: readonly Contender[], directory: string): Promise<Row> {
  const cells: Cell[] = [];
  const script = join(directory, 'slow.mjs');
  await writeFile(script, SLOW);
  for (const { name, address, daemon } of contenders) {
    const before = await residentMemory(daemon.pid);
    let highest = before;
    const load = station.run(process.execPath, [script, address]);
    const ended = load.then(
      () => true,
      () => true,
    );
    while (!(await Promise.race([ended, sleep(200).then(() => false)])))
      highest = Math.max(highest, await residentMemory(daemon.pid));
    cells.push({ who: name, value: (highest - before) / MEBIBYTE, note: await load });
  }
  const ours = cells[0]?.value ?? Number.NaN;
  return {
    bench: 'http',
    case: `${SLOW_CLIENTS} clients at ${SLOW_RATE / 1024} KiB/s, memory added`,
    unit: 'MiB',
    better: 'less',
    cells: cells.map((cell, index) => ({
      who: cell.who,
      value: cell.value,
      note: `[${formatNumber(Number(cell.note) / MEBIBYTE)} MiB sent]`,
      ...(index > 0 && cell.value > 0 && { ratio: ours / cell.value }),
    })),
  };
}

async function residentMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

const SLOW = `import { connect } from 'node:net';
const [host, port] = process.argv[2].split(':');
let bytes = 0;
const sockets = Array.from({ length: ${SLOW_CLIENTS} }, () => {
  const socket = connect({ host, port: Number(port), highWaterMark: 65536 });
  socket.write('GET /large.bin HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n');
  let budget = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
    budget += chunk.length;
    if (budget < ${SLOW_RATE / 4}) return;
    budget = 0;
    socket.pause();
    setTimeout(() => socket.resume(), 250);
  });
  socket.on('error', () => {});
  return socket;
});
setTimeout(() => { for (const socket of sockets) socket.destroy(); console.log(bytes); }, ${SLOW_SECONDS * 1000});
`;
