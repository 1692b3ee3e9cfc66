/** The files a machine can ask for, as the routes have them: for whom, under which path, by which template. */
import type { Catalog } from '../boot/catalog.ts';
import type { ContextParts, ServerIdentity } from '../boot/context.ts';
import { type Assignment, assign } from '../boot/decide.ts';
import { DEPLOYMENT_DEFAULTS, type Deployment, draft } from '../boot/deployment.ts';
import type { Host } from '../boot/host.ts';
import { type Layer, settleProfile, withProfile } from '../boot/precedence.ts';
import type { Profile } from '../boot/profile.ts';
import { type Captures, compileRoute } from '../boot/route.ts';
import type { FileRoute } from '../boot/routes-file.ts';
import { messageOf } from '../errors.ts';
import { ipv4ToHex } from '../net/ipv4.ts';
import { formatMac, type Mac, parseMac } from '../net/mac.ts';

/** An address nobody has (RFC 5737), to render with. */
export const SERVER: ServerIdentity = {
  address: '192.0.2.1',
  httpBase: 'http://192.0.2.1:8080',
  tftpBase: 'tftp://192.0.2.1',
};
export const CLIENT_IP = '192.0.2.2';

/** A machine a file is tried for. */
export interface Subject {
  readonly host?: Host;
  readonly mac: Mac;
  readonly assignment: Exclude<Assignment, { kind: 'none' }>;
  /** What is written for it, the later wins. */
  readonly layers: readonly Layer[];
}

/** A file of a template, under the path this machine would ask for. */
export interface SubjectFile {
  readonly path: string;
  readonly template: string;
  readonly captures: Captures;
}

/** Rows of its profile, then the general ones; a path that an earlier row takes is left out. */
export function filesOf(catalog: Catalog, subject: Subject): readonly SubjectFile[] {
  const profile = subject.assignment.kind === 'profile' ? subject.assignment.profile : undefined;
  const routes = [...(profile?.files ?? []), ...catalog.routes.map((row) => row.route)];
  const seen = new Set<string>();
  return routes.flatMap((route) => {
    const path = route.template === undefined ? undefined : pathFor(route, subject);
    const captures = path === undefined ? undefined : compileRoute(route).match(path);
    if (path === undefined || !captures || route.template === undefined || seen.has(path)) return [];
    seen.add(path);
    return [{ path, template: route.template, captures }];
  });
}

/** What rendering is given, at a server nobody has. */
export function partsFor(catalog: Catalog, subject: Subject, captures: Captures): ContextParts {
  return { ...subject, catalog, server: SERVER, clientIp: CLIENT_IP, captures };
}

/** Every host as it boots now and, when its profile still waits to be armed, as it would then; and one stranger. */
export function* subjectsOf(catalog: Catalog, hostsEach: number): Generator<Subject> {
  const stranger = parseMac('02-00-00-00-00-01');
  for (const host of [...sample(catalog, hostsEach), undefined]) {
    const mac = host ? host.macs[0] : stranger;
    if (!mac) continue;
    yield* subjectsFor(catalog, host, mac);
  }
}

/** It as it boots now and, when its profile still waits to be armed, as it would then. */
function* subjectsFor(catalog: Catalog, host: Host | undefined, mac: Mac): Generator<Subject> {
  const { assignment, groups, layers } = assign(catalog, { host, mac });
  if (assignment.kind !== 'none') yield { ...(host && { host }), mac, assignment, layers };
  const profile = catalog.profiles.get((host && settleProfile(host, groups)?.value) ?? '');
  if (host && profile && (assignment.kind !== 'profile' || assignment.profile !== profile)) {
    yield { host, mac, assignment: armed(host, profile), layers: withProfile(layers, profile) };
  }
}

/** A path a host would ask for. */
export interface HostPath {
  readonly path: string;
  readonly kind: 'template' | 'image';
  /** The template under `templates/`, or the file under `boot-images/`. */
  readonly from: string;
  /** `later`: only once its profile is served: when it is armed, or its policy lets it. */
  readonly when: 'now' | 'later';
  /** Only rows of its profile may lead there: under `later` nothing can be asked about it yet. */
  readonly ofProfile: boolean;
}

/** A path with what the host gets under it now. */
export interface ShownPath extends Omit<HostPath, 'kind' | 'ofProfile'> {
  readonly kind: HostPath['kind'] | 'absent';
  readonly size?: number;
  readonly because?: string;
}

