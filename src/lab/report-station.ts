/** The station which hears the guests' reports, and lets a test or a command wait for one. */
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mac } from '../net/mac.ts';
import type { Lan } from './lan.ts';
import { type GuestReport, parseReport } from './report.ts';

export interface ReportStation {
  /** Put it on a guest's command line as `hobnail.report=<url>`. */
  readonly url: string;
  /** All reports so far, oldest first. */
  reports(): Promise<GuestReport[]>;
  /**
   * Resolves with the next report of that machine which `wait` has not given before. Rejects after `timeoutMs`, or
   * soon after `given.ended` has settled without a report.
   */
  wait(mac: Mac, given: { readonly timeoutMs: number; readonly ended?: Promise<unknown> }): Promise<GuestReport>;
}

/** Adds the station to the LAN; `address` in CIDR form. It ends with the LAN. */
export async function createReportStation(lan: Lan, address: string, directory: string): Promise<ReportStation> {
  const station = await lan.attach('report', address);
  const logPath = join(directory, 'report.log');
  const program = fileURLToPath(new URL(`report-server${extname(import.meta.filename)}`, import.meta.url));
  const daemon = station.start(process.execPath, [program, station.address, '80'], { logPath });
  await daemon.waitForLog(/^listening$/m, 15_000);
  const given = new Map<Mac, number>();

  async function reports(): Promise<GuestReport[]> {
    const lines = (await readFile(logPath, 'utf8')).split('\n').filter((line) => line.startsWith('"'));
    return lines.map((line) => parseReport(String(JSON.parse(line)))).filter((report) => report !== undefined);
  }

  return {
    url: `http://${station.address}/`,
    reports,
    async wait(mac, { timeoutMs, ended }) {
      let machineEnded = false;
      ended?.then(() => {
        machineEnded = true;
      });
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        const over = machineEnded;
        const own = (await reports()).filter((report) => report.mac === mac);
        const next = own[given.get(mac) ?? 0];
        if (next) {
          given.set(mac, (given.get(mac) ?? 0) + 1);
          return next;
        }
        // `over` was read before the reports: what the machine sent last is not missed.
        if (over) throw new Error(`${mac} switched itself off without a report`);
        if (performance.now() > deadline) throw new Error(`${mac} did not report within ${timeoutMs / 1000} s`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
  };
}
