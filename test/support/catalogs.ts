/** Catalogs from short descriptions, read by the same schemas as files. */
import { buildCatalog, type Catalog, type CatalogProblem } from '../../src/boot/catalog.ts';
import type { DeploymentIndex } from '../../src/boot/deployment.ts';
import { resolveProfiles } from '../../src/boot/extends.ts';
import type { MachineIndex } from '../../src/boot/facts.ts';
import { type Group, groupSchema } from '../../src/boot/group.ts';
import { type Host, hostSchema } from '../../src/boot/host.ts';
import { type Network, networkSchema } from '../../src/boot/network.ts';
import type { Defaults } from '../../src/boot/precedence.ts';
import { type Profile, profileSchema } from '../../src/boot/profile.ts';
import type { FileRoute, RewriteRule } from '../../src/boot/routes-file.ts';
import { runAtOnce } from '../../src/boot/sliced.ts';

type Documents = Readonly<Record<string, object>>;

export interface CatalogSketch {
  readonly hosts?: Documents;
  readonly profiles?: Documents;
  readonly networks?: Documents;
  readonly groups?: Documents;
  readonly defaults?: Defaults;
  readonly deployments?: DeploymentIndex;
  readonly machines?: MachineIndex;
  readonly routes?: readonly FileRoute[];
  readonly rewrites?: readonly RewriteRule[];
  readonly ignoreCase?: boolean;
  readonly installed?: readonly string[];
}

export function hostOf(name: string, document: object): Host {
  return { ...hostSchema.parse(document), name };
}

export function profileOf(name: string, document: object): Profile {
  const [profile] = profilesOf({ [name]: document });
  if (!profile) throw new Error(`profile ${name} cannot be resolved`);
  return profile;
}

/** Profiles that may extend each other. */
export function profilesOf(documents: Documents): Profile[] {
  const files = Object.entries(documents).map(([name, document]) => {
    return { name, document: profileSchema.parse(document), given: new Set(Object.keys(document)) };
  });
  const { profiles, problems } = runAtOnce(resolveProfiles(files));
  if (problems[0]) throw new Error(`the profiles have problems: ${JSON.stringify(problems)}`);
  return profiles.map((profile) => ({ ...profile, revision: JSON.stringify(documents[profile.name]) }));
}

export function groupOf(name: string, document: object): Group {
  return { ...groupSchema.parse(document), name };
}

export function networkOf(name: string, document: object): Network {
  return { ...networkSchema.parse(document), name };
}

export function buildSketch(sketch: CatalogSketch): { catalog: Catalog; problems: CatalogProblem[] } {
  const all = <T>(documents: Documents | undefined, make: (name: string, document: object) => T) =>
    Object.entries(documents ?? {}).map(([name, document]) => make(name, document));
  return buildCatalog({
    hosts: all(sketch.hosts, hostOf),
    profiles: profilesOf(sketch.profiles ?? {}),
    groups: all(sketch.groups, groupOf),
    defaults: sketch.defaults,
    deployments: sketch.deployments,
    machines: sketch.machines,
    networks: all(sketch.networks, networkOf),
    routes: sketch.routes ?? [],
    ...(sketch.rewrites && { rewrites: sketch.rewrites }),
    ...(sketch.ignoreCase && { ignoreCase: sketch.ignoreCase }),
    installed: new Set(sketch.installed ?? []),
  });
}

/** A catalog without problems. */
export function catalogOf(sketch: CatalogSketch): Catalog {
  const { catalog, problems } = buildSketch(sketch);
  if (problems[0]) throw new Error(`the sketch has problems: ${JSON.stringify(problems)}`);
  return catalog;
}
