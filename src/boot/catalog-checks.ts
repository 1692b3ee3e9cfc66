/** What can only be seen wrong when all objects are seen together, object by object. */
import { type Cidr, cidrContains, formatCidr, rangeContains } from '../net/ipv4.ts';
import { adviseName } from '../net/nearest.ts';
import type { CatalogParts, CatalogProblem } from './catalog.ts';
import { ARCHITECTURES } from './client.ts';
import type { Group } from './group.ts';
import { checkGroups } from './group-overlap.ts';
import type { Host } from './host.ts';
import { givesAddresses, type Network, UNKNOWN_POLICIES } from './network.ts';
import type { Profile } from './profile.ts';
import { findShadowed } from './route-cover.ts';
import type { FileRoute } from './routes-file.ts';
import { flatMapInSteps, type Sliced } from './sliced.ts';

/** Every problem of the parts but double claims, which the catalog finds while it makes its indexes. */
export function* checkParts(parts: CatalogParts, profiles: ReadonlyMap<string, Profile>): Sliced<CatalogProblem[]> {
  return [
    ...(yield* flatMapInSteps(parts.hosts, (host) => checkHost(host, profiles, parts.networks))),
    ...(yield* flatMapInSteps(parts.profiles, checkProfile)),
    ...(yield* flatMapInSteps(parts.networks, (network) => checkNetwork(network, profiles))),
    ...checkOverlaps(parts.networks),
    ...(yield* flatMapInSteps(parts.groups ?? [], (group) => checkGroup(group, profiles, parts.networks))),
    ...checkGroups(parts.groups ?? []),
    ...checkShadows(parts.routes, { kind: 'routes', name: 'routes' }, 'routes'),
    ...(yield* flatMapInSteps(parts.profiles, ({ name, files }) =>
      checkShadows(files, { kind: 'profile', name }, 'files'),
    )),
  ];
}

function checkHost(host: Host, profiles: ReadonlyMap<string, Profile>, networks: readonly Network[]): CatalogProblem[] {
  const problems: CatalogProblem[] = [];
  const object = { kind: 'host', name: host.name } as const;
  if (host.profile !== undefined && !profiles.has(host.profile)) {
    const message = `there is no profile "${host.profile}"`;
    problems.push({ object, path: ['profile'], message, advice: knownNames('profile', profiles.keys()) });
  }
  const owner = networks.find(
    ({ router, serverAddress }) => host.address !== undefined && [router, serverAddress].includes(host.address),
  );
  if (owner) {
    problems.push({
      object,
      path: ['address'],
      message: `${host.address} is the router or server of network "${owner.name}"`,
      advice: 'Reserve an address that nobody has.',
    });
  }
  return problems;
}

function checkGroup(
  { name, profile, select }: Group,
  profiles: ReadonlyMap<string, Profile>,
  networks: readonly Network[],
): CatalogProblem[] {
  const problems: CatalogProblem[] = [];
  const report = (path: (string | number)[], message: string, advice: string) =>
    problems.push({ object: { kind: 'group', name }, path, message, advice });
  if (profile !== undefined && !profiles.has(profile)) {
    report(['profile'], `there is no profile "${profile}"`, knownNames('profile', profiles.keys()));
  }
  for (const [index, network] of (select.networks ?? []).entries()) {
    // Without any network file networks are named after interfaces, which nobody knows here.
    if (networks.length === 0 || networks.some((one) => one.name === network)) continue;
    const known = networks.map((one) => one.name);
    report(['select', 'networks', index], `there is no network "${network}"`, knownNames('network', known));
  }
  const targets = [...new Set(ARCHITECTURES.flatMap(({ target }) => target ?? []))];
  for (const [index, arch] of (select.archs ?? []).entries()) {
    if (typeof arch === 'number' || targets.some((target) => target === arch)) continue;
    report(['select', 'archs', index], `"${arch}" is no architecture`, adviseName(arch, targets));
  }
  return problems;
}

function checkShadows(routes: readonly FileRoute[], object: CatalogProblem['object'], field: string): CatalogProblem[] {
  return findShadowed(routes).map(({ index, by }) => ({
    object,
    path: [field, index, 'path'],
    message: `no path reaches this row: "${routes[by]?.path}" above takes all of them`,
    advice: 'Move it above that row, or remove it.',
  }));
}

/** Two servers of one subnet would give its addresses twice. */
function checkOverlaps(networks: readonly Network[]): CatalogProblem[] {
  const servers = networks.filter(({ mode }) => givesAddresses(mode));
  return servers.flatMap((network, index) => {
    const other = servers.slice(0, index).find((earlier) => overlap(network.subnet, earlier.subnet));
    if (!other || !network.subnet) return [];
    return [
      {
        object: { kind: 'network', name: network.name },
        path: ['subnet'],
        message: `${formatCidr(network.subnet)} overlaps with network "${other.name}"`,
        advice: 'One subnet, one network: change the subnet, or use several pools in one network.',
      },
    ];
  });
}

function overlap(one: Cidr | undefined, other: Cidr | undefined): boolean {
  return (
    one !== undefined && other !== undefined && (cidrContains(one, other.network) || cidrContains(other, one.network))
  );
}

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

  if (!(UNKNOWN_POLICIES as readonly string[]).includes(network.unknown)) {
    const profile = profiles.get(network.unknown);
    if (!profile) {
      report(
        ['unknown'],
        `"${network.unknown}" is no policy and no profile`,
        `Use ${UNKNOWN_POLICIES.join(', ')} or a profile.`,
      );
    } else if (profile.destructive) {
      report(
        ['unknown'],
        `profile "${profile.name}" is destructive, and unknown machines are never wiped`,
        'Choose a profile that writes to no disk.',
      );
    }
  }
  if (network.mode !== 'server' && network.mode !== 'off' && network.pools.length > 0) {
    const gives = network.mode === 'responder' ? 'gives the addresses of its hosts only' : 'gives no addresses';
    report(['pools'], `a network in mode ${network.mode} ${gives}`, 'Remove the pools, or set "mode: server".');
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
