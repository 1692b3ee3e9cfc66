/** A virtual machine with real firmware, booting from the network of a lab LAN (QEMU). */
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mac } from '../net/mac.ts';
import type { Daemon } from './command.ts';
import type { Lan } from './lan.ts';

/**
 * `bios-pxe`: SeaBIOS with QEMU's iPXE ROM on the network card. `uefi-pxe`: EDK2's own PXE over IPv4, no option ROM.
 * `uefi-http`: EDK2's HTTP boot over IPv4, PXE and IPv6 switched off, which saves the two minutes they take to fail.
 */
export type MachineBoot = 'bios-pxe' | 'uefi-pxe' | 'uefi-http';

export interface MachineOptions {
  readonly name: string;
  readonly mac: Mac;
  readonly boot: MachineBoot;
  /** EDK2 with Microsoft's keys enrolled and Secure Boot on. UEFI only. */
  readonly secureBoot?: boolean;
  /** SMBIOS UUID, as firmware sends it in option 97. */
  readonly uuid?: string;
  /** Where console, capture and UEFI variables are written; made when missing. */
  readonly directory: string;
  /** Default 512. */
  readonly memoryMiB?: number;
  /** Default 1. */
  readonly processors?: number;
  /** QEMU accelerator, default `tcg`: slow, but it works everywhere; `kvm` where the processor gives it. */
  readonly accelerator?: string;
  /** An image of its first disk, raw; tried after the network. Default: no disk. */
  readonly diskPath?: string;
  /** Unix sockets of something that stands between the card and the bridge and passes frames on. */
  readonly relay?: MachineRelay;
}

/** Two listening unix stream sockets which speak QEMU's framing: a 32-bit big-endian length, then the frame. */
export interface MachineRelay {
  readonly machineSocket: string;
  readonly wireSocket: string;
}

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

const OVMF_CODE = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const OVMF_VARS = '/usr/share/OVMF/OVMF_VARS_4M.fd';
/** Built with the protection that Secure Boot needs; variables with Microsoft's keys. */
const SECURE_CODE = '/usr/share/OVMF/OVMF_CODE_4M.ms.fd';
const SECURE_VARS = '/usr/share/OVMF/OVMF_VARS_4M.ms.fd';

/** Files of the firmware packages the machines are made of. */
export const FIRMWARE_FILES: readonly string[] = [OVMF_CODE, OVMF_VARS, '/usr/lib/ipxe/qemu/efi-virtio.rom'];

/** Switches a machine on. It is ended by `close`, by the LAN's `close`, or by switching itself off. */
export async function startMachine(lan: Lan, options: MachineOptions): Promise<Machine> {
  await mkdir(options.directory, { recursive: true });
  const place = (suffix: string) => join(options.directory, `${options.name}${suffix}`);
  const files = { console: place('.console'), capture: place('.pcap'), vars: place('.vars.fd') };
  await Promise.all(Object.values(files).map((file) => rm(file, { force: true })));
  if (options.boot !== 'bios-pxe') await copyFile(options.secureBoot ? SECURE_VARS : OVMF_VARS, files.vars);
  const tap = await lan.openTap();
  const daemon = lan.wire.start('qemu-system-x86_64', machineArguments(options, tap, files), {
    logPath: place('.qemu.log'),
  });
  if (options.boot !== 'bios-pxe') endInShell(files.console, daemon);
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

/** QEMU's command line. Pure, so that a test can say what it holds. */
export function machineArguments(
  options: MachineOptions,
  tap: string,
  files: { readonly console: string; readonly capture: string; readonly vars: string },
): string[] {
  const { boot, relay } = options;
  const args = ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'];
  // graphics=off makes SeaBIOS, and so the ROM and PXELINUX, write to the serial port instead of a screen.
  const secure = boot !== 'bios-pxe' && options.secureBoot === true;
  const kind = boot === 'bios-pxe' ? 'pc' : secure ? 'q35,smm=on' : 'q35';
  args.push('-machine', `${kind},graphics=off,accel=${options.accelerator ?? 'tcg'}`);
  // Variables are written in system management mode only: an operating system could enrol keys of its own otherwise.
  if (secure) args.push('-global', 'driver=cfi.pflash01,property=secure,value=on');
  args.push('-cpu', 'max', '-smp', String(options.processors ?? 1), '-m', String(options.memoryMiB ?? 512));
  args.push('-serial', `file:${files.console}`);
  if (options.uuid !== undefined) args.push('-uuid', options.uuid);

  // vnet_hdr=off: otherwise every frame in the capture begins with twelve bytes that are not of the network.
  const tapNetdev = (id: string) => `tap,id=${id},ifname=${tap},script=no,downscript=no,vnet_hdr=off`;
  if (relay) {
    args.push('-netdev', `stream,id=card,server=off,addr.type=unix,addr.path=${relay.machineSocket}`);
    args.push('-netdev', `stream,id=relay,server=off,addr.type=unix,addr.path=${relay.wireSocket}`);
    args.push('-netdev', tapNetdev('wire'));
    args.push('-netdev', 'hubport,id=hub-a,hubid=0,netdev=relay', '-netdev', 'hubport,id=hub-b,hubid=0,netdev=wire');
  } else {
    args.push('-netdev', tapNetdev('card'));
  }
  args.push('-object', `filter-dump,id=dump,netdev=card,file=${files.capture},maxlen=400`);

  if (options.diskPath !== undefined) {
    // Nobody needs the disk after a power cut of the real machine: what the guest wants flushed may wait.
    args.push('-drive', `if=none,id=disk,format=raw,cache=unsafe,file=${options.diskPath}`);
    args.push('-device', 'virtio-blk-pci,drive=disk,bootindex=1');
  }
  const card = `virtio-net-pci,netdev=card,mac=${options.mac},bootindex=0`;
  if (boot === 'bios-pxe') {
    // A machine that finds nothing to boot switches itself off at once, instead of waiting for a key.
    args.push('-device', card, '-boot', 'strict=on,reboot-timeout=100');
    return args;
  }
  // Without option ROM EDK2 drives the card itself; with it, iPXE would take the firmware's place.
  args.push('-device', `${card},romfile=`);
  // EDK2 of 2024 and later has no network without a source of random numbers.
  args.push('-device', 'virtio-rng-pci');
  args.push('-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${secure ? SECURE_CODE : OVMF_CODE}`);
  args.push('-drive', `if=pflash,format=raw,unit=1,file=${files.vars}`);
  const off = boot === 'uefi-http' ? ['IPv4PXESupport', 'IPv6PXESupport', 'IPv6Support'] : ['IPv6PXESupport'];
  for (const feature of off) args.push('-fw_cfg', `name=opt/org.tianocore/${feature},string=n`);
  return args;
}

/** EDK2 that finds nothing to boot offers its shell; a machine there would wait for ever, so it is switched off. */
function endInShell(console: string, daemon: Daemon): void {
  const timer = setInterval(async () => {
    const text = await readFile(console, 'latin1').catch(() => '');
    if (/UEFI Interactive Shell/.test(text)) await daemon.close();
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
