/** Loader choice as a table: which file a firmware is given, per loader family. */
import type { LoaderTarget } from './client.ts';
import type { LoaderName } from './fields.ts';

/** A loader file: `path` is what the client asks for, `image` the file under `boot-images/` behind it. */
export interface LoaderFile {
  readonly loader: LoaderName;
  readonly target: LoaderTarget;
  readonly path: string;
  readonly image: string;
}

/**
 * In order of preference for a target. PXELINUX is asked for at the root (a row of `templates/routes.yaml` leads to its
 * image) because it looks for everything else beside itself; Debian's GRUB has `/grub` built in.
 */
export const LOADER_FILES: readonly LoaderFile[] = [
  { loader: 'ipxe', target: 'bios', path: 'ipxe/undionly.kpxe', image: 'ipxe/undionly.kpxe' },
  { loader: 'pxelinux', target: 'bios', path: 'pxelinux.0', image: 'pxelinux/pxelinux.0' },
  // PXELINUX that fetches everything after itself by HTTP.
  { loader: 'lpxelinux', target: 'bios', path: 'lpxelinux.0', image: 'pxelinux/lpxelinux.0' },
  { loader: 'ipxe', target: 'uefi-x64', path: 'ipxe/snponly.efi', image: 'ipxe/snponly.efi' },
  { loader: 'grub', target: 'uefi-x64', path: 'grub/grubnetx64.efi', image: 'grub/grubnetx64.efi' },
  { loader: 'ipxe', target: 'uefi-x86', path: 'ipxe/snponly-ia32.efi', image: 'ipxe/snponly-ia32.efi' },
  { loader: 'grub', target: 'uefi-x86', path: 'grub/grubnetia32.efi', image: 'grub/grubnetia32.efi' },
  { loader: 'ipxe', target: 'uefi-arm64', path: 'ipxe/snponly-arm64.efi', image: 'ipxe/snponly-arm64.efi' },
  { loader: 'grub', target: 'uefi-arm64', path: 'grub/grubnetaa64.efi', image: 'grub/grubnetaa64.efi' },
  { loader: 'ipxe', target: 'uefi-arm32', path: 'ipxe/snponly-arm32.efi', image: 'ipxe/snponly-arm32.efi' },
  { loader: 'ipxe', target: 'uefi-riscv64', path: 'ipxe/snponly-riscv64.efi', image: 'ipxe/snponly-riscv64.efi' },
  { loader: 'ipxe', target: 'uefi-loong64', path: 'ipxe/snponly-loong64.efi', image: 'ipxe/snponly-loong64.efi' },
];

/** Which loader a machine gets, or why none; `tried` tells each candidate in words. */
export interface LoaderChoice {
  readonly file?: LoaderFile;
  readonly tried: readonly string[];
}

/**
 * The wished-for family first, then the table's order, each only when its image is installed.
 * @param installed paths under `boot-images/` that are there
 */
export function chooseLoader(
  target: LoaderTarget,
  wish: LoaderName | undefined,
  installed: ReadonlySet<string>,
): LoaderChoice {
  const candidates = LOADER_FILES.filter((file) => file.target === target);
  const ordered = [
    ...candidates.filter((file) => file.loader === wish),
    ...candidates.filter((file) => file.loader !== wish),
  ];
  const tried: string[] = [];
  if (wish && !candidates.some((file) => file.loader === wish)) tried.push(`${wish} has no build for ${target}`);
  for (const file of ordered) {
    if (installed.has(file.image)) return { file, tried: [...tried, `${file.loader}: boot-images/${file.image}`] };
    tried.push(`${file.loader}: boot-images/${file.image} is not installed`);
  }
  if (candidates.length === 0) tried.push(`no loader is known for ${target}`);
  return { tried };
}

/** What nearly every machine is; loaders for others are brought when they are wanted. */
const USUAL_TARGETS: readonly LoaderTarget[] = ['bios', 'uefi-x64'];

/** Usual kinds of machine that no installed loader is for: they would get nothing to boot. */
export function targetsWithoutLoader(installed: ReadonlySet<string>): readonly LoaderTarget[] {
  return USUAL_TARGETS.filter((target) => chooseLoader(target, undefined, installed).file === undefined);
}
