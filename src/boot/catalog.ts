/** The frozen snapshot every decision is made from, and the checks that need to see all of it. */
import { type Cidr, cidrContains, formatCidr, type Ipv4, rangeContains } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';
import type { FileRoute, Host, Network, Profile, RewriteRule } from './host.ts';
import { type CompiledRewrite, compileRewrite } from './rewrite.ts';
import { type CompiledRoute, compileRoute } from './route.ts';

/** What the catalog is made from. */
export interface CatalogParts {
  readonly hosts: readonly Host[];
  readonly profiles: readonly Profile[];
  readonly networks: readonly Network[];
  /** The general file-route table. */
  readonly routes: readonly FileRoute[];
  /** Tried on every path before the routes; default: none. */
  readonly rewrites?: readonly RewriteRule[];
  /** Whether images are found in any case; default: no. */
  readonly ignoreCase?: boolean;
  /** Loader files under `boot-images/` that are there. */
  readonly installed: ReadonlySet<string>;
}

export interface Catalog {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly networks: ReadonlyMap<string, Network>;
  readonly installed: ReadonlySet<string>;
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
  readonly object: { readonly kind: 'host' | 'profile' | 'network' | 'routes'; readonly name: string };
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly advice: string;
}

/** Builds the snapshot and reports every problem at once; a catalog with problems must not be put to use. */
export function buildCatalog(parts: CatalogParts): { readonly catalog: Catalog; readonly problems: CatalogProblem[] } {
  const problems: CatalogProblem[] = [];
  const profiles = new Map(parts.profiles.map((profile) => [profile.name, profile]));
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

  for (const host of parts.hosts) {
    host.macs.forEach((mac, index) => {
      claim(hostByMac, mac, host, ['macs', index]);
    });
    claim(hostByUuid, host.uuid, host, ['uuid']);
    claim(hostBySerial, host.serial, host, ['serial']);
    claim(hostByAddress, host.address, host, ['address']);
    if (host.profile !== undefined && !profiles.has(host.profile)) {
      problems.push({
        object: { kind: 'host', name: host.name },
        path: ['profile'],
        message: `there is no profile "${host.profile}"`,
        advice: knownNames('profile', profiles.keys()),
      });
    }
  }
  for (const profile of parts.profiles) problems.push(...checkProfile(profile));
  for (const network of parts.networks) problems.push(...checkNetwork(network, profiles));

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

  const catalog: Catalog = Object.freeze({
    hosts: new Map(parts.hosts.map((host) => [host.name, host])),
    profiles,
    networks: new Map(parts.networks.map((network) => [network.name, network])),
    installed: parts.installed,
    hostByMac,
    hostByUuid,
    hostBySerial,
    routes: compile(parts.routes, { kind: 'routes', name: 'routes' }, 'routes'),
    rewrites: compileRewrites(parts.rewrites ?? [], problems),
    ignoreCase: parts.ignoreCase ?? false,
    profileRoutes: new Map(
      parts.profiles.map((profile) => [
        profile.name,
        compile(profile.files, { kind: 'profile', name: profile.name }, 'files'),
      ]),
    ),
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
  'Use each :name once, "**/" only first and "*name" only last, and in "image" only names of "path".';

/** Kinds that hand a machine over need something to hand it to. */
function checkProfile(profile: Profile): CatalogProblem[] {
  const needed = { install: 'kernel', live: 'kernel', rescue: 'kernel', chain: 'chain' } as const;
  const field = Object.entries(needed).find(([kind]) => kind === profile.kind)?.[1];
  if (field === undefined || profile[field] !== undefined) return [];
  const advice =
    field === 'kernel'
      ? 'Add "kernel: <path under boot-images/>", or use "kind: device" for a profile that only serves files.'
      : 'Add "chain: <path or URL of the script or loader>".';
  return [
    {
      object: { kind: 'profile', name: profile.name },
      path: ['kind'],
      message: `"${profile.kind}" needs "${field}"`,
      advice,
    },
  ];
}

function checkNetwork(network: Network, profiles: ReadonlyMap<string, Profile>): CatalogProblem[] {
  const problems: CatalogProblem[] = [];
  const report = (path: (string | number)[], message: string, advice: string) =>
    problems.push({ object: { kind: 'network', name: network.name }, path, message, advice });

  if (!['ignore', 'local', 'menu'].includes(network.unknown)) {
    const profile = profiles.get(network.unknown);
    if (!profile) {
      report(['unknown'], `"${network.unknown}" is no policy and no profile`, 'Use ignore, local, menu or a profile.');
    } else if (profile.destructive) {
      report(
        ['unknown'],
        `profile "${profile.name}" is destructive, and unknown machines are never wiped`,
        'Choose a profile that writes to no disk.',
      );
    }
  }
  if (network.mode === 'proxy' && network.pools.length > 0) {
    report(['pools'], 'a proxy gives no addresses', 'Remove the pools, or set "mode: server".');
  }
  const subnet = network.subnet;
  if (subnet) {
    for (const [index, pool] of network.pools.entries()) checkPool(subnet, network, pool, index, report);
  }
  return problems;
}

function checkPool(
  subnet: Cidr,
  network: Network,
  pool: Network['pools'][number],
  index: number,
  report: (path: (string | number)[], message: string, advice: string) => void,
): void {
  if (!cidrContains(subnet, pool.first) || !cidrContains(subnet, pool.last)) {
    report(['pools', index], `the pool leaves ${formatCidr(subnet)}`, 'Keep both ends inside the subnet.');
  }
  for (const own of [network.router, network.serverAddress]) {
    if (own && rangeContains(pool, own)) {
      report(['pools', index], `the pool holds ${own}, which is in use`, 'Take that address out of the pool.');
    }
  }
}

function knownNames(kind: string, names: Iterable<string>): string {
  const list = [...names].sort();
  return list.length === 0 ? `There is no ${kind} yet.` : `Known: ${list.join(', ')}.`;
}
