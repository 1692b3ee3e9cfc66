/** The layouts of the publishers in the catalogue, written out by hand: what stands where, and how its digest is told. */
import { makeIso, makeTar } from './archives.ts';
import { sha256 } from './file-server.ts';

/** Address without its scheme → content. */
export type Layout = Readonly<Record<string, string | Buffer>>;

export interface Publisher {
  readonly layout: Layout;
  /** Below `boot-images/` → the beginning of its content. */
  readonly expected: Readonly<Record<string, string>>;
  /** Part of the proof. */
  readonly proof: string;
}

const treeinfo = (files: Readonly<Record<string, string>>) =>
  `[checksums]\n${Object.entries(files)
    .map(([name, content]) => `${name} = sha256:${sha256(content)}`)
    .join('\n')}\n\n[general]\nfamily = Test\n`;

function redHat(base: string, to: string): Publisher {
  const kernel = `${to} kernel`;
  const initrd = `${to} initrd`;
  return {
    layout: {
      [`${base}images/pxeboot/vmlinuz`]: kernel,
      [`${base}images/pxeboot/initrd.img`]: initrd,
      [`${base}.treeinfo`]: treeinfo({ 'images/pxeboot/vmlinuz': kernel, 'images/pxeboot/initrd.img': initrd }),
    },
    expected: { [`${to}/vmlinuz`]: kernel, [`${to}/initrd.img`]: initrd },
    proof: 'unsigned list of the mirror',
  };
}

