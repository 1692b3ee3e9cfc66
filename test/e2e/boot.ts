/** One test LAN with a boot server, a report station and machines; and what to show when a boot fails. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type GuestSystem, prepareGuest } from '../../src/lab/kernel.ts';
import { createLan, type Lan } from '../../src/lab/lan.ts';
import { type Machine, plainText, startMachine } from '../../src/lab/machine.ts';
import type { MachineBoot, MachineProcessor, MachineRelay } from '../../src/lab/qemu.ts';
import type { GuestReport } from '../../src/lab/report.ts';
import { createReportStation, type ReportStation } from '../../src/lab/report-station.ts';
import type { Mac } from '../../src/net/mac.ts';
import { type BootServer, NET, type StartServer } from './boot-server.ts';
import { readTraffic, type Traffic } from './capture.ts';
import { startAddressServer, startDnsmasq } from './dnsmasq.ts';
import { startHobnail } from './hobnail.ts';
import type { TestHost } from './hosts.ts';

/** `HOBNAIL_E2E_SERVER=dnsmasq` boots the same machines from Debian's dnsmasq: what fails there too is the harness's. */
export const CONTROL = process.env.HOBNAIL_E2E_SERVER === 'dnsmasq';
const usualServer: StartServer = CONTROL ? startDnsmasq : startHobnail;

export interface TestLanOptions {
  readonly label: string;
  readonly mode?: 'server' | 'proxy';
  /** What the other DHCP server says in siaddr; default: itself. */
  readonly nextServer?: string;
  /** Machines in the inventory; each is given `hobnail.report=` and `hobnail.host=<name>` on its command line. */
  readonly hosts: readonly TestHost[];
  /** Images of the catalogue that are pulled besides those of every test. */
  readonly images?: readonly string[];
  /** Default: Hobnail, or the control when the environment asks for it. */
  readonly startServer?: StartServer;
  /** Told of each boot; default: the console. */
  readonly say?: (line: string) => void;
}

export interface BootOptions {
  readonly boot: MachineBoot;
  readonly processor?: MachineProcessor;
  readonly memoryMiB?: number;
  readonly relay?: MachineRelay;
  readonly secureBoot?: boolean;
  /** Default 150 seconds. */
  readonly timeoutMs?: number;
}

/** A boot that went as far as was looked for. */
export interface Seen {
  /** What the machine wrote to its serial port until then, without control sequences. */
  readonly console: string;
  readonly traffic: Traffic;
  /** From power on. */
  readonly seconds: number;
}

/** A boot that ended in a report. */
export interface Booted {
  readonly report: GuestReport;
  readonly traffic: Traffic;
  /** From power on to the report. */
  readonly seconds: number;
}

export interface TestLan {
  readonly lan: Lan;
  readonly server: BootServer;
  readonly directory: string;
  readonly report: ReportStation;
  readonly guest: GuestSystem;
  /**
   * Switches the host's machine on and waits for its report. Rejects with the ends of its console and of the server's
   * log. The machine is off when this settles.
   */
  boot(host: { readonly name: string; readonly mac: Mac }, options: BootOptions): Promise<Booted>;
  /** Switches the machine on until it has written `until` to its serial port; rejects as `boot`. */
  watch(host: { readonly name: string; readonly mac: Mac }, until: RegExp, options: BootOptions): Promise<Seen>;
  /** Ends everything; the directory stays when HOBNAIL_E2E_KEEP=1, for a look at console, log and capture. */
  close(): Promise<void>;
}

/** Makes the LAN with its server running. */
export async function createTestLan(options: TestLanOptions): Promise<TestLan> {
  const { mode = 'server', startServer = usualServer, say = console.log } = options;
  const guest = await prepareGuest();
  const directory = await mkdtemp(join(tmpdir(), `hobnail-e2e-${options.label}-`));
  const lan = await createLan(`e2e-${options.label}`);
  const close = async () => {
    await lan.close();
    if (process.env.HOBNAIL_E2E_KEEP === '1') say(`kept: ${directory}`);
    else await rm(directory, { recursive: true, force: true });
  };
  try {
    const report = await createReportStation(lan, NET.report, directory);
    if (mode === 'proxy') await startAddressServer(lan, directory, options.nextServer);
    const files = join(directory, 'server');
    await mkdir(files);
    const args = (name: string) => [`hobnail.host=${name}`, `hobnail.report=${report.url}`];
    const hosts = options.hosts.map((host) => ({ ...host, args: [...(host.args ?? []), ...args(host.name)] }));
    const server = await startServer(lan, { mode, hosts, guest, directory: files, images: options.images ?? [] });
    return {
      lan,
      server,
      directory,
      report,
      guest,
      async boot(host, how) {
        const { timeoutMs = 150_000 } = how;
        const { ended, ...rest } = await run(host, how, (machine) =>
          report.wait(host.mac, { timeoutMs, ended: machine.ended }),
        );
        return { report: ended, ...rest };
      },
      async watch(host, until, how) {
        const { timeoutMs = 150_000 } = how;
        const { ended, ...rest } = await run(host, how, (machine) => waitForConsole(machine, until, timeoutMs));
        return { console: ended, ...rest };
      },
      close,
    };

    /** From power on to where `end` resolves. */
    async function run<T>(
      host: { readonly name: string; readonly mac: Mac },
      how: BootOptions,
      end: (machine: Machine) => Promise<T>,
    ): Promise<{ readonly ended: T; readonly traffic: Traffic; readonly seconds: number }> {
      const started = performance.now();
      const { timeoutMs: _, ...kind } = how;
      const machine = await startMachine(lan, { name: host.name, mac: host.mac, directory, ...kind });
      try {
        const ended = await end(machine);
        const seconds = Math.round((performance.now() - started) / 100) / 10;
        say(`${options.label}: ${host.name} (${how.boot}) was there after ${seconds} s`);
        return { ended, traffic: await readTraffic(machine.capturePath), seconds };
      } catch (error) {
        const [console, log] = [await machine.consoleTail(), (await server.log()).split('\n').slice(-25).join('\n')];
        throw new Error(`${String(error)}\n--- console of ${host.name}\n${console}\n--- server\n${log}`);
      } finally {
        await machine.close();
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
}

async function waitForConsole(machine: Machine, until: RegExp, timeoutMs: number): Promise<string> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    // Looked at before the console is read: what a machine says last is not missed.
    const over = !machine.running();
    const text = plainText(await readFile(machine.consolePath, 'latin1').catch(() => ''));
    if (until.test(text)) return text;
    if (over) throw new Error(`${machine.name} switched itself off without ${until}`);
    if (performance.now() > deadline) throw new Error(`${machine.name} did not say ${until} within ${timeoutMs} ms`);
    await setTimeout(200);
  }
}
