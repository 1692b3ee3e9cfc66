/** The machines of the firmware tests. */
import type { LabHost } from '../../src/lab/appliance.ts';
import type { Mac } from '../../src/net/mac.ts';

export type TestHost = Omit<LabHost, 'args'> & Partial<Pick<LabHost, 'args'>>;

const host = (name: string, last: string, loader: TestHost['loader']): TestHost => ({
  name,
  mac: `52:54:00:77:00:${last}` as Mac,
  loader,
});

export const BIOS_HOST = host('bios-ipxe', '01', 'ipxe');
export const PXELINUX_HOST = host('bios-pxelinux', '02', 'pxelinux');
export const LPXELINUX_HOST = host('bios-lpxelinux', '03', 'lpxelinux');
/** Its firmware shows a menu, whose first line is not the loader it would get. */
export const MENU_HOST: TestHost = {
  ...host('bios-menu', '04', 'ipxe'),
  pxeMenu: {
    prompt: 'Press F8 for the menu',
    timeoutSeconds: 2,
    items: [
      { title: 'Old kernels', loader: 'pxelinux' },
      { title: 'iPXE', loader: 'ipxe' },
      { title: 'Local disk', local: true },
    ],
  },
};
export const UEFI_HOST = host('uefi-ipxe', '11', 'ipxe');
export const GRUB_HOST = host('uefi-grub', '12', 'grub');
/** Its firmware takes nothing but what is signed. */
export const SECURE_HOST: TestHost = { ...host('uefi-secure', '13', 'ipxe'), secureBoot: true };
/** The same firmware, of which nobody told us. */
export const UNTOLD_HOST = host('uefi-untold', '14', 'ipxe');

const ARM_KERNEL = { kernel: 'debian/installer-arm64/linux' };
/** No initrd: it is as large as the kernel, and what is waited for are the kernel's first lines. */
export const ARM_HOST: TestHost = {
  ...host('arm64-grub', '21', 'grub'),
  system: ARM_KERNEL,
  args: ['console=ttyAMA0', 'panic=-1'],
};
/** EDK2 of 32 bits. */
export const IA32_HOST: TestHost = host('ia32-grub', '22', 'grub');

/** Boots Debian's own installer, on whatever firmware it has. */
export const INSTALLER_HOST: TestHost = {
  ...host('installer', '31', 'ipxe'),
  system: { kernel: 'debian/installer/linux', initrd: 'debian/installer/initrd.gz' },
  args: ['console=ttyS0', 'mitigations=off', 'nokaslr', 'no_timer_check', 'DEBIAN_FRONTEND=text'],
};
