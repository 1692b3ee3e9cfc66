/** Loader choice as a table: which file a firmware is given, by what it is, how it asks, and what it was told to insist on. */
import type { LoaderTarget } from './client.ts';
import type { LoaderName } from './fields.ts';

/** What a choice depends on besides the kind of machine. */
export interface LoaderCircumstances {
  /** How the firmware fetches. */
  readonly transport: 'tftp' | 'http';
  /** Whether another server gives the addresses. */
  readonly proxy: boolean;
  /** Whether the machine takes nothing but what is signed. */
  readonly secureBoot: boolean;
}

/** A loader file: `path` is what the client asks for, `image` the file under `boot-images/` behind it. */
export interface LoaderFile {
  readonly loader: LoaderName;
  readonly target: LoaderTarget;
  readonly path: string;
  readonly image: string;
  /** Signed for Secure Boot: by Microsoft, or by a distribution whose shim starts it. */
  readonly signed?: true;
  /** What it starts from beside itself; without that it is of no use. */
  readonly needs?: string;
  /**
   * `alone`: finds its configuration only by TFTP from the server that gave the address. `beside`: made for the other cases,
   * with our address inside.
   */
  readonly place?: 'alone' | 'beside';
}

/**
 * In order of preference for a target. PXELINUX is asked for at the root (a row of `templates/routes.yaml` leads to its
 * image) because it looks for everything else beside itself; Debian's GRUB has `/grub` built in. The signed GRUB takes its
 * server from the address server's reply and sets up no network after HTTP boot (GRUB 2.06), so there a GRUB of our own
 * making is preferred. `ipxe-native` brings drivers of its own, for cards whose firmware driver is broken.
 */
export const LOADER_FILES: readonly LoaderFile[] = [
  { loader: 'ipxe', target: 'bios', path: 'ipxe/undionly.kpxe', image: 'ipxe/undionly.kpxe' },
  { loader: 'pxelinux', target: 'bios', path: 'pxelinux.0', image: 'pxelinux/pxelinux.0' },
  // PXELINUX that fetches everything after itself by HTTP.
  { loader: 'lpxelinux', target: 'bios', path: 'lpxelinux.0', image: 'pxelinux/lpxelinux.0' },
  { loader: 'ipxe-native', target: 'bios', path: 'ipxe/ipxe.pxe', image: 'ipxe/ipxe.pxe' },
  { loader: 'ipxe', target: 'uefi-x64', path: 'ipxe/snponly.efi', image: 'ipxe/snponly.efi' },
  {
    loader: 'grub',
    target: 'uefi-x64',
    path: 'grub/grubnetx64.efi',
    image: 'grub/grubnetx64.efi',
    place: 'alone',
  },
  { loader: 'grub', target: 'uefi-x64', path: 'grub/netx64.efi', image: 'grub/netx64.efi', place: 'beside' },
  {
    loader: 'shim',
    target: 'uefi-x64',
    path: 'grub/shimx64.efi',
    image: 'grub/shimx64.efi',
    signed: true,
    needs: 'grub/grubnetx64.efi',
    place: 'alone',
  },
  { loader: 'ipxe-native', target: 'uefi-x64', path: 'ipxe/ipxe.efi', image: 'ipxe/ipxe.efi' },
  { loader: 'ipxe', target: 'uefi-x86', path: 'ipxe/snponly-ia32.efi', image: 'ipxe/snponly-ia32.efi' },
  {
    loader: 'grub',
    target: 'uefi-x86',
    path: 'grub/grubnetia32.efi',
    image: 'grub/grubnetia32.efi',
    place: 'alone',
  },
  { loader: 'grub', target: 'uefi-x86', path: 'grub/netia32.efi', image: 'grub/netia32.efi', place: 'beside' },
  { loader: 'ipxe', target: 'uefi-arm64', path: 'ipxe/snponly-arm64.efi', image: 'ipxe/snponly-arm64.efi' },
  {
    loader: 'grub',
    target: 'uefi-arm64',
    path: 'grub/grubnetaa64.efi',
    image: 'grub/grubnetaa64.efi',
    place: 'alone',
  },
  { loader: 'grub', target: 'uefi-arm64', path: 'grub/netaa64.efi', image: 'grub/netaa64.efi', place: 'beside' },
  {
    loader: 'shim',
    target: 'uefi-arm64',
    path: 'grub/shimaa64.efi',
    image: 'grub/shimaa64.efi',
    signed: true,
    needs: 'grub/grubnetaa64.efi',
    place: 'alone',
  },
  { loader: 'ipxe', target: 'uefi-arm32', path: 'ipxe/snponly-arm32.efi', image: 'ipxe/snponly-arm32.efi' },
  { loader: 'ipxe', target: 'uefi-riscv64', path: 'ipxe/snponly-riscv64.efi', image: 'ipxe/snponly-riscv64.efi' },
  { loader: 'ipxe', target: 'uefi-loong64', path: 'ipxe/snponly-loong64.efi', image: 'ipxe/snponly-loong64.efi' },
];

