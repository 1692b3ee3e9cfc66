/** Boot files of other servers: which loader family of Hobnail a name stands for. */
import type { LoaderName } from '../boot/fields.ts';

const NAMES: readonly (readonly [RegExp, LoaderName])[] = [
  [/(?:^|\/)lpxelinux\.0$/i, 'lpxelinux'],
  [/(?:^|\/)(?:gpxelinux|pxelinux)\.0$/i, 'pxelinux'],
  [/(?:^|\/)(?:undionly|ipxe|snponly|snp|ipxe-[\w-]+)(?:-x86_64|-arm64|-i386)?\.(?:kpxe|kkpxe|pxe|efi)$/i, 'ipxe'],
  [/(?:^|\/)(?:grubnet|grub|core|bootnet)\w*\.(?:efi|0|efi\.signed)$/i, 'grub'],
  [/(?:^|\/)shim\w*\.efi(?:\.signed)?$/i, 'grub'],
];

/** Undefined for scripts, phones' files and everything else that is no loader. */
export function loaderOf(bootFile: string): LoaderName | undefined {
  return NAMES.find(([pattern]) => pattern.test(bootFile))?.[1];
}
