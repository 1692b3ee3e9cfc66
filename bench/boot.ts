/** Whole boots: real firmware in QEMU from power on to its kernel, served by the appliance and by dnsmasq, the same files by both. */

import type { MachineBoot } from '../src/lab/qemu.ts';
import { missingRequirements } from '../src/lab/requirements.ts';
import { createTestLan, type TestLan } from '../test/e2e/boot.ts';
import { startDnsmasq } from '../test/e2e/dnsmasq.ts';
import { startHobnail } from '../test/e2e/hobnail.ts';
import { BIOS_HOST, GRUB_HOST, type TestHost, UEFI_HOST } from '../test/e2e/hosts.ts';
import { findProgram, versionOf } from './contender.ts';
import { type BenchOptions, inTurn, median, medianRatio } from './measure.ts';
import type { BenchReport, Cell, Row } from './report.ts';

interface Case {
  readonly key: string;
  readonly name: string;
  readonly host: TestHost;
  readonly boot: MachineBoot;
}

const CASES: readonly Case[] = [
  { key: 'rom', name: 'SeaBIOS, iPXE in the card’s ROM', host: BIOS_HOST, boot: 'bios-pxe' },
  { key: 'pxe-ipxe', name: 'OVMF by PXE, iPXE', host: UEFI_HOST, boot: 'uefi-pxe' },
  { key: 'http-ipxe', name: 'OVMF by HTTP boot, iPXE', host: UEFI_HOST, boot: 'uefi-http' },
  { key: 'pxe-grub', name: 'OVMF by PXE, GRUB', host: GRUB_HOST, boot: 'uefi-pxe' },
];
export const BOOT_CASES: readonly string[] = CASES.map(({ key }) => key);

interface Contender {
  readonly name: string;
  readonly lan: TestLan;
}

export async function benchBoot(options: BenchOptions): Promise<BenchReport> {
  const lacking = await missingRequirements();
  if (lacking.length > 0) return { rows: [], remarks: lacking };
  const cases = CASES.filter(({ key }) => options.only.length === 0 || options.only.includes(key));
  const dnsmasq = await findProgram('dnsmasq');
  const contenders: Contender[] = [];
  try {
    contenders.push(await open('hobnail', startHobnail));
    if (dnsmasq) contenders.push(await open('dnsmasq', startDnsmasq));
    const rows: Row[] = [];
    for (const one of cases) {
      const share = performance.now() + (options.deadline - performance.now()) / (cases.length - cases.indexOf(one));
      const runs = await inTurn(contenders, { ...options, deadline: share }, ({ lan }) => measure(lan, one));
      rows.push(rowOf(one, contenders, runs));
    }
    const peer = dnsmasq ? `dnsmasq ${await versionOf(dnsmasq, '--version')}` : 'dnsmasq is not installed';
    return { rows, remarks: [`${peer}; the processor is emulated; the kernel's own start is not in it`] };
  } finally {
    for (const { lan } of contenders) await lan.close();
  }
}

async function open(name: string, startServer: typeof startHobnail): Promise<Contender> {
  const hosts = [BIOS_HOST, UEFI_HOST, GRUB_HOST];
  const say = (line: string) => console.error(`  ${line}`);
  return { name, lan: await createTestLan({ label: name.slice(0, 8), hosts, startServer, say }) };
}

/** Seconds until the kernel has begun: the report's time less the kernel's own. */
async function measure(lan: TestLan, { host, boot }: Case): Promise<number> {
  const { seconds, report } = await lan.boot(host, { boot });
  return seconds - report.uptimeSeconds;
}

function rowOf(one: Case, contenders: readonly Contender[], runs: ReadonlyMap<Contender, readonly number[]>): Row {
  const [ours] = contenders.map((contender) => runs.get(contender) ?? []);
  const cells = contenders.map((contender, index): Cell => {
    const values = runs.get(contender) ?? [];
    const ratio = index > 0 && ours ? { ratio: medianRatio(ours, values) } : {};
    return { who: contender.name, value: median(values), ...ratio };
  });
  return { bench: 'boot', case: one.name, unit: 's to the kernel', better: 'less', cells };
}
