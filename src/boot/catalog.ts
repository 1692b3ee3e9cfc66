/** The frozen snapshot every decision is made from, and the checks that need to see all of it. */
import type { Ipv4 } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';
import { checkParts } from './catalog-checks.ts';
import { type DeploymentIndex, NO_DEPLOYMENTS } from './deployment.ts';
import { type MachineIndex, NO_MACHINES } from './facts.ts';
import { type Group, sortGroups } from './group.ts';
import type { Host } from './host.ts';
import type { Network } from './network.ts';
import type { PeImage } from './pe.ts';
import type { Defaults } from './precedence.ts';
import type { Profile } from './profile.ts';
import { type Quirk, sortQuirks } from './quirk.ts';
import { type CompiledRewrite, compileRewrite } from './rewrite.ts';
import { type CompiledRoute, compileRoute } from './route.ts';
import type { FileRoute, RewriteRule } from './routes-file.ts';
import { eachInSteps, runAtOnce, type Sliced } from './sliced.ts';

/** What the catalog is made from. */
export interface CatalogParts {
  readonly hosts: readonly Host[];
  readonly profiles: readonly Profile[];
  readonly networks: readonly Network[];
  /** Default: none. */
  readonly groups?: readonly Group[];
  /** Default: none. */
  readonly quirks?: readonly Quirk[];
  /** What the settings say for all machines. */
  readonly defaults?: Defaults | undefined;
  /** What is under way; default: nothing. */
  readonly deployments?: DeploymentIndex | undefined;
  /** What was seen; default: nothing. */
  readonly machines?: MachineIndex | undefined;
  /** The general file-route table. */
  readonly routes: readonly FileRoute[];
  /** Tried on every path before the routes; default: none. */
  readonly rewrites?: readonly RewriteRule[];
  /** Whether images are found in any case; default: no. */
  readonly ignoreCase?: boolean;
  /** Loader files under `boot-images/` that are there. */
  readonly installed: ReadonlySet<string>;
  /** What those that machines start say of themselves, by path; default: nothing is known. */
  readonly images?: ReadonlyMap<string, PeImage> | undefined;
}

export interface Catalog {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly networks: ReadonlyMap<string, Network>;
  /** The lowest priority first. */
  readonly groups: readonly Group[];
  /** The lowest priority first. */
  readonly quirks: readonly Quirk[];
  readonly defaults: Defaults;
  /** Live, unlike all else here: what is armed holds from one packet to the next. */
  readonly deployments: DeploymentIndex;
  /** Live as well. */
  readonly machines: MachineIndex;
  readonly installed: ReadonlySet<string>;
  /** Loaders and kernels, by path under `boot-images/`. */
  readonly images: ReadonlyMap<string, PeImage>;
  readonly hostByMac: ReadonlyMap<Mac, Host>;
  readonly hostByUuid: ReadonlyMap<string, Host>;
  readonly hostBySerial: ReadonlyMap<string, Host>;
  /** The general table, compiled. */
  readonly routes: readonly CompiledRoute[];
  readonly rewrites: readonly CompiledRewrite[];
  /** Whether images are found in any case. */
  readonly ignoreCase: boolean;
  /** Each profile's own rows, compiled. */
  readonly profileRoutes: ReadonlyMap<string, readonly CompiledRoute[]>;
}

/** A fault that only shows when all objects are seen together. `path` points into the object's document. */
export interface CatalogProblem {
  readonly object: { readonly kind: 'host' | 'group' | 'profile' | 'network' | 'routes'; readonly name: string };
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly advice: string;
}

export interface BuiltCatalog {
  readonly catalog: Catalog;
  readonly problems: CatalogProblem[];
}

/** Builds the snapshot and reports every problem at once; a catalog with problems must not be put to use. */
export function buildCatalog(parts: CatalogParts): BuiltCatalog {
  return runAtOnce(buildCatalogInSteps(parts));
}

