/** Every file for every machine: rendered, read as the machine will read it, its URLs followed. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog } from '../boot/catalog.ts';
import type { ContextParts, ServerIdentity } from '../boot/context.ts';
import { type Assignment, assign } from '../boot/decide.ts';
import type { Host } from '../boot/host.ts';
import type { Profile } from '../boot/profile.ts';
import { resolve } from '../boot/resolve.ts';
import { type Captures, compileRoute } from '../boot/route.ts';
import type { FileRoute } from '../boot/routes-file.ts';
import { AppError, formatProblem, type Problem } from '../errors.ts';
import { ipv4ToHex } from '../net/ipv4.ts';
import { formatMac, type Mac, parseMac } from '../net/mac.ts';
import type { Inventory } from './inventory.ts';
import { labelOf } from './label.ts';
import { lintRendered, TARGETS, targetOf, unknownTarget } from './lint/targets.ts';
import { ownUrls } from './lint/urls.ts';
import { traceFile } from './render.ts';
import type { TracedPlace } from './template-trace.ts';
import type { Templates } from './templates.ts';

/** An address nobody has (RFC 5737), to render with. */
const SERVER: ServerIdentity = {
  address: '192.0.2.1',
  httpBase: 'http://192.0.2.1:8080',
  tftpBase: 'tftp://192.0.2.1',
};
const CLIENT_IP = '192.0.2.2';

export interface RenderingDeps {
  readonly catalog: Catalog;
  readonly templates: Templates;
  readonly inventory: Pick<Inventory, 'place'>;
  readonly imagesRoot: string;
  /** Of each profile at most so many hosts, those whose own values differ most; default: all. */
  readonly hostsEach?: number | undefined;
}

/** A machine a file is tried for. */
interface Subject {
  readonly host?: Host;
  readonly mac: Mac;
  readonly assignment: Exclude<Assignment, { kind: 'none' }>;
}

/** Each problem once, with the first machine it would meet. */
export async function checkRendering(deps: RenderingDeps): Promise<readonly Problem[]> {
  const { catalog, templates } = deps;
  const known = new Set(await templates.list());
  const seen = new Map<string, Problem>();
  for (const subject of subjectsOf(catalog, deps.hostsEach ?? Number.POSITIVE_INFINITY)) {
    const machine = subject.host ? `host "${subject.host.name}"` : 'an unknown machine';
    const keep = (problems: readonly Problem[]) => {
      for (const problem of problems) {
        const key = formatProblem(problem);
        if (!seen.has(key)) seen.set(key, { ...problem, message: `${problem.message} (for ${machine})` });
      }
    };
    const profile = subject.assignment.kind === 'profile' ? subject.assignment.profile : undefined;
    for (const route of [...(profile?.files ?? []), ...catalog.routes.map((row) => row.route)]) {
      if (route.template === undefined || !known.has(route.template)) continue;
      const captures = capturesFor(route, subject);
      if (captures) keep(await checkFile(deps, route.template, subject, captures));
    }
  }
  return [...seen.values()];
}

async function checkFile(
  { catalog, templates, inventory, imagesRoot }: RenderingDeps,
  template: string,
  subject: Subject,
  captures: Captures,
): Promise<readonly Problem[]> {
  const parts: ContextParts = { ...subject, catalog, server: SERVER, clientIp: CLIENT_IP, captures };
  const problems: Problem[] = [];
  const keep = (found: readonly Problem[]) => problems.push(...found.map((problem) => inProfile(problem, inventory)));
  try {
    const { text, at, source } = await traceFile(templates, template, parts, keep);
    const unknown = unknownTarget(source);
    if (unknown !== undefined) {
      const advice = `Known: ${TARGETS.join(', ')}.`;
      problems.push({ severity: 'error', ...at(1, 1), message: `there is no syntax "${unknown}"`, advice });
    }
    for (const { line, column, ...slip } of lintRendered(targetOf(template, source, text), text)) {
      problems.push({ ...slip, ...at(line, column) });
    }
    problems.push(...(await checkUrls(text, at, subject.mac, catalog, imagesRoot)));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    keep(error.problems);
  }
  return problems;
}

/** URLs that lead to us and to nothing there. */
async function checkUrls(
  text: string,
  at: (line: number, column: number) => TracedPlace,
  mac: Mac,
  catalog: Catalog,
  imagesRoot: string,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const reported = profilePaths(catalog);
  for (const { path, line, column } of ownUrls(text, [SERVER.httpBase, SERVER.tftpBase])) {
    if (reported.has(path)) continue;
    const resource = resolve(path, { mac, ip: CLIENT_IP }, catalog);
    if (resource.kind === 'absent' || resource.kind === 'refused') {
      const advice = 'Add a row for it to routes.yaml or to the profile, or correct the path.';
      problems.push({
        severity: 'error',
        ...at(line, column),
        message: `nothing is served under ${path}: ${resource.reason}`,
        advice,
      });
    } else if (resource.kind === 'image') {
      const file = join(imagesRoot, resource.image);
      const there = await stat(file).then(
        (stats) => stats.isFile(),
        () => false,
      );
      const advice = 'Put the file there, or correct the path.';
      if (!there)
        problems.push({ severity: 'warning', ...at(line, column), message: `there is no ${labelOf(file)}`, advice });
    }
  }
  return problems;
}

/** Kernels and initrds are checked at the line of their profile. */
function profilePaths(catalog: Catalog): ReadonlySet<string> {
  const paths = [...catalog.profiles.values()].flatMap(({ kernel, initrd }) => [
    ...(kernel ? [kernel] : []),
    ...initrd,
  ]);
  return new Set(paths.map((path) => path.replace(/^\/+/, '')));
}

/** A fault in a line of a profile gets the place of that line. */
function inProfile(problem: Problem, inventory: Pick<Inventory, 'place'>): Problem {
  const [, name, field = '', index] = /^profile ([a-z0-9._-]+), (args|chain)(?:\[(\d+)\])?$/.exec(problem.file) ?? [];
  if (name === undefined) return problem;
  const { line: _, column: __, ...rest } = problem;
  return { ...rest, ...inventory.place('profile', name, index === undefined ? [field] : [field, Number(index)]) };
}

/** Every host as it boots now and, when its profile still waits to be armed, as it would then; and one stranger. */
function* subjectsOf(catalog: Catalog, hostsEach: number): Generator<Subject> {
  const stranger = parseMac('02-00-00-00-00-01');
  for (const host of [...sample(catalog, hostsEach), undefined]) {
    const mac = host ? host.macs[0] : stranger;
    if (!mac) continue;
    const { assignment } = assign(catalog, { host, mac });
    const profile = host?.profile === undefined ? undefined : catalog.profiles.get(host.profile);
    if (assignment.kind !== 'none') yield { ...(host && { host }), mac, assignment };
    if (host && profile && (assignment.kind !== 'profile' || assignment.profile !== profile)) {
      yield { host, mac, assignment: armed(profile) };
    }
  }
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

function armed(profile: Profile): Subject['assignment'] {
  return { kind: 'profile', profile, reason: `checked as if profile "${profile.name}" were served` };
}

/** Captures as if this machine asked; undefined when the row asks for something it does not have. */
function capturesFor(route: FileRoute, { host, mac }: Subject): Captures | undefined {
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
  return complete ? compileRoute(route).match(path) : undefined;
}
