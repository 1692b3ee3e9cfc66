/** Hobnail itself as a station of a lab LAN: its files written, `serve` started, ready when this resolves. */
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { LoaderName } from '../boot/fields.ts';
import type { Mac } from '../net/mac.ts';
import type { Daemon } from './command.ts';
import type { GuestSystem } from './kernel.ts';
import type { Lan, Station } from './lan.ts';

/** A machine of the inventory; it boots the guest system, or another one, with these arguments added. */
export interface LabHost {
  readonly name: string;
  readonly mac: Mac;
  readonly loader: LoaderName;
  readonly secureBoot?: boolean;
  /** Files under `boot-images/`; default: the guest's, with the arguments it needs. */
  readonly system?: { readonly kernel: string; readonly initrd?: string };
  /** Of its profile, as in YAML: what its BIOS firmware shows before any loader. */
  readonly pxeMenu?: object;
  readonly args: readonly string[];
}

export interface ApplianceOptions {
  /** In CIDR form. */
  readonly address: string;
  /** `server` gives addresses of `pool`; `proxy` only boot information. */
  readonly mode: 'server' | 'proxy';
  /** `10.77.0.100-10.77.0.199` */
  readonly pool: string;
  readonly hosts: readonly LabHost[];
  readonly guest: GuestSystem;
  /** For its files; exists and is empty. */
  readonly directory: string;
  /** Fills a directory with loaders, laid out as `boot-images/`. */
  readonly provideLoaders: (directory: string) => Promise<unknown>;
  readonly readyTimeoutMs?: number;
}

export interface Appliance {
  readonly station: Station;
  readonly daemon: Daemon;
  /** Its `profiles/`, `templates/` (a link to the shipped ones), `boot-images/` and `data/`. */
  readonly directory: string;
  /** Runs another command of the appliance on the same files: `host`, `explain` … */
  hobnail(...args: readonly string[]): Promise<string>;
}

/** The guest's kernel and initramfs under `boot-images/`. */
const KERNEL = 'guest/vmlinuz';
const INITRAMFS = 'guest/initramfs.img';

export async function startAppliance(lan: Lan, options: ApplianceOptions): Promise<Appliance> {
  const { directory, guest } = options;
  const settings = join(directory, 'hobnail.yaml');
  const images = join(directory, 'boot-images');
  await mkdir(join(images, 'guest'), { recursive: true });
  await symlink(join(ROOT, 'templates'), join(directory, 'templates'));
  await options.provideLoaders(images);
  // Hard links would cross file systems, symbolic ones would leave the confined root.
  await copyInto(images, { [KERNEL]: guest.kernelPath, [INITRAMFS]: guest.initramfsPath });
  await writeTree(directory, {
    'hobnail.yaml': { log: { format: 'json' } },
    'profiles/networks/lab.yaml': networkDocument(options),
    ...Object.fromEntries(options.hosts.flatMap((host) => hostFiles(host, guest))),
  });
  const station = await lan.attach('server', options.address);
  const command = [...PROGRAM, '--config', settings];
  const daemon = station.start(process.execPath, [...command, 'serve'], {
    logPath: join(directory, 'hobnail.log'),
    cwd: directory,
  });
  await daemon.waitForLog(/"msg":"Hobnail is up"/, options.readyTimeoutMs ?? 30_000);
  return {
    station,
    daemon,
    directory,
    hobnail: (...args) => station.run(process.execPath, [...command, ...args]),
  };
}

/** This program, from source or built. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = [join(ROOT, basenameOfBuild(), `cli${extname(import.meta.filename)}`)];

function basenameOfBuild(): string {
  return (
    dirname(dirname(import.meta.filename))
      .split('/')
      .at(-1) ?? 'dist'
  );
}

function networkDocument({ address, mode, pool }: ApplianceOptions): object {
  const [own = ''] = address.split('/');
  return {
    interface: 'lan0',
    subnet: address,
    mode,
    // Nobody else can be on a wire of the lab's own: it need not be listened to first.
    ...(mode === 'server' && { pools: [pool], router: own, dns: [own], shareWire: true }),
  };
}

/** A profile of its own for each machine: its command line must be told from the others'. */
function hostFiles(host: LabHost, guest: GuestSystem): [string, object][] {
  return [
    [
      `profiles/hosts/${host.name}.yaml`,
      {
        macs: [host.mac],
        profile: host.name,
        loader: host.loader,
        ...(host.secureBoot !== undefined && { secureBoot: host.secureBoot }),
      },
    ],
    [
      `profiles/${host.name}.yaml`,
      {
        kind: 'live',
        ...systemOf(host, guest),
        ...(host.pxeMenu !== undefined && { pxeMenu: host.pxeMenu }),
      },
    ],
  ];
}

function systemOf({ system, args }: LabHost, guest: GuestSystem): object {
  if (!system) return { kernel: KERNEL, initrd: [INITRAMFS], args: [...guest.args, ...args] };
  return { kernel: system.kernel, initrd: system.initrd === undefined ? [] : [system.initrd], args };
}

async function copyInto(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [to, from] of Object.entries(files)) await copyFile(from, join(root, to));
}

async function writeTree(root: string, files: Readonly<Record<string, object>>): Promise<void> {
  for (const [path, document] of Object.entries(files)) {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, stringify(document));
  }
}
