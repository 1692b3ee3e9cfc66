/** Says before the first test whether machines can be booted here. */
import { missingRequirements } from '../../src/lab/requirements.ts';
import { CONTROL } from './boot.ts';
import { LOADERS } from './loaders.ts';

const DNSMASQ = { debian: 'dnsmasq-base', needs: ['dnsmasq'] };
const IPXE = { debian: 'ipxe', needs: [LOADERS['bios-ipxe'].file, LOADERS['uefi-ipxe'].file] };
const MATRIX = [
  IPXE,
  DNSMASQ,
  { debian: 'pxelinux', needs: [LOADERS['bios-pxelinux'].file] },
  { debian: 'syslinux-common', needs: [LOADERS['bios-ldlinux'].file] },
  { debian: 'shim-signed', needs: ['/usr/lib/shim/shimx64.efi.signed'] },
  { debian: 'grub-efi-amd64-bin', needs: ['/usr/lib/grub/x86_64-efi/net.mod'] },
  { debian: 'grub-common', needs: ['grub-mkimage'] },
  { debian: 'grub-efi-amd64-signed', needs: [LOADERS['uefi-grub'].file] },
];

/** Real clients of the protocols, for the tests that boot no machine with them. */
const CLIENTS = [
  { debian: 'curl', needs: ['curl'] },
  { debian: 'tftp-hpa', needs: ['tftp'] },
  { debian: 'atftp', needs: ['atftp'] },
  { debian: 'udhcpc', needs: ['udhcpc'] },
  { debian: 'isc-dhcp-client', needs: ['dhclient'] },
];

/** Crowds and a relay agent. */
const CROWD = [
  { debian: 'kea-admin', needs: ['perfdhcp'] },
  { debian: 'isc-dhcp-relay', needs: ['dhcrelay'] },
  { debian: 'tcpdump', needs: ['tcpdump'] },
];

/** The programs that read what templates make. */
const READERS = [
  { debian: 'cloud-init', needs: ['cloud-init'] },
  { debian: 'debconf', needs: ['debconf-set-selections'] },
  { debian: 'grub-common', needs: ['grub-script-check'] },
  { debian: 'ignition', needs: ['ignition-validate'] },
  { debian: 'libxml2-utils', needs: ['xmllint'] },
  { debian: 'python3-yaml', needs: ['/usr/lib/python3/dist-packages/yaml/__init__.py'] },
];

const SUITES = {
  smoke: CONTROL ? MATRIX : [IPXE],
  matrix: MATRIX,
  clients: [...MATRIX, ...CLIENTS],
  interop: [DNSMASQ, ...CLIENTS, ...CROWD],
  readers: READERS,
  ia32: [
    { debian: 'ovmf-ia32', needs: ['/usr/share/OVMF/OVMF32_CODE_4M.secboot.fd'] },
    { debian: 'grub-efi-ia32-bin', needs: ['/usr/lib/grub/i386-efi/net.mod'] },
  ],
  arm64: [
    { debian: 'qemu-system-arm', needs: ['qemu-system-aarch64'] },
    { debian: 'qemu-efi-aarch64', needs: ['/usr/share/AAVMF/AAVMF_CODE.fd'] },
  ],
};

/**
 * True when the tests can run. When they cannot: throws with the command that helps, or, with HOBNAIL_E2E_OPTIONAL=1,
 * says so loudly and returns false, so that the file's tests show as skipped.
 * @param suite `smoke` for the two boots of `npm test`, which need iPXE alone; `clients` with real protocol clients,
 *   `interop` with crowds of them; `readers` of rendered files
 */
export async function checkRequirements(suite: keyof typeof SUITES): Promise<boolean> {
  const reasons = await missingRequirements(SUITES[suite]);
  if (reasons.length === 0) return true;
  const text = `firmware boots cannot run here:\n${reasons.map((reason) => `  - ${reason}`).join('\n')}`;
  if (process.env.HOBNAIL_E2E_OPTIONAL !== '1') throw new Error(text);
  console.warn(`\n*** NOT RUN: ${text}\n`);
  return false;
}
