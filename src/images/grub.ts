/**
 * A GRUB of our own making, for where the distribution's signed one cannot find its configuration: behind a proxy, and after
 * UEFI HTTP boot. Built by the distribution's `grub-mkimage` with a script inside; the address of the server is left open, and
 * written in when a machine asks for the file.
 */
import { execFile } from 'node:child_process';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { AppError, messageOf } from '../errors.ts';
import type { PackageSource } from './packages.ts';

export const GRUB_FORMATS = ['x86_64-efi', 'i386-efi', 'arm64-efi'] as const;
export type GrubFormat = (typeof GRUB_FORMATS)[number];

/** Filled by the reader when the image is served; `src/files/fill-server.ts` knows the same text. */
const SERVER_PLACE = `set root='@HOBNAIL${'#'.repeat(76)}@'`;

/**
 * What the image does. After PXE the card has an address already; after HTTP boot GRUB has to ask for one. The card's MAC names
 * the machine's own file. When all fails it goes on to the next boot entry, as firmware expects.
 */
const SCRIPT = `${SERVER_PLACE}
set mac="$net_default_mac"
if [ -z "$mac" ]; then
  echo 'Hobnail: asking for an address ...'
  net_bootp
  set mac="$net_default_mac"
fi
for card in "$net_efinet0_dhcp_mac" "$net_efinet1_dhcp_mac" "$net_efinet2_dhcp_mac" "$net_efinet3_dhcp_mac"; do
  if [ -z "$mac" ]; then set mac="$card"; fi
done
set tries=x
while [ "$tries" != xxxxxx ]; do
  if [ -n "$mac" ]; then configfile /grub/grub.cfg-01-$mac; fi
  echo "Hobnail: no answer from $root for $mac, again in 5 seconds"
  sleep 5
  set tries="x$tries"
done
exit
`;

/** In the image itself: nothing is fetched but configuration, kernel and initrd. */
const MODULES = [
  ...['memdisk', 'tar', 'normal', 'configfile', 'test', 'echo', 'sleep', 'true', 'minicmd', 'halt', 'reboot', 'eval'],
  ...['efinet', 'net', 'tftp', 'http', 'linux', 'boot', 'chain', 'gzio', 'regexp', 'all_video', 'efi_gop', 'serial'],
  ...['terminal', 'gfxterm', 'ls', 'cat'],
];

export interface GrubBuild {
  readonly format: GrubFormat;
  /** Package with the modules, `grub-efi-amd64-bin:amd64`. */
  readonly modules: string;
  readonly packages: PackageSource;
  /** Exists; for everything in between. */
  readonly work: string;
}

/**
 * @returns the image's file in the work directory
 * @throws AppError `fetch-failed` when a package cannot be had, `image-invalid` when the tool fails, with its words
 */
export async function buildGrub({ format, modules, packages, work }: GrubBuild): Promise<string> {
  const directory = await findDirectory(packages, work, modules, `usr/lib/grub/${format}`, 'net.mod');
  const tools = await findDirectory(packages, work, 'grub-common', 'usr/bin', 'grub-mkimage');
  const memdisk = join(work, 'memdisk.tar');
  const archive = pack();
  archive.entry({ name: 'boot/grub/grub.cfg', mtime: new Date(0) }, SCRIPT);
  archive.finalize();
  await writeFile(memdisk, await buffer(archive));
  const image = join(work, `grub-${format}.efi`);
  const args = ['-O', format, '-d', directory, '-o', image, '-m', memdisk, '-p', '(memdisk)/boot/grub', ...MODULES];
  await new Promise<void>((resolve, reject) => {
    execFile(join(tools, 'grub-mkimage'), args, { timeout: 60_000 }, (error, _stdout, stderr) => {
      if (!error) return resolve();
      reject(
        new AppError('image-invalid', `grub-mkimage failed: ${stderr.trim() || messageOf(error)}`, { cause: error }),
      );
    });
  });
  return image;
}

/** A directory of an installed package, else of the package fetched and unpacked. */
async function findDirectory(
  packages: PackageSource,
  work: string,
  name: string,
  path: string,
  file: string,
): Promise<string> {
  const installed = await packages.findInstalled(`${path}/${file}`);
  if (installed !== undefined) return installed.slice(0, -file.length - 1);
  const place = join(work, 'packages');
  await mkdir(place, { recursive: true });
  const fetched = (await packages.fetch([name], place)).get(name);
  if (fetched?.kind !== 'unpacked')
    throw new AppError('fetch-failed', `package ${name}: ${fetched?.reason ?? 'it was not fetched'}`);
  const directory = join(fetched.directory, path);
  await access(join(directory, file)).catch((cause: unknown) => {
    throw new AppError('image-invalid', `package ${name} has no ${path}/${file}`, { cause });
  });
  return directory;
}
