/** QEMU's command line for a machine with real firmware. Pure. */
import type { Mac } from '../net/mac.ts';

/**
 * `bios-pxe`: SeaBIOS with QEMU's iPXE ROM on the network card. `uefi-pxe`: EDK2's own PXE over IPv4, no option ROM.
 * `uefi-http`: EDK2's HTTP boot over IPv4, PXE and IPv6 switched off, which saves the two minutes they take to fail.
 */
export type MachineBoot = 'bios-pxe' | 'uefi-pxe' | 'uefi-http';

/** `ia32`: EDK2 of 32 bits on a processor of 64. BIOS is x64 only. */
export type MachineProcessor = 'x64' | 'ia32' | 'arm64';

export interface MachineOptions {
  readonly name: string;
  readonly mac: Mac;
  readonly boot: MachineBoot;
  /** Default `x64`. */
  readonly processor?: MachineProcessor;
  /** EDK2 with Microsoft's keys enrolled and Secure Boot on. UEFI on x64 only. */
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

/** Files of one run of a machine. */
export interface MachineFiles {
  readonly console: string;
  readonly capture: string;
  readonly vars: string;
}

/** What a machine is made of. */
interface Board {
  readonly qemu: string;
  /** `-machine`, without the accelerator. */
  readonly machine: string;
  readonly cpu: string;
  readonly firmware?: { readonly code: string; readonly vars: string };
  /** Variables are written in system management mode only: an operating system could enrol keys of its own otherwise. */
  readonly guarded?: true;
}

const OVMF = '/usr/share/OVMF';
// graphics=off makes SeaBIOS, and so the ROM and PXELINUX, write to the serial port instead of a screen.
const BIOS: Board = { qemu: 'qemu-system-x86_64', machine: 'pc,graphics=off', cpu: 'max' };
const X64: Board = {
  qemu: 'qemu-system-x86_64',
  machine: 'q35,graphics=off',
  cpu: 'max',
  firmware: { code: `${OVMF}/OVMF_CODE_4M.fd`, vars: `${OVMF}/OVMF_VARS_4M.fd` },
};
/** Built with the protection that Secure Boot needs; variables with Microsoft's keys. */
const X64_SECURE: Board = {
  ...X64,
  machine: 'q35,smm=on,graphics=off',
  firmware: { code: `${OVMF}/OVMF_CODE_4M.ms.fd`, vars: `${OVMF}/OVMF_VARS_4M.ms.fd` },
  guarded: true,
};
/** Debian builds it with that protection only; without keys Secure Boot is off. */
const IA32: Board = {
  ...X64_SECURE,
  firmware: { code: `${OVMF}/OVMF32_CODE_4M.secboot.fd`, vars: `${OVMF}/OVMF32_VARS_4M.fd` },
};
/** A processor without pointer authentication, which costs emulation more than all the rest. */
const ARM64: Board = {
  qemu: 'qemu-system-aarch64',
  machine: 'virt',
  cpu: 'cortex-a72',
  firmware: { code: '/usr/share/AAVMF/AAVMF_CODE.fd', vars: '/usr/share/AAVMF/AAVMF_VARS.fd' },
};

/** Files of the packages that nearly every machine is made of. */
export const FIRMWARE_FILES: readonly string[] = [
  ...Object.values(X64.firmware ?? {}),
  ...Object.values(X64_SECURE.firmware ?? {}),
  '/usr/lib/ipxe/qemu/efi-virtio.rom',
];

export function boardOf({ boot, processor = 'x64', secureBoot }: MachineOptions): Board {
  if (boot === 'bios-pxe') return BIOS;
  if (processor === 'arm64') return ARM64;
  if (processor === 'ia32') return IA32;
  return secureBoot ? X64_SECURE : X64;
}

export function machineArguments(options: MachineOptions, tap: string, files: MachineFiles): string[] {
  const { boot, relay } = options;
  const board = boardOf(options);
  const args = ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'];
  args.push('-machine', `${board.machine},accel=${options.accelerator ?? 'tcg'}`);
  if (board.guarded) args.push('-global', 'driver=cfi.pflash01,property=secure,value=on');
  args.push('-cpu', board.cpu, '-smp', String(options.processors ?? 1), '-m', String(options.memoryMiB ?? 512));
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
  if (!board.firmware) {
    // A machine that finds nothing to boot switches itself off at once, instead of waiting for a key.
    args.push('-device', card, '-boot', 'strict=on,reboot-timeout=100');
    return args;
  }
  // Without option ROM EDK2 drives the card itself; with it, iPXE would take the firmware's place.
  args.push('-device', `${card},romfile=`);
  // EDK2 of 2024 and later has no network without a source of random numbers.
  args.push('-device', 'virtio-rng-pci');
  args.push('-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${board.firmware.code}`);
  args.push('-drive', `if=pflash,format=raw,unit=1,file=${files.vars}`);
  const off = boot === 'uefi-http' ? ['IPv4PXESupport', 'IPv6PXESupport', 'IPv6Support'] : ['IPv6PXESupport'];
  for (const feature of off) args.push('-fw_cfg', `name=opt/org.tianocore/${feature},string=n`);
  return args;
}
