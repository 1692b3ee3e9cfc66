/**
 * The installer fetches most of itself from the mirror. Some mirrors have the packages but not these components; then the
 * steps of the missing ones are done by scripts of the test, in an initrd behind the installer's own.
 */
import { chmod, cp, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { run } from '../../src/lab/command.ts';
import { type CpioEntry, encodeCpio } from '../../src/lab/cpio.ts';
import { type Archive, openList, type Package, readAptProxy, unpackPackages } from './apt.ts';

/** Without these nothing is installed; a mirror that has them has the others. */
const NEEDED = ['partman-target', 'user-setup-udeb', 'apt-setup-udeb', 'grub-installer', 'finish-install'];

/** Packages with the programs that the steps below need, and the directories the installer finds them in. */
const PROGRAMS = [
  'debootstrap',
  'user-setup',
  'e2fsprogs',
  'libext2fs2',
  'libcom-err2',
  'fdisk',
  'libfdisk1',
  'libsmartcols1',
];

/** What is fetched all the same: the steps that the stand-ins prepare, and the modules of one disk with one file system. */
const FETCHED = /^(?:base-installer|bootstrap-base|pkgsel|(?:ext4|scsi)-modules-.*)$/;

/** The menu of the installer: what runs in which order, and after what. */
const STAND_INS: readonly Record<string, string>[] = [
  { Package: 'user-setup-udeb', Status: 'unpacked', 'Installer-Menu-Item': '2400' },
  {
    Package: 'partman-base',
    Status: 'unpacked',
    Provides: 'created-fstab, made-filesystems, mounted-partitions, partitioned-harddrives',
    'Installer-Menu-Item': '4200',
  },
  {
    Package: 'grub-installer',
    Status: 'unpacked',
    Depends: 'kernel-installer, created-fstab',
    Provides: 'bootable-system',
    'Installer-Menu-Item': '7400',
  },
  {
    Package: 'finish-install',
    Status: 'unpacked',
    Depends: 'installed-base, created-fstab, bootable-system',
    'Installer-Menu-Item': '7800',
  },
];

export interface StandIns {
  /** Components that the mirror lists and does not have. */
  readonly missing: readonly string[];
  /** To be loaded behind the installer's; absent when it gets all its components from the mirror. */
  readonly initrd?: Buffer;
}

/** @param initrdPath the installer's own, gzipped @param directory for files on the way */
export async function prepareComponents(archive: Archive, initrdPath: string, directory: string): Promise<StandIns> {
  const components = await openList(archive, 'main/debian-installer', join(directory, 'list'));
  const missing = await lacking(archive, components);
  if (missing.length === 0) return { missing };
  const root = join(directory, 'root');
  await unpackPackages(PROGRAMS, join(directory, 'programs'));
  await arrange(join(directory, 'programs'), root);
  const status = await readStatus(initrdPath, directory);
  await mkdir(join(root, 'var/lib/dpkg/info'), { recursive: true });
  const records = [...STAND_INS, ...withheld(components, status)].map(record);
  await writeFile(join(root, 'var/lib/dpkg/status'), `${status.trimEnd()}\n\n${records.join('\n')}`);
  return { missing, initrd: gzipSync(encodeCpio(await readTree(root))) };
}

async function lacking({ uri }: Archive, components: readonly Package[]): Promise<string[]> {
  const asked = components.filter((component) => NEEDED.includes(component.get('Package') ?? ''));
  const known = await Promise.all(
    asked.map(async (component) => {
      const proxy = Object.entries(await readAptProxy()).map(([name, value]) => `${name}=${value}`);
      const address = new URL(component.get('Filename') ?? '', uri).href;
      const command = ['curl', '-sS', '-o', '/dev/null', '-I', '-m', '30', '-w', '%{http_code}', address];
      return (await run('env', [...proxy, ...command])) === '200';
    }),
  );
  return asked.filter((_, index) => !known[index]).map((component) => component.get('Package') ?? '');
}

/** Packages → the places where the installer looks. */
async function arrange(from: string, to: string): Promise<void> {
  const copies: readonly (readonly [string, string])[] = [
    ['usr/sbin/debootstrap', 'usr/sbin/debootstrap'],
    ['usr/share/debootstrap', 'usr/share/debootstrap'],
    ['usr/lib/user-setup/functions.sh', 'usr/lib/user-setup/functions.sh'],
    ['usr/lib/user-setup/reserved-usernames', 'usr/lib/user-setup/reserved-usernames'],
    ['usr/lib/user-setup/user-setup-ask', 'bin/user-setup-ask'],
    ['usr/lib/user-setup/user-setup-apply', 'bin/user-setup-apply'],
    ['.control/user-setup/templates', 'var/lib/dpkg/info/user-setup-udeb.templates'],
    ['sbin/mke2fs', 'sbin/mke2fs'],
    ['etc/mke2fs.conf', 'etc/mke2fs.conf'],
    ['sbin/sfdisk', 'sbin/sfdisk'],
    ['lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'],
  ];
  for (const [source, target] of copies)
    await cp(join(from, source), join(to, target), { recursive: true, verbatimSymlinks: true });
  const libraries = 'usr/lib/x86_64-linux-gnu';
  for (const name of await readdir(join(from, libraries)))
    if (name.includes('.so.'))
      await cp(join(from, libraries, name), join(to, libraries, name), { verbatimSymlinks: true });

  const own = (name: string) => join(import.meta.dirname, 'stand-ins', `${name}.sh`);
  const scripts = [
    ...STAND_INS.filter(({ Status }) => Status === 'unpacked').map(({ Package: name = '' }) => [
      own(name),
      `var/lib/dpkg/info/${name}.postinst`,
    ]),
    [own('mapdevfs'), 'bin/mapdevfs'],
    [own('06user-setup'), 'usr/lib/finish-install.d/06user-setup'],
  ] as const;
  for (const [source = '', target = ''] of scripts) {
    await cp(source, join(to, target));
    await chmod(join(to, target), 0o755);
  }
}

/** Everything else counts as there, so that the installer does not ask the mirror for it. */
function withheld(components: readonly Package[], status: string): readonly Record<string, string>[] {
  const known = [...status.matchAll(/^Package: (.*)$/gm)].map(([, name = '']) => name);
  const taken = new Set([...known, ...STAND_INS.map(({ Package: name }) => name)]);
  return components
    .map((component) => component.get('Package') ?? '')
    .filter((name) => !taken.has(name) && !FETCHED.test(name))
    .map((name) => ({ Package: name, Status: 'installed' }));
}

function record({ Package: name = '', Status: status, ...rest }: Record<string, string>): string {
  // An epoch: versions of the mirror's components have some, and the newer one would be fetched. The menu tells its items
  // apart by what it shows.
  const fields = { Version: '999:1', Description: `${name}, done by a test`, ...rest };
  const lines = Object.entries(fields).map(([key, value]) => `${key}: ${value}\n`);
  return `Package: ${name}\nStatus: install ok ${status}\n${lines.join('')}`;
}

/** The installer's own list of what is in its initrd. */
async function readStatus(initrdPath: string, directory: string): Promise<string> {
  const place = join(directory, 'initrd');
  await mkdir(place, { recursive: true });
  await run('sh', ['-c', 'gzip -dc "$1" | (cd "$2" && cpio -id --quiet var/lib/dpkg/status)', 'sh', initrdPath, place]);
  return readFile(join(place, 'var/lib/dpkg/status'), 'utf8');
}

async function readTree(root: string, below = ''): Promise<CpioEntry[]> {
  const entries: CpioEntry[] = [];
  for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
    const path = join(below, entry.name);
    if (entry.isDirectory()) {
      entries.push({ kind: 'directory', path }, ...(await readTree(root, path)));
    } else if (entry.isSymbolicLink()) {
      entries.push({ kind: 'link', path, target: await readlink(join(root, path)) });
    } else {
      const runs = /(?:^|\/)(?:s?bin|info|finish-install\.d|debootstrap)(?:\/|$)/.test(path);
      entries.push({ kind: 'file', path, mode: runs ? 0o755 : 0o644, data: await readFile(join(root, path)) });
    }
  }
  return entries;
}
