/** The distribution's kernel for lab machines: fetched by apt, unpacked without installing, kept in a cache. */
import { createHash } from 'node:crypto';
import { access, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { run } from './command.ts';
import { buildInitramfs, type KernelModule } from './guest.ts';

export interface GuestSystem {
  /** Name and version of the package the kernel is from. */
  readonly source: string;
  readonly kernelPath: string;
  readonly initramfsPath: string;
  /** Arguments every boot of it needs, to be quick and to be seen on the serial console. */
  readonly args: readonly string[];
}

/** Debian's kernel for virtual machines: its image is packed with LZ4, which emulated processors unpack four times faster than XZ. */
const META_PACKAGE = 'linux-image-cloud-amd64';

/** Drivers of card and disk; what they depend on is found in the modules themselves. */
const DRIVERS = ['virtio_pci', 'virtio_net', 'virtio_blk'] as const;

// On a busy machine an emulated timer can miss the moment in which the kernel checks it, and that is a panic.
const GUEST_ARGS = ['console=ttyS0', 'quiet', 'mitigations=off', 'nokaslr', 'no_timer_check', 'panic=-1'] as const;

/** Mirrors have bad minutes, and a boot is not worth losing to one. */
const RETRIES = ['-o', 'Acquire::Retries=5'] as const;

/** `$HOBNAIL_E2E_CACHE`, or `hobnail-e2e` in the directory for temporary files. */
function cacheDirectory(): string {
  return process.env.HOBNAIL_E2E_CACHE ?? join(tmpdir(), 'hobnail-e2e');
}

/**
 * Gives a kernel and an initramfs, from the cache when the package apt would install is there already. The first call
 * downloads some 27 MB. `init` is the script the guest runs; default: it reports how it was started. Throws CommandError when apt knows no such package or cannot fetch it.
 */
export async function prepareGuest(cache: string = cacheDirectory(), init?: string): Promise<GuestSystem> {
  await mkdir(cache, { recursive: true });
  const unpacked = await findOrFetch(cache).catch(async (error: unknown) => {
    // Without a network an older kernel boots as well.
    const older = (await readdir(cache)).filter((name) => name.startsWith('linux-image-')).sort();
    const last = older.at(-1);
    if (last === undefined) throw error;
    return join(cache, last);
  });
  const modules = await orderModules(join(unpacked, 'modules'));
  const image = await buildInitramfs(modules, init);
  const digest = createHash('sha256').update(image).digest('hex').slice(0, 12);
  const initramfsPath = join(unpacked, `initramfs-${digest}.img`);
  if (!(await exists(initramfsPath))) await writeWhole(initramfsPath, image);
  return { source: basename(unpacked), kernelPath: join(unpacked, 'vmlinuz'), initramfsPath, args: GUEST_ARGS };
}

async function findOrFetch(cache: string): Promise<string> {
  const wanted = await findPackage().catch(() => refreshLists().then(findPackage));
  const directory = join(cache, `${wanted.name}_${wanted.version}_${DRIVERS.length}`);
  if (await exists(join(directory, 'vmlinuz'))) return directory;
  const work = await mkdtemp(join(cache, 'fetch-'));
  try {
    // Lists older than the last security update name files which are gone from the mirror.
    const deb = await download(wanted, work).catch(async () => {
      await refreshLists();
      return download(await findPackage(), work);
    });
    const ready = await unpack(deb, work);
    await rename(ready, directory).catch(async (error: unknown) => {
      // Another run was faster.
      if (!(await exists(join(directory, 'vmlinuz')))) throw error;
    });
    return directory;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface KernelPackage {
  readonly name: string;
  readonly version: string;
}

async function findPackage(): Promise<KernelPackage> {
  const shown = await run('apt-cache', ['show', '--no-all-versions', META_PACKAGE]);
  const [, name, version] = /^Depends: (linux-image-[^ ]+) \(= ([^)]+)\)/m.exec(shown) ?? [];
  if (!name || !version) throw new Error(`apt does not say which kernel ${META_PACKAGE} stands for`);
  return { name, version };
}

async function refreshLists(): Promise<void> {
  await run('apt-get', [...RETRIES, '-q', 'update'], { timeoutMs: 180_000 });
}

async function download(wanted: KernelPackage, directory: string): Promise<string> {
  // apt's own user cannot write here; the signature is checked all the same.
  const args = [...RETRIES, '-q', '-o', 'APT::Sandbox::User=root', 'download', `${wanted.name}=${wanted.version}`];
  await run('apt-get', args, { cwd: directory, timeoutMs: 300_000 });
  const deb = (await readdir(directory)).find((name) => name.endsWith('.deb'));
  if (!deb) throw new Error(`apt-get download ${wanted.name} left no package in ${directory}`);
  return join(directory, deb);
}

async function unpack(deb: string, work: string): Promise<string> {
  const tree = join(work, 'tree');
  const ready = join(work, 'ready');
  await run('dpkg-deb', ['-x', deb, tree], { timeoutMs: 120_000 });
  await mkdir(join(ready, 'modules'), { recursive: true });
  const boot = await readdir(join(tree, 'boot'));
  const kernel = boot.find((name) => name.startsWith('vmlinuz-'));
  if (!kernel) throw new Error(`${basename(deb)} holds no boot/vmlinuz-*`);
  await cp(join(tree, 'boot', kernel), join(ready, 'vmlinuz'));
  await copyModules(join(tree, 'lib', 'modules'), join(ready, 'modules'));
  return ready;
}

async function copyModules(tree: string, target: string): Promise<void> {
  const files = await readdir(tree, { recursive: true });
  const byName = new Map(files.filter((path) => path.endsWith('.ko')).map((path) => [moduleName(path), path]));
  const pending: string[] = [...DRIVERS];
  const seen = new Set<string>();
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    const path = byName.get(name);
    if (seen.has(name) || !path) continue;
    seen.add(name);
    await cp(join(tree, path), join(target, `${name}.ko`));
    pending.push(...dependenciesOf(await readFile(join(tree, path))));
  }
}

/** Reads the modules of a directory, each after those it depends on. */
async function orderModules(directory: string): Promise<KernelModule[]> {
  const loaded = new Map<string, Uint8Array>();
  for (const file of await readdir(directory)) loaded.set(moduleName(file), await readFile(join(directory, file)));
  const ordered = new Map<string, KernelModule>();
  const visit = (name: string): void => {
    const data = loaded.get(name);
    if (!data || ordered.has(name)) return;
    for (const dependency of dependenciesOf(data)) visit(dependency);
    ordered.set(name, { name: `${name}.ko`, data });
  };
  for (const name of DRIVERS) visit(name);
  return [...ordered.values()];
}

/** The `depends=` entry of a module's `.modinfo` section: names with underscores. */
export function dependenciesOf(module: Uint8Array): string[] {
  const bytes = Buffer.from(module.buffer, module.byteOffset, module.byteLength);
  const start = bytes.indexOf('\0depends=');
  if (start < 0) return [];
  const text = bytes.toString('latin1', start + '\0depends='.length, bytes.indexOf(0, start + 1));
  return text === '' ? [] : text.split(',').map((name) => name.replaceAll('-', '_'));
}

function moduleName(path: string): string {
  return basename(path, '.ko').replaceAll('-', '_');
}

async function writeWhole(path: string, data: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, data);
  await rename(temporary, path);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
