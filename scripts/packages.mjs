/** What the tests need from the distribution: one list, each package with its reason and the file that proves it is there. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/**
 * `suites`: which test runs want it. `proof`: any one of these files means it is installed, by whatever package manager.
 * @type {readonly { name: string, suites: readonly ('sockets' | 'smoke' | 'e2e' | 'container' | 'install')[], proof: readonly string[], why: string }[]}
 */
export const packages = [
  {
    name: 'iproute2',
    suites: ['sockets', 'smoke', 'e2e', 'container', 'install'],
    proof: ['/usr/sbin/ip', '/sbin/ip'],
    why: 'network namespaces, veth pairs and bridges for private test networks',
  },
  {
    name: 'util-linux',
    suites: ['sockets', 'smoke', 'e2e', 'container', 'install'],
    proof: ['/usr/bin/setpriv'],
    why: 'setpriv and unshare: rights taken away, children that end with their parent',
  },
  {
    name: 'curl',
    suites: ['sockets', 'e2e', 'container', 'install'],
    proof: ['/usr/bin/curl'],
    why: 'a real HTTP and TFTP client',
  },
  { name: 'tftp-hpa', suites: ['sockets', 'e2e'], proof: ['/usr/bin/tftp'], why: 'a real TFTP client' },
  {
    name: 'atftp',
    suites: ['sockets', 'e2e'],
    proof: ['/usr/bin/atftp'],
    why: 'a real TFTP client with option negotiation',
  },
  {
    name: 'udhcpc',
    suites: ['sockets', 'e2e'],
    proof: ['/usr/bin/udhcpc', '/sbin/udhcpc', '/usr/sbin/udhcpc'],
    why: 'a real DHCP client (BusyBox)',
  },
  {
    name: 'isc-dhcp-client',
    suites: ['sockets', 'e2e'],
    proof: ['/usr/sbin/dhclient', '/sbin/dhclient'],
    why: 'a real DHCP client (ISC)',
  },
  {
    name: 'kea-admin',
    suites: ['e2e'],
    proof: ['/usr/sbin/perfdhcp'],
    why: 'perfdhcp: two thousand DHCP clients at once',
  },
  { name: 'isc-dhcp-relay', suites: ['e2e'], proof: ['/usr/sbin/dhcrelay'], why: 'a real DHCP relay agent' },
  {
    name: 'dnsmasq-base',
    suites: ['e2e'],
    proof: ['/usr/sbin/dnsmasq'],
    why: 'the other, address-only DHCP server that proxy mode works beside',
  },
  {
    name: 'iptables',
    suites: ['sockets'],
    proof: ['/usr/sbin/iptables', '/sbin/iptables'],
    why: 'a packet filter for the self test to find',
  },
  {
    name: 'tcpdump',
    suites: ['sockets', 'smoke', 'e2e'],
    proof: ['/usr/bin/tcpdump', '/usr/sbin/tcpdump'],
    why: 'what was really on the wire, for assertions and for a failed boot',
  },
  { name: 'xz-utils', suites: ['sockets'], proof: ['/usr/bin/xz'], why: 'archives that are packed by xz' },
  {
    name: 'bzip2',
    suites: ['sockets'],
    proof: ['/usr/bin/bzip2', '/bin/bzip2'],
    why: 'archives that are packed by bzip2',
  },
  {
    name: 'mount',
    suites: ['sockets'],
    proof: ['/usr/bin/mount', '/bin/mount'],
    why: 'a small disk that can be filled',
  },
  {
    name: 'qemu-system-x86',
    suites: ['smoke', 'e2e', 'install'],
    proof: ['/usr/bin/qemu-system-x86_64'],
    why: 'the machines that boot',
  },
  {
    name: 'seabios',
    suites: ['smoke', 'e2e', 'install'],
    proof: ['/usr/share/seabios/bios-256k.bin'],
    why: 'BIOS firmware',
  },
  {
    name: 'ovmf',
    suites: ['smoke', 'e2e', 'install'],
    proof: ['/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_CODE.fd'],
    why: 'UEFI firmware',
  },
  {
    name: 'ovmf-ia32',
    suites: ['e2e'],
    proof: ['/usr/share/OVMF/OVMF32_CODE_4M.secboot.fd'],
    why: 'UEFI firmware of 32 bits',
  },
  {
    name: 'qemu-system-arm',
    suites: ['e2e'],
    proof: ['/usr/bin/qemu-system-aarch64'],
    why: 'ARM machines that boot',
  },
  {
    name: 'qemu-efi-aarch64',
    suites: ['e2e'],
    proof: ['/usr/share/AAVMF/AAVMF_CODE.fd'],
    why: 'UEFI firmware for ARM of 64 bits; its GRUB and kernel are brought by our own images pull',
  },
  {
    name: 'grub-efi-ia32-bin',
    suites: ['e2e'],
    proof: ['/usr/lib/grub/i386-efi/net.mod'],
    why: 'modules for grub/netia32.efi, the loader for UEFI of 32 bits',
  },
  {
    name: 'ipxe-qemu',
    suites: ['smoke', 'e2e', 'install'],
    proof: ['/usr/lib/ipxe/qemu/pxe-virtio.rom'],
    why: 'the network cards’ boot ROMs',
  },
  {
    name: 'ipxe',
    suites: ['smoke', 'e2e', 'install'],
    proof: ['/usr/lib/ipxe/undionly.kpxe'],
    why: 'loader: undionly.kpxe, snponly.efi',
  },
  { name: 'pxelinux', suites: ['smoke', 'e2e'], proof: ['/usr/lib/PXELINUX/pxelinux.0'], why: 'loader: pxelinux.0' },
  {
    name: 'syslinux-common',
    suites: ['smoke', 'e2e'],
    proof: ['/usr/lib/syslinux/modules/bios/ldlinux.c32'],
    why: 'the modules pxelinux.0 asks for',
  },
  {
    name: 'grub-efi-amd64-signed',
    suites: ['smoke', 'e2e'],
    proof: ['/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed'],
    why: 'loader: grubnetx64.efi',
  },
  {
    name: 'xorriso',
    suites: ['sockets'],
    proof: ['/usr/bin/xorriso'],
    why: 'ISO images as distributions make them, for our reader of them',
  },
  { name: 'gpg', suites: ['sockets'], proof: ['/usr/bin/gpg'], why: 'signs what the tests of signatures check' },
  { name: 'gpgv', suites: ['sockets'], proof: ['/usr/bin/gpgv'], why: 'checks OpenPGP signatures of images' },
  {
    name: 'shim-signed',
    suites: ['e2e'],
    proof: ['/usr/lib/shim/shimx64.efi.signed'],
    why: 'loader: shimx64.efi, the first one under Secure Boot',
  },
  {
    name: 'grub-efi-amd64-bin',
    suites: ['e2e'],
    proof: ['/usr/lib/grub/x86_64-efi/net.mod'],
    why: 'modules for grub/netx64.efi, the GRUB with our address inside',
  },
  {
    name: 'busybox-static',
    suites: ['sockets', 'smoke', 'e2e', 'install'],
    proof: ['/bin/busybox', '/usr/bin/busybox'],
    why: 'the whole user land of the initramfs the tests boot, and a small TFTP client',
  },
  {
    name: 'cpio',
    suites: ['smoke', 'e2e', 'install'],
    proof: ['/usr/bin/cpio', '/bin/cpio'],
    why: 'packs and reads initramfs archives',
  },
  {
    name: 'chromium',
    suites: ['e2e'],
    proof: ['/usr/bin/chromium'],
    why: 'a real browser for the operator’s page',
  },
  {
    name: 'cloud-init',
    suites: ['e2e'],
    proof: ['/usr/bin/cloud-init'],
    why: 'cloud-init schema reads the user-data templates make; where no data source is found it does nothing else',
  },
  {
    name: 'debconf',
    suites: ['e2e'],
    proof: ['/usr/bin/debconf-set-selections'],
    why: 'debconf-set-selections -c reads preseed files',
  },
  {
    name: 'grub-common',
    suites: ['e2e'],
    proof: ['/usr/bin/grub-script-check'],
    why: 'grub-script-check reads GRUB scripts; grub-mkimage, of the same package, makes grub/netx64.efi',
  },
  {
    name: 'ignition',
    suites: ['e2e'],
    proof: ['/usr/bin/ignition-validate'],
    why: 'ignition-validate reads configurations of Flatcar and Fedora CoreOS',
  },
  {
    name: 'libxml2-utils',
    suites: ['e2e'],
    proof: ['/usr/bin/xmllint'],
    why: 'xmllint reads AutoYaST and phone files',
  },
  {
    name: 'python3-yaml',
    suites: ['e2e'],
    proof: ['/usr/lib/python3/dist-packages/yaml/__init__.py'],
    why: 'the YAML reader of cloud-init, for Talos, netplan and meta-data; Python’s own for TOML',
  },
  {
    name: 'e2fsprogs',
    suites: ['install'],
    proof: ['/usr/sbin/debugfs', '/sbin/debugfs'],
    why: 'debugfs reads the installed disk without mounting it',
  },
  {
    name: 'debootstrap',
    suites: ['container'],
    proof: ['/usr/sbin/debootstrap'],
    why: 'a base image made on the spot, without an image registry',
  },
  {
    name: 'buildah',
    suites: ['container'],
    proof: ['/usr/bin/buildah'],
    why: 'builds the Dockerfile without an engine',
  },
  {
    name: 'systemd',
    suites: ['container'],
    proof: ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'],
    why: 'systemd-analyze checks the unit',
  },
];