/** Which loader a machine gets, or why none; `tried` tells each candidate in words. */
export interface LoaderChoice {
  readonly file?: LoaderFile;
  readonly tried: readonly string[];
  /** What may go wrong with it here. */
  readonly warning?: string;
}

/** The easy case: our own addresses, TFTP, no Secure Boot. */
const PLAIN: LoaderCircumstances = { transport: 'tftp', proxy: false, secureBoot: false };

/**
 * The wished-for family first, then the table's order; those that fit the circumstances before those that may not find their
 * configuration. Only what is installed is given, and to a machine with Secure Boot only what is signed.
 * @param installed paths under `boot-images/` that are there
 */
export function chooseLoader(
  target: LoaderTarget,
  wish: LoaderName | undefined,
  installed: ReadonlySet<string>,
  circumstances: LoaderCircumstances = PLAIN,
): LoaderChoice {
  const candidates = LOADER_FILES.filter((file) => file.target === target);
  const tried: string[] = [];
  if (wish && !candidates.some((file) => file.loader === wish)) tried.push(`${wish} has no build for ${target}`);
  const rank = (file: LoaderFile) => (file.loader === wish ? 0 : 2) + (fits(file, circumstances) ? 0 : 1);
  for (const file of [...candidates].sort((a, b) => rank(a) - rank(b))) {
    const name = `${file.loader}: boot-images/${file.image}`;
    if (circumstances.secureBoot && !file.signed) {
      // BIOS knows no Secure Boot: what the host says there is a mistake, and harmless.
      if (target !== 'bios') {
        tried.push(`${name} is not signed, and the host has Secure Boot`);
        continue;
      }
    }
    // Without Secure Boot shim is a detour, taken only when asked for.
    if (file.loader === 'shim' && !circumstances.secureBoot && wish !== 'shim') continue;
    const lacking = [file.image, ...(file.needs === undefined ? [] : [file.needs])].find((one) => !installed.has(one));
    if (lacking !== undefined) {
      tried.push(`${file.loader}: boot-images/${lacking} is not installed`);
      continue;
    }
    const warning = fits(file, circumstances) ? undefined : misfit(file, circumstances);
    return { file, tried: [...tried, name], ...(warning !== undefined && { warning }) };
  }
  if (candidates.length === 0) tried.push(`no loader is known for ${target}`);
  return { tried };
}

function fits({ place }: LoaderFile, { transport, proxy }: LoaderCircumstances): boolean {
  if (place === undefined) return true;
  return (place === 'alone') === (transport === 'tftp' && !proxy);
}

function misfit({ place, target }: LoaderFile, { transport }: LoaderCircumstances): string | undefined {
  if (place !== 'alone') return undefined;
  const remedy = `pull grub-net-${target === 'uefi-x86' ? 'ia32' : target.replace('uefi-', '')} where Secure Boot is off`;
  return transport === 'http'
    ? `the signed GRUB sets up no network after HTTP boot: it will show its prompt; boot by PXE, or ${remedy}`
    : `GRUB takes its server from the address server, not from a proxy: it looks for its menu there; let that server name this one as next server (siaddr), or ${remedy}`;
}

/** What nearly every machine is; loaders for others are brought when they are wanted. */
const USUAL_TARGETS: readonly LoaderTarget[] = ['bios', 'uefi-x64'];

/** Usual kinds of machine that no installed loader is for: they would get nothing to boot. */
export function targetsWithoutLoader(installed: ReadonlySet<string>): readonly LoaderTarget[] {
  return USUAL_TARGETS.filter((target) => chooseLoader(target, undefined, installed).file === undefined);
}
