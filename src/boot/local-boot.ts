/** Ways to a machine's own disk, as a table: what each does, where it works, and which loader carries it out. */
import type { BootClient, FirmwareKind } from './client.ts';
import type { LoaderName } from './fields.ts';

export const LOCAL_METHODS = [
  'no-offer',
  'exit',
  'sanboot',
  'efi-chain',
  'grub-search',
  'localboot',
  'poweroff',
] as const;
export type LocalMethod = (typeof LOCAL_METHODS)[number];

export interface LocalBoot {
  readonly method: LocalMethod;
  readonly title: string;
  /** Firmware it works on; absent: any. */
  readonly firmware?: readonly FirmwareKind[];
  /** Loader families that can carry it out, best first; empty: none is needed; absent: any. */
  readonly loaders?: readonly LoaderName[];
}

export const LOCAL_BOOTS: Readonly<Record<LocalMethod, LocalBoot>> = {
  'no-offer': { method: 'no-offer', title: 'no boot answer: the firmware takes its next entry', loaders: [] },
  exit: { method: 'exit', title: 'the loader ends: the firmware takes its next entry' },
  sanboot: { method: 'sanboot', title: 'iPXE starts the first disk', loaders: ['ipxe'] },
  'efi-chain': {
    method: 'efi-chain',
    title: "the loader starts the EFI system partition's own loader",
    firmware: ['uefi'],
    loaders: ['ipxe', 'grub'],
  },
  'grub-search': { method: 'grub-search', title: "GRUB finds the disk's system and starts it", loaders: ['grub'] },
  localboot: {
    method: 'localboot',
    title: 'PXELINUX starts the first disk (LOCALBOOT)',
    firmware: ['bios'],
    loaders: ['pxelinux', 'lpxelinux'],
  },
  poweroff: { method: 'poweroff', title: 'the machine is switched off', loaders: ['ipxe', 'pxelinux', 'grub'] },
};

/** Where nobody says anything: the firmware's own order of boot entries is right more often than a guess of ours. */
const DEFAULTS: Partial<Readonly<Record<FirmwareKind, LocalMethod>>> = {};

export function defaultLocalMethod(firmware: FirmwareKind | undefined): LocalMethod {
  return (firmware && DEFAULTS[firmware]) ?? 'no-offer';
}

/** The wished-for method, or the firmware's default where it cannot work; `because` says why not. */
export function chooseLocalMethod(
  wish: LocalMethod | undefined,
  arch: BootClient['arch'],
): { readonly method: LocalMethod; readonly because?: string } {
  const usual = defaultLocalMethod(arch?.firmware);
  if (wish === undefined) return { method: usual };
  const { firmware } = LOCAL_BOOTS[wish];
  if (arch === undefined || firmware === undefined || firmware.includes(arch.firmware)) return { method: wish };
  return { method: usual, because: `"${wish}" does not work on ${arch.firmware}; ${usual} instead` };
}