/** The packages of a suite that are not there. */
export function missingPackages(suites) {
  return packages.filter(
    ({ suites: wanting, proof }) =>
      wanting.some((suite) => suites.includes(suite)) && !proof.some((path) => existsSync(path)),
  );
}

/** Installs packages by apt. Returns undefined when all went well, otherwise why not and what to do. */
export function installPackages(missing) {
  const names = missing.map(({ name }) => name);
  const command = `apt-get install --no-install-recommends ${names.join(' ')}`;
  if (!existsSync('/usr/bin/apt-get')) return `this is not a Debian system; it wants: ${names.join(' ')}`;
  if (process.getuid?.() !== 0) return `run once: sudo ${command}`;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // A mirror has bad minutes, and another apt may be at work.
  const patience = ['-o', 'Acquire::Retries=5', '-o', 'DPkg::Lock::Timeout=300'];
  const apt = (args) =>
    spawnSync('apt-get', ['-qq', ...patience, ...args], { env, stdio: ['ignore', 2, 2] }).status === 0;
  const install = () => apt(['install', '-y', '--no-install-recommends', ...names]);
  // A list that is hours old is fine; one that is missing or names removed versions is not, so fetch it only when needed.
  if (install() || (apt(['update']) && install())) return undefined;
  return `apt could not install them (its message is above); when that is mended: ${command}`;
}