/** The same with pauses. Nobody may change the parts meanwhile. */
export function* buildCatalogInSteps(parts: CatalogParts): Sliced<BuiltCatalog> {
  const profiles = new Map(parts.profiles.map((profile) => [profile.name, profile]));
  const problems = yield* checkParts(parts, profiles);
  const hosts = new Map<string, Host>();
  const hostByMac = new Map<Mac, Host>();
  const hostByUuid = new Map<string, Host>();
  const hostBySerial = new Map<string, Host>();
  const hostByAddress = new Map<Ipv4, Host>();

  const claim = <K extends string>(index: Map<K, Host>, key: K | undefined, host: Host, path: (string | number)[]) => {
    if (key === undefined) return;
    const other = index.get(key);
    if (other === undefined) index.set(key, host);
    else
      problems.push({
        object: { kind: 'host', name: host.name },
        path,
        message: other === host ? `${key} is listed twice` : `${key} belongs to host "${other.name}" already`,
        advice: 'One machine, one host: remove it from one of them.',
      });
  };

  yield* eachInSteps(parts.hosts, (host) => {
    hosts.set(host.name, host);
    host.macs.forEach((mac, index) => {
      claim(hostByMac, mac, host, ['macs', index]);
    });
    claim(hostByUuid, host.uuid, host, ['uuid']);
    claim(hostBySerial, host.serial, host, ['serial']);
    claim(hostByAddress, host.address, host, ['address']);
  });

  const compile = (routes: readonly FileRoute[], object: CatalogProblem['object'], field: string): CompiledRoute[] =>
    routes.flatMap((route, index) => {
      try {
        return [compileRoute(route)];
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        problems.push({ object, path: [field, index, 'path'], message, advice: CAPTURE_ADVICE });
        return [];
      }
    });

  const routes = compile(parts.routes, { kind: 'routes', name: 'routes' }, 'routes');
  const rewrites = compileRewrites(parts.rewrites ?? [], problems);
  const profileRoutes = new Map<string, readonly CompiledRoute[]>();
  yield* eachInSteps(parts.profiles, ({ name, files }) => {
    profileRoutes.set(name, compile(files, { kind: 'profile', name }, 'files'));
  });

  const catalog: Catalog = Object.freeze({
    hosts,
    profiles,
    networks: new Map(parts.networks.map((network) => [network.name, network])),
    groups: sortGroups(parts.groups ?? []),
    quirks: sortQuirks(parts.quirks ?? []),
    defaults: parts.defaults ?? {},
    deployments: parts.deployments ?? NO_DEPLOYMENTS,
    machines: parts.machines ?? NO_MACHINES,
    installed: parts.installed,
    images: parts.images ?? new Map(),
    hostByMac,
    hostByUuid,
    hostBySerial,
    routes,
    rewrites,
    ignoreCase: parts.ignoreCase ?? false,
    profileRoutes,
  });
  return { catalog, problems };
}

function compileRewrites(rules: readonly RewriteRule[], problems: CatalogProblem[]): CompiledRewrite[] {
  return rules.flatMap((rule, index) => {
    let field: 'match' | 'replace' = 'match';
    try {
      return [
        compileRewrite(rule, (reading) => {
          field = reading;
        }),
      ];
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const object = { kind: 'routes', name: 'routes' } as const;
      problems.push({ object, path: ['rewrites', index, field], message, advice: REWRITE_ADVICE });
      return [];
    }
  });
}

const REWRITE_ADVICE = 'See "Rewrites" in docs/templates.md, and try it with: hobnail route PATH.';

/** Facts that can name a host. The first that does wins: MAC, then UUID, then serial. */
export interface HostClues {
  readonly mac?: Mac | undefined;
  readonly uuid?: string | undefined;
  readonly serial?: string | undefined;
}

export function findHost(catalog: Catalog, clues: HostClues): { host: Host; by: keyof HostClues } | undefined {
  const byMac = clues.mac && catalog.hostByMac.get(clues.mac);
  if (byMac) return { host: byMac, by: 'mac' };
  const byUuid = clues.uuid && catalog.hostByUuid.get(clues.uuid);
  if (byUuid) return { host: byUuid, by: 'uuid' };
  const bySerial = clues.serial && catalog.hostBySerial.get(clues.serial);
  return bySerial ? { host: bySerial, by: 'serial' } : undefined;
}

const CAPTURE_ADVICE =
  'Use each :name once, "**/" only first and "*name" only last, and in "image" and "upload" only names of "path".';
