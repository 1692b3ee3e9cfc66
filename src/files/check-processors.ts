/** Kernels against the machines they are meant for: a program for another processor never starts, and few loaders say why. */
import type { Catalog } from '../boot/catalog.ts';
import { ARCHITECTURES, type Architecture, type Cpu, chooseArchitecture, findArchitecture } from '../boot/client.ts';
import { groupsFor, settleProfile } from '../boot/precedence.ts';
import { resolve } from '../boot/resolve.ts';
import type { Problem } from '../errors.ts';
import type { Inventory } from './inventory.ts';
import type { Binary } from './lint/binary.ts';

/**
 * Programs a processor may run, where it is more than its own: firmware says less than the machine can do (BIOS is x86 on
 * every PC), and what is not certain to fail is not reported.
 */
const RUNS: Readonly<Partial<Record<Cpu, readonly Cpu[]>>> = {
  x86: ['x86', 'x64'],
  x64: ['x64', 'x86'],
  arm64: ['arm64', 'arm32'],
  riscv64: ['riscv64', 'riscv32'],
  loong64: ['loong64', 'loong32'],
};

const ADVICE = 'Choose a profile for this processor, or put the right kernel there.';

/**
 * Each host by the architecture its machine gave when it was last seen, and each group by those it selects.
 * @param look what a file of `boot-images/` is; undefined when it is not there
 */
export async function checkProcessors(
  catalog: Catalog,
  inventory: Pick<Inventory, 'place'>,
  look: (image: string) => Promise<Binary | undefined>,
): Promise<readonly Problem[]> {
  const kernels = await readKernels(catalog, look);
  if (kernels.size === 0) return [];
  const hosts = [...catalog.hosts.values()].flatMap((host): Problem[] => {
    for (const mac of host.macs) {
      const facts = catalog.machines.find(mac)?.facts;
      const architecture = facts?.archCodes && chooseArchitecture(facts.archCodes, mac);
      const wish = settleProfile(host, groupsFor(catalog.groups, { host, facts }));
      const kernel = kernels.get(wish?.value ?? '');
      if (!architecture || !wish || !kernel || runs(architecture, kernel)) continue;
      const kind = wish.origin.level === 'group' ? 'group' : 'host';
      const place = inventory.place(kind, wish.origin.name ?? host.name, ['profile']);
      const message = `host "${host.name}" was last seen as ${architecture.name}, which cannot run ${describe(kernel)}`;
      // What a machine says in DHCP proves nothing.
      return [{ severity: 'warning', ...place, message, advice: ADVICE }];
    }
    return [];
  });
  const groups = catalog.groups.flatMap(({ name, profile, select }) => {
    const kernel = kernels.get(profile ?? '');
    if (!kernel) return [];
    return (select.archs ?? []).flatMap((arch, index): Problem[] => {
      const architecture =
        typeof arch === 'number' ? findArchitecture(arch) : ARCHITECTURES.find(({ target }) => target === arch);
      if (!architecture || runs(architecture, kernel)) return [];
      const place = inventory.place('group', name, ['select', 'archs', index]);
      const message = `${architecture.name} cannot run ${describe(kernel)} of profile "${profile}"`;
      return [{ severity: 'error', ...place, message, advice: ADVICE }];
    });
  });
  return [...hosts, ...groups];
}

interface Kernel {
  readonly path: string;
  readonly program: Extract<Binary, { kind: 'program' }>;
}

/** By profile; those that are packed, elsewhere, or unknown to us are left out. */
async function readKernels(
  catalog: Catalog,
  look: (image: string) => Promise<Binary | undefined>,
): Promise<ReadonlyMap<string, Kernel>> {
  const kernels = new Map<string, Kernel>();
  for (const { name, kernel: path } of catalog.profiles.values()) {
    if (path === undefined || path.includes('://') || path.includes('{{')) continue;
    const resource = resolve(path, {}, catalog);
    const program = resource.kind === 'image' ? await look(resource.image) : undefined;
    if (program?.kind === 'program') kernels.set(name, { path, program });
  }
  return kernels;
}

function runs({ cpu }: Architecture, { program }: Kernel): boolean {
  return cpu === 'other' || program.cpus.some((one) => (RUNS[cpu] ?? [cpu]).includes(one));
}

function describe({ path, program }: Kernel): string {
  return `${path} (${program.format} for ${program.cpus.join(' or ')})`;
}
