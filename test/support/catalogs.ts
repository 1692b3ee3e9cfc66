/** Catalogs from short descriptions, read by the same schemas as files. */
import { buildCatalog, type Catalog, type CatalogProblem } from '../../src/boot/catalog.ts';
import {
  type FileRoute,
  type Host,
  hostSchema,
  isDestructive,
  type Network,
  networkSchema,
  type Profile,
  profileSchema,
  type RewriteRule,
} from '../../src/boot/host.ts';

type Documents = Readonly<Record<string, object>>;

export interface CatalogSketch {
  readonly hosts?: Documents;
  readonly profiles?: Documents;
  readonly networks?: Documents;
  readonly routes?: readonly FileRoute[];
  readonly rewrites?: readonly RewriteRule[];
  readonly ignoreCase?: boolean;
  readonly installed?: readonly string[];
}

export function hostOf(name: string, document: object): Host {
  return { ...hostSchema.parse(document), name };
}

export function profileOf(name: string, document: object): Profile {
  const profile = profileSchema.parse(document);
  return { ...profile, name, destructive: isDestructive(profile) };
}

export function networkOf(name: string, document: object): Network {
  return { ...networkSchema.parse(document), name };
}

export function buildSketch(sketch: CatalogSketch): { catalog: Catalog; problems: CatalogProblem[] } {
  const all = <T>(documents: Documents | undefined, make: (name: string, document: object) => T) =>
    Object.entries(documents ?? {}).map(([name, document]) => make(name, document));
  return buildCatalog({
    hosts: all(sketch.hosts, hostOf),
    profiles: all(sketch.profiles, profileOf),
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
