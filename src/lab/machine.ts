/** A virtual machine with real firmware, booting from the network of a lab LAN (QEMU). */
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mac } from '../net/mac.ts';
import type { Daemon } from './command.ts';
import type { Lan } from './lan.ts';
import { boardOf, type MachineOptions, machineArguments } from './qemu.ts';

export interface Machine {
  readonly name: string;
  readonly mac: Mac;
  /** What the machine writes to its serial port: firmware, loader, kernel. */
  readonly consolePath: string;
  /** Every frame in and out, cut at 400 bytes: a pcap file. */
  readonly capturePath: string;
  /** Settles when the machine has switched itself off, was closed, or QEMU failed. */
  readonly ended: Promise<number | NodeJS.Signals>;
  running(): boolean;
  /** The last lines of the console without terminal control sequences, then QEMU's own messages. */
  consoleTail(lines?: number): Promise<string>;
  close(): Promise<void>;
}

/** Switches a machine on. It is ended by `close`, by the LAN's `close`, or by switching itself off. */
export async function startMachine(lan: Lan, options: MachineOptions): Promise<Machine> {
  await mkdir(options.directory, { recursive: true });
  const place = (suffix: string) => join(options.directory, `${options.name}${suffix}`);
  const files = { console: place('.console'), capture: place('.pcap'), vars: place('.vars.fd') };
  await Promise.all(Object.values(files).map((file) => rm(file, { force: true })));
  const { qemu, firmware } = boardOf(options);
  if (firmware) await copyFile(firmware.vars, files.vars);
  const tap = await lan.openTap();
  const daemon = lan.wire.start(qemu, machineArguments(options, tap, files), {
    logPath: place('.qemu.log'),
  });
  if (firmware) endInShell(files.console, daemon);
  return {
    name: options.name,
    mac: options.mac,
    consolePath: files.console,
    capturePath: files.capture,
    ended: daemon.ended,
    running: daemon.running,
    consoleTail: (lines = 40) => readTail(files.console, daemon, lines),
    close: daemon.close,
  };
}

/** EDK2 that finds nothing to boot offers its shell or setup; a machine there would wait for ever, so it is switched off. */
function endInShell(console: string, daemon: Daemon): void {
  const timer = setInterval(async () => {
    const text = await readFile(console, 'latin1').catch(() => '');
    if (/UEFI Interactive Shell|starting Boot\d+ "UiApp"/.test(text)) await daemon.close();
  }, 1000);
  timer.unref();
  daemon.ended.then(() => clearInterval(timer));
}

async function readTail(path: string, daemon: Daemon, lines: number): Promise<string> {
  const text = await readFile(path, 'latin1').catch(() => '');
  const tail = plainText(text).split('\n').slice(-lines).join('\n');
  return `${tail}\n${await daemon.log()}`.trim();
}

/** Console output without ANSI sequences, carriage returns and blank lines. */
export function plainText(console: string): string {
  return (
    console
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is removed here
      .replace(/\u001b(?:\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|[c=>78])/g, '\n')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '\n')
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '')
      .join('\n')
  );
}
