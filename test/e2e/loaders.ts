/** Loaders as the distribution's packages install them, and the virtual path each is asked for by. */

export const LOADERS = {
  'bios-ipxe': { file: '/usr/lib/ipxe/undionly.kpxe', path: 'ipxe/undionly.kpxe' },
  'bios-pxelinux': { file: '/usr/lib/PXELINUX/pxelinux.0', path: 'pxelinux.0' },
  'bios-ldlinux': { file: '/usr/lib/syslinux/modules/bios/ldlinux.c32', path: 'ldlinux.c32' },
  'uefi-ipxe': { file: '/usr/lib/ipxe/snponly.efi', path: 'ipxe/snponly.efi' },
  'uefi-grub': { file: '/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed', path: 'grub/grubnetx64.efi' },
} as const;