export async function makePublishers(): Promise<Readonly<Record<string, Publisher>>> {
  const ubuntu = await makeIso({ 'casper/vmlinuz': 'u kernel', 'casper/initrd': 'u initrd', '.disk/info': 'Ubuntu' });
  const rescue = await makeIso({
    'sysresccd/boot/x86_64/vmlinuz': 'r kernel',
    'sysresccd/boot/x86_64/sysresccd.img': 'r initrd',
    'sysresccd/x86_64/airootfs.sfs': 'r root',
    'sysresccd/x86_64/airootfs.sha512': 'r sum',
  });
  const clonezilla = await makeIso({
    'live/vmlinuz': 'c kernel',
    'live/initrd.img': 'c initrd',
    'live/filesystem.squashfs': 'c root',
  });
  const proxmox = await makeIso({ 'boot/linux26': 'p kernel', 'boot/initrd.img': 'p initrd' });
  const alpine = await makeTar([
    { name: 'boot/', type: 'directory' },
    { name: 'boot/vmlinuz-lts', content: 'a kernel' },
    { name: 'boot/initramfs-lts', content: 'a initramfs' },
    { name: 'boot/modloop-lts', content: 'a modloop' },
    { name: 'boot/dtbs-lts/x.dtb', content: 'not asked for' },
  ]);
  const coreos = (name: string) =>
    `https://builds.coreos.fedoraproject.org/prod/streams/stable/builds/43.1/x86_64/${name}`;
  const artifact = (name: string) => ({
    location: coreos(name),
    signature: `${coreos(name)}.sig`,
    sha256: sha256(`${name}!`),
  });
  const flatcar = 'stable.release.flatcar-linux.net/amd64-usr/current/flatcar_production_pxe';
  const digests = (name: string, content: string) =>
    `# MD5 HASH\n${'0'.repeat(32)}  ${name}\n# SHA1 HASH\n${'0'.repeat(40)}  ${name}\n# SHA256 HASH\n${sha256(content)}  ${name}\n`;
  const talos = 'github.com/siderolabs/talos/releases/download/v1.10.5';
  const netboot = 'github.com/netbootxyz/netboot.xyz/releases/download/2.0.87';
  const suse = 'download.opensuse.org/distribution/leap/15.6/repo/oss';
  const over = 'unsigned list of the mirror';

  return {
    'ubuntu@24.04.5/amd64': {
      layout: {
        'releases.ubuntu.com/24.04/ubuntu-24.04.5-live-server-amd64.iso': ubuntu,
        'releases.ubuntu.com/24.04/SHA256SUMS': `${sha256('desktop')} *ubuntu-24.04.5-desktop-amd64.iso\n${sha256(ubuntu)} *ubuntu-24.04.5-live-server-amd64.iso\n`,
      },
      expected: { 'ubuntu/24.04.5/amd64/vmlinuz': 'u kernel', 'ubuntu/24.04.5/amd64/initrd': 'u initrd' },
      proof: over,
    },
    'fedora@44/amd64': redHat(
      'dl.fedoraproject.org/pub/fedora/linux/releases/44/Everything/x86_64/os/',
      'fedora/44/amd64',
    ),
    'rocky@9/arm64': redHat('download.rockylinux.org/pub/rocky/9/BaseOS/aarch64/os/', 'rocky/9/arm64'),
    'almalinux@9/amd64': redHat('repo.almalinux.org/almalinux/9/BaseOS/x86_64/os/', 'almalinux/9/amd64'),
    'opensuse-leap@15.6/amd64': {
      layout: {
        [`${suse}/boot/x86_64/loader/linux`]: 's kernel',
        [`${suse}/boot/x86_64/loader/initrd`]: 's initrd',
        [`${suse}/CHECKSUMS`]: `${sha256('s kernel')}  boot/x86_64/loader/linux\n${sha256('s initrd')}  boot/x86_64/loader/initrd\n`,
      },
      expected: { 'opensuse-leap/15.6/linux': 's kernel', 'opensuse-leap/15.6/initrd': 's initrd' },
      proof: over,
    },
    'alpine@3.24.2/amd64': {
      layout: {
        'dl-cdn.alpinelinux.org/alpine/v3.24/releases/x86_64/alpine-netboot-3.24.2-x86_64.tar.gz': alpine,
        'dl-cdn.alpinelinux.org/alpine/v3.24/releases/x86_64/alpine-netboot-3.24.2-x86_64.tar.gz.sha256': `${sha256(alpine)}  alpine-netboot-3.24.2-x86_64.tar.gz\n`,
      },
      expected: {
        'alpine/3.24.2/amd64/vmlinuz-lts': 'a kernel',
        'alpine/3.24.2/amd64/initramfs-lts': 'a initramfs',
        'alpine/3.24.2/amd64/modloop-lts': 'a modloop',
      },
      proof: over,
    },
    'flatcar@current/amd64': {
      layout: {
        [`${flatcar}.vmlinuz`]: 'f kernel',
        [`${flatcar}.vmlinuz.DIGESTS`]: digests('flatcar_production_pxe.vmlinuz', 'f kernel'),
        [`${flatcar}_image.cpio.gz`]: 'f image',
        [`${flatcar}_image.cpio.gz.DIGESTS`]: digests('flatcar_production_pxe_image.cpio.gz', 'f image'),
      },
      expected: { 'flatcar/current/amd64/vmlinuz': 'f kernel', 'flatcar/current/amd64/image.cpio.gz': 'f image' },
      proof: over,
    },
    'fedora-coreos@stable/amd64': {
      layout: {
        'builds.coreos.fedoraproject.org/streams/stable.json': JSON.stringify({
          stream: 'stable',
          architectures: {
            x86_64: {
              artifacts: {
                metal: {
                  formats: {
                    pxe: {
                      kernel: artifact('kernel'),
                      initramfs: artifact('initramfs.img'),
                      rootfs: artifact('rootfs.img'),
                    },
                  },
                },
              },
            },
          },
        }),
        ...Object.fromEntries(
          ['kernel', 'initramfs.img', 'rootfs.img'].map((name) => [coreos(name).replace('https://', ''), `${name}!`]),
        ),
      },
      expected: {
        'fedora-coreos/stable/amd64/kernel': 'kernel!',
        'fedora-coreos/stable/amd64/rootfs.img': 'rootfs.img!',
      },
      proof: 'sha256, unsigned index of the mirror',
    },
    'talos@1.10.5/arm64': {
      layout: {
        [`${talos}/vmlinuz-arm64`]: 't kernel',
        [`${talos}/initramfs-arm64.xz`]: 't initramfs',
        [`${talos}/sha256sum.txt`]: `${sha256('t kernel')}  vmlinuz-arm64\n${sha256('t initramfs')}  initramfs-arm64.xz\n`,
      },
      expected: { 'talos/1.10.5/arm64/vmlinuz': 't kernel', 'talos/1.10.5/arm64/initramfs.xz': 't initramfs' },
      proof: over,
    },
    'proxmox@9.2-1/amd64': {
      layout: {
        'enterprise.proxmox.com/iso/proxmox-ve_9.2-1.iso': proxmox,
        'enterprise.proxmox.com/iso/SHA256SUMS': `${sha256(proxmox)}  proxmox-ve_9.2-1.iso\n`,
      },
      expected: { 'proxmox/9.2-1/linux26': 'p kernel', 'proxmox/9.2-1/initrd.img': 'p initrd' },
      proof: over,
    },
    'systemrescue@13.02/amd64': {
      layout: {
        'fastly-cdn.system-rescue.org/releases/13.02/systemrescue-13.02-amd64.iso': rescue,
        'fastly-cdn.system-rescue.org/releases/13.02/systemrescue-13.02-amd64.iso.sha256': `${sha256(rescue)}  systemrescue-13.02-amd64.iso\n`,
      },
      expected: {
        'systemrescue/13.02/vmlinuz': 'r kernel',
        'systemrescue/13.02/sysresccd/x86_64/airootfs.sfs': 'r root',
        'systemrescue/13.02/sysresccd/x86_64/airootfs.sha512': 'r sum',
      },
      proof: over,
    },
    'clonezilla@3.3.3-37/amd64': {
      layout: {
        'free.nchc.org.tw/clonezilla-live/stable/clonezilla-live-3.3.3-37-amd64.iso': clonezilla,
        'free.nchc.org.tw/clonezilla-live/stable/CHECKSUMS.TXT': `### SHA256SUMS:\n${sha256(clonezilla)}  clonezilla-live-3.3.3-37-amd64.iso\n`,
      },
      expected: { 'clonezilla/3.3.3-37/vmlinuz': 'c kernel', 'clonezilla/3.3.3-37/filesystem.squashfs': 'c root' },
      proof: over,
    },
    'netboot.xyz@2.0.87': {
      layout: {
        ...Object.fromEntries(['kpxe', 'efi', 'lkrn'].map((end) => [`${netboot}/netboot.xyz.${end}`, `n ${end}`])),
        [`${netboot}/netboot.xyz-sha256-checksums.txt`]: ['kpxe', 'efi', 'lkrn']
          .map((end) => `${sha256(`n ${end}`)}  netboot.xyz.${end}\n`)
          .join(''),
      },
      expected: { 'netboot.xyz/2.0.87/netboot.xyz.efi': 'n efi', 'netboot.xyz/2.0.87/netboot.xyz.kpxe': 'n kpxe' },
      proof: over,
    },
  };
}