/** @param look what is there, by the code that answers machines */
export async function lookAtPath(
  { ofProfile, ...path }: HostPath,
  look: (
    path: string,
  ) => Promise<{ readonly kind: string; readonly size?: number; readonly reason?: string } | undefined>,
): Promise<ShownPath> {
  if (path.when === 'later' && (ofProfile || path.kind === 'template')) return path;
  try {
    const found = await look(path.path);
    if (found?.kind === 'content' && found.size !== undefined) return { ...path, size: found.size };
    return { ...path, kind: 'absent', because: found?.reason ?? 'no answer' };
  } catch (error) {
    return { ...path, because: `cannot be rendered: ${messageOf(error)}` };
  }
}

/** Its templates, its profile's kernel and initrds, and the images its profile has rows for; each path once. */
export function pathsOf(catalog: Catalog, host: Host): readonly HostPath[] {
  const [mac] = host.macs;
  if (!mac) return [];
  const found = new Map<string, HostPath>();
  const current = profileOf(assign(catalog, { host, mac }).assignment);
  for (const subject of subjectsFor(catalog, host, mac)) {
    const profile = profileOf(subject.assignment);
    const when = profile === current ? 'now' : 'later';
    const ofProfile = profile?.files.some(({ image }) => image !== undefined) ?? false;
    const put = (path: string, kind: HostPath['kind'], from: string) => {
      if (!found.has(path)) found.set(path, { path, kind, from, when, ofProfile });
    };
    for (const { path, template } of filesOf(catalog, subject)) put(path, 'template', template);
    for (const { path, from } of profile ? imagesOf(profile) : []) put(path, 'image', from);
  }
  return [...found.values()];
}

function profileOf(assignment: Assignment): Profile | undefined {
  return assignment.kind === 'profile' ? assignment.profile : undefined;
}

/** What is a URL or is made by a template is left out: it stands in the files of its templates. */
function imagesOf({ kernel, initrd, chain, files }: Profile): readonly Pick<HostPath, 'path' | 'from'>[] {
  const named = [kernel, ...initrd, chain].flatMap((one) => {
    if (one === undefined || /^[a-z]+:|\{\{/i.test(one)) return [];
    const path = one.replace(/^\/+/, '');
    return [{ path, from: path }];
  });
  const fixed = files.flatMap(({ path, image }) => {
    return image === undefined || /[:*]/.test(path) ? [] : [{ path: path.replace(/^\/+/, ''), from: image }];
  });
  return [...named, ...fixed];
}

/** Of each profile first one host for every set of variables that hosts set, then others, up to `each`. */
function sample(catalog: Catalog, each: number): readonly Host[] {
  const hosts = [...catalog.hosts.values()];
  if (!Number.isFinite(each)) return hosts;
  const groups = Map.groupBy(hosts, (host) => host.profile ?? '');
  return [...groups.values()].flatMap((group) => {
    const kinds = Map.groupBy(group, (host) => `${host.policy} ${Object.keys(host.vars).sort().join(' ')}`);
    const first = [...kinds.values()].flatMap(([host]) => (host ? [host] : []));
    return [...new Set([...first, ...group])].slice(0, each);
  });
}

/** As it would be if the profile were let in to the host now. */
export function armed(host: Host, profile: Profile): Subject['assignment'] {
  const reason = `as if profile "${profile.name}" were served`;
  return { kind: 'profile', profile, reason, ...(profile.destructive && { deployment: deploymentOf(host, profile) }) };
}

/** What there would be if it were armed now. */
function deploymentOf(host: Host, profile: Profile): Deployment {
  const { attempts, spendOn, loop } = DEPLOYMENT_DEFAULTS;
  const times = { deadline: 0, createdAt: 0 };
  const waiting = draft({
    id: 'check',
    host: host.name,
    profile,
    attempts,
    spendOn,
    loop,
    vars: {},
    createdBy: 'check',
    ...times,
  });
  return { ...waiting, state: 'armed' };
}

/** The path as this machine would ask; undefined when the row asks for something it does not have. */
function pathFor(route: FileRoute, { host, mac }: Subject): string | undefined {
  const values: Readonly<Record<string, string | undefined>> = {
    mac: formatMac(mac, 'hyphen'),
    uuid: host?.uuid,
    serial: host?.serial,
    ip: host?.address ?? CLIENT_IP,
    iphex: host?.address ? ipv4ToHex(host.address) : 'C0000202',
  };
  let complete = true;
  const path = route.path.replace(/^\/*\*\*\//, '').replace(/[:*]([a-z][A-Za-z]*)/g, (_, name: string) => {
    if (!Object.hasOwn(values, name)) return 'x';
    const value = values[name];
    if (value === undefined) complete = false;
    return value ?? 'x';
  });
  return complete ? path.replace(/^\/+/, '') : undefined;
}
