/** An ISO nobody described: kernel and initrd found by the places where distributions keep them. */
import { basename } from 'node:path';
import { AppError } from '../errors.ts';
import { withIso } from './archive.ts';
import type { BuildFile, ImageBuild } from './build.ts';
import { entrySchema, imageName } from './entry.ts';
import type { Iso } from './iso9660.ts';

interface Layout {
  readonly family: string;
  readonly kernel: readonly string[];
  readonly initrd: readonly string[];
  /** What the running system fetches besides. */
  readonly more?: readonly string[];
}

/** Tried in this order. Seen in the publishers' images or in their own netboot manuals. */
const LAYOUTS: readonly Layout[] = [
  {
    family: 'Ubuntu live',
    kernel: ['casper/vmlinuz'],
    initrd: ['casper/initrd', 'casper/initrd.gz', 'casper/initrd.lz'],
  },
  {
    family: 'Fedora and Enterprise Linux',
    kernel: ['images/pxeboot/vmlinuz'],
    initrd: ['images/pxeboot/initrd.img'],
    more: ['images/install.img'],
  },
  { family: 'Debian installer, x64', kernel: ['install.amd/vmlinuz'], initrd: ['install.amd/initrd.gz'] },
  { family: 'Debian installer, arm64', kernel: ['install.a64/vmlinuz'], initrd: ['install.a64/initrd.gz'] },
  { family: 'openSUSE', kernel: ['boot/x86_64/loader/linux'], initrd: ['boot/x86_64/loader/initrd'] },
  { family: 'openSUSE, arm64', kernel: ['boot/aarch64/linux'], initrd: ['boot/aarch64/initrd'] },
  {
    family: 'Arch Linux',
    kernel: ['arch/boot/x86_64/vmlinuz-linux'],
    initrd: ['arch/boot/x86_64/initramfs-linux.img'],
    more: ['arch/x86_64/airootfs.sfs'],
  },
  {
    family: 'SystemRescue',
    kernel: ['sysresccd/boot/x86_64/vmlinuz'],
    initrd: ['sysresccd/boot/x86_64/sysresccd.img'],
    more: ['sysresccd/x86_64/airootfs.sfs'],
  },
  {
    family: 'Debian live and Clonezilla',
    kernel: ['live/vmlinuz'],
    initrd: ['live/initrd.img', 'live/initrd'],
    more: ['live/filesystem.squashfs'],
  },
  {
    family: 'Alpine',
    kernel: ['boot/vmlinuz-lts', 'boot/vmlinuz-virt'],
    initrd: ['boot/initramfs-lts', 'boot/initramfs-virt'],
    more: ['boot/modloop-lts', 'boot/modloop-virt'],
  },
  { family: 'Proxmox', kernel: ['boot/linux26'], initrd: ['boot/initrd.img'] },
  {
    family: 'a Linux live system',
    kernel: ['boot/vmlinuz', 'isolinux/vmlinuz'],
    initrd: ['boot/initrd', 'isolinux/initrd.img'],
  },
];

export interface IsoImport {
  readonly file: string;
  /** Directory below `boot-images/`; default: from the image's label or file name. */
  readonly name?: string | undefined;
  /** Path of a kernel and of initial RAM disks inside, for an image of no known layout. */
  readonly kernel?: string | undefined;
  readonly initrd?: readonly string[] | undefined;
  /** Everything else too, under `<name>/tree`: a package repository, a live file system. */
  readonly tree?: boolean | undefined;
}

/** What would be taken out of an ISO. */
export interface IsoPlan {
  readonly build: ImageBuild;
  readonly label: string;
  readonly family: string;
  readonly kernel: string;
  readonly initrd: readonly string[];
}

/**
 * @throws AppError `image-invalid` when no kernel is found, with the directories there are; `request-invalid` for a name
 */
export async function planIsoImport(asked: IsoImport): Promise<IsoPlan> {
  return withIso(asked.file, async (iso) => {
    const { family, kernel, initrd, more } = await findBoot(iso, asked);
    const name = asked.name ?? nameOf(iso.label) ?? nameOf(basename(asked.file).replace(/\.iso$/i, '')) ?? '';
    if (!imageName.safeParse(name).success)
      throw new AppError('request-invalid', `"${name}" cannot be a name: lower case letters, digits, dots and dashes.`);
    const file = (from: string, to: string, tree = false): BuildFile => ({ from, to: `${name}/${to}`, tree });
    const initrds = initrd.map((from, index) => file(from, index === 0 ? 'initrd' : `initrd${index + 1}`));
    const files = [
      file(kernel, 'vmlinuz'),
      ...initrds,
      ...(asked.tree ? [file('', 'tree', true)] : more.map((from) => file(from, basename(from)))),
    ];
    const entry = entrySchema.parse({
      name,
      kind: 'system',
      about: `${family}, from ${basename(asked.file)}`,
      licence: 'see the image',
      source: { directory: '/' },
      files: [{ from: 'x', to: name }],
    });
    const build = { entry, reference: name, name, source: { iso: asked.file }, verify: {}, files };
    return { build, label: iso.label, family, kernel: `${name}/vmlinuz`, initrd: initrds.map(({ to }) => to) };
  });
}

async function findBoot(iso: Iso, asked: IsoImport) {
  if (asked.kernel !== undefined)
    return { family: 'as told', kernel: asked.kernel, initrd: asked.initrd ?? [], more: [] };
  const first = async (paths: readonly string[]) => {
    for (const path of paths) if ((await iso.find(path))?.kind === 'file') return path;
    return undefined;
  };
  for (const layout of LAYOUTS) {
    const [kernel, initrd] = [await first(layout.kernel), await first(layout.initrd)];
    if (kernel === undefined || initrd === undefined) continue;
    const there: string[] = [];
    for (const path of layout.more ?? []) if ((await iso.find(path))?.kind === 'file') there.push(path);
    return { family: layout.family, kernel, initrd: [initrd], more: there };
  }
  const top: string[] = [];
  for await (const { kind, path } of iso.walk('')) {
    if (path.includes('/')) break;
    top.push(kind === 'directory' ? `${path}/` : path);
  }
  throw new AppError(
    'image-invalid',
    `No kernel was found in ${asked.file} where distributions keep one. It has: ${top.slice(0, 20).join(' ')}. Name it with --kernel PATH and --initrd PATH.`,
  );
}

function nameOf(text: string): string | undefined {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^[^a-z0-9]+|[-.]+$/g, '')
    .slice(0, 63);
  return name === '' ? undefined : name;
}
