/** One boot of a virtual machine from the appliance, as moments in time. Everything it makes is removed at its end. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Mac, parseMac } from '../net/mac.ts';
import { startAppliance } from './appliance.ts';
import { type DemoLane, momentOfConsole, momentOfLog } from './demo-moment.ts';
import { prepareGuest } from './kernel.ts';
import { createLan, type Lan } from './lan.ts';
import { plainText, startMachine } from './machine.ts';
import type { MachineBoot } from './qemu.ts';
import { createReportStation } from './report-station.ts';

export const DEMO_FIRMWARES = ['bios', 'uefi', 'uefi-http'] as const;
export type DemoFirmware = (typeof DEMO_FIRMWARES)[number];

/** `seconds` since the machine was switched on; negative while things are prepared. */
export interface DemoMoment {
  readonly seconds: number;
  readonly lane: DemoLane;
  readonly text: string;
}

export interface DemoOptions {
  readonly firmware: DemoFirmware;
  readonly timeoutMs: number;
  /** Leave the run's directory on disk. */
  readonly keep: boolean;
  /** Fills a directory with loaders, laid out as `boot-images/`. */
  readonly provideLoaders: (directory: string) => Promise<unknown>;
  /** Ends the demo early; it still cleans up. */
  readonly signal: AbortSignal;
  readonly onMoment: (moment: DemoMoment) => void;
}

export interface DemoResult {
  readonly booted: boolean;
  readonly summary: string;
  /** From power-on to the report of the running system. */
  readonly seconds?: number;
  /** Where console, capture and log were left. */
  readonly kept?: string;
}

const BOOTS: Readonly<Record<DemoFirmware, MachineBoot>> = {
  bios: 'bios-pxe',
  uefi: 'uefi-pxe',
  'uefi-http': 'uefi-http',
};
const HOST = 'demo01';
const LOOK_MS = 50;

export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const directory = await mkdtemp(join(tmpdir(), 'hobnail-demo-'));
  let lan: Lan | undefined;
  try {
    lan = await createLan('demo');
    const result = await bootOnce(lan, directory, options);
    return options.keep ? { ...result, kept: directory } : result;
  } finally {
    await lan?.close();
    if (!options.keep) await rm(directory, { recursive: true, force: true });
  }
}

async function bootOnce(lan: Lan, directory: string, options: DemoOptions): Promise<DemoResult> {
  const preparedAt = Date.now();
  const prepare = (text: string) =>
    options.onMoment({ seconds: (Date.now() - preparedAt) / 1000, lane: 'server', text: `(before power-on) ${text}` });
  const mac = parseMac('52:54:00:de:40:01') as Mac;

  prepare('getting a kernel from the distribution');
  const guest = await prepareGuest();
  stopIfAsked(options.signal);
  const report = await createReportStation(lan, '10.77.0.3/24', directory);
  const files = join(directory, 'server');
  await mkdir(files);
  const args = [`hobnail.host=${HOST}`, `hobnail.report=${report.url}`];
  prepare('starting Hobnail on a private network');
  const appliance = await startAppliance(lan, {
    address: '10.77.0.1/24',
    mode: 'server',
    pool: '10.77.0.100-10.77.0.199',
    hosts: [{ name: HOST, mac, loader: 'ipxe', args }],
    guest,
    directory: files,
    provideLoaders: options.provideLoaders,
  });
  stopIfAsked(options.signal);

  const poweredAt = Date.now();
  const machine = await startMachine(lan, { name: HOST, mac, boot: BOOTS[options.firmware], directory });
  options.onMoment({ seconds: 0, lane: 'machine', text: `power on: ${options.firmware}, ${mac}` });
  const tell = createTeller(appliance.daemon.logPath, machine.consolePath, poweredAt, options.onMoment);
  const timer = setInterval(() => void tell(), LOOK_MS);
  try {
    const booted = await Promise.race([
      report.wait(mac, { timeoutMs: options.timeoutMs, ended: machine.ended }).then(
        (given) => given,
        (error: unknown) => error,
      ),
      aborted(options.signal),
    ]);
    await tell();
    const seconds = (Date.now() - poweredAt) / 1000;
    if (!booted || booted instanceof Error || typeof booted !== 'object' || !('commandLine' in booted)) {
      const why = booted instanceof Error ? booted.message : 'it was interrupted';
      return { booted: false, summary: `The machine did not boot: ${why}` };
    }
    options.onMoment({ seconds, lane: 'machine', text: `up; its command line: ${String(booted.commandLine)}` });
    return { booted: true, seconds, summary: `Booted in ${seconds.toFixed(1)} s, with an emulated processor.` };
  } finally {
    clearInterval(timer);
    await machine.close();
  }
}

/** Reads what is new in the server's log and on the machine's console, in the order it happened. */
function createTeller(
  logPath: string,
  consolePath: string,
  poweredAt: number,
  onMoment: (moment: DemoMoment) => void,
): () => Promise<void> {
  let logged = 0;
  let shown = 0;
  let last: Promise<void> = Promise.resolve();
  const look = async () => {
    const lines = (await readFile(logPath, 'utf8').catch(() => '')).split('\n').slice(0, -1);
    for (const line of lines.slice(logged)) {
      const moment = momentOfLog(line);
      if (moment && moment.at >= poweredAt) onMoment({ ...moment, seconds: (moment.at - poweredAt) / 1000 });
    }
    logged = lines.length;
    const console = plainText(await readFile(consolePath, 'latin1').catch(() => ''))
      .split('\n')
      .slice(0, -1);
    for (const line of console.slice(shown)) {
      const text = momentOfConsole(line);
      if (text !== undefined) onMoment({ seconds: (Date.now() - poweredAt) / 1000, lane: 'machine', text });
    }
    shown = Math.max(shown, console.length);
  };
  return () => {
    last = last.then(look);
    return last;
  };
}

function stopIfAsked(signal: AbortSignal): void {
  if (signal.aborted) throw new Error('the demo was interrupted');
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));
}
