/** Everything `hobnail check` says: the inventory, the templates, and every file for every machine. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog } from '../boot/catalog.ts';
import type { ContextParts, ServerIdentity } from '../boot/context.ts';
import { type Assignment, assign } from '../boot/decide.ts';
import type { FileRoute, Host, Profile } from '../boot/host.ts';
import { resolve } from '../boot/resolve.ts';
import { type Captures, compileRoute } from '../boot/route.ts';
import { judgeKernel } from '../boot/secure-boot.ts';
import { AppError, formatProblem, type Problem } from '../errors.ts';
import { ipv4ToHex } from '../net/ipv4.ts';
import { formatMac, type Mac, parseMac } from '../net/mac.ts';
import { adviseName } from '../net/nearest.ts';
import type { Inventory } from './inventory.ts';
import { labelOf } from './label.ts';
import { renderFile } from './render.ts';
import type { Templates } from './templates.ts';

export interface CheckDeps {
  /** Reloaded already. */
  readonly inventory: Pick<Inventory, 'snapshot' | 'problems' | 'place'>;
  readonly templates: Templates;
  /** `boot-images/` */
  readonly imagesRoot: string;
}

/** An address nobody has (RFC 5737), to render with. */
const SERVER: ServerIdentity = {
  address: '192.0.2.1',
  httpBase: 'http://192.0.2.1:8080',
  tftpBase: 'tftp://192.0.2.1',
};

/** All problems at once, each said once; errors are what would fail a boot. */
export async function checkFiles({ inventory, templates, imagesRoot }: CheckDeps): Promise<readonly Problem[]> {
  const catalog = inventory.snapshot();
  const compile = await templates.compileAll();
  const problems = [
    ...inventory.problems(),
    ...compile,
    ...(await checkRoutes(catalog, inventory, templates)),
    ...(await checkImages(catalog, inventory, imagesRoot)),
    ...checkSecureBoot(catalog, inventory),
    // A template that does not compile is reported above, not once more for every host.
    ...(compile.length > 0 ? [] : await checkRendering(catalog, templates)),
  ];
  return [...new Map(problems.map((problem) => [formatProblem(problem), problem])).values()];
}

async function checkRoutes(
  catalog: Catalog,
  inventory: CheckDeps['inventory'],
  templates: Templates,
): Promise<readonly Problem[]> {
  const known = await templates.list();
  const problems: Problem[] = [];
  const check = (routes: readonly FileRoute[], kind: 'profile' | 'routes', name: string, field: string) => {
    for (const [index, { template }] of routes.entries()) {
      if (template === undefined || known.includes(template)) continue;
      problems.push({
        severity: 'error',
        ...inventory.place(kind, name, [field, index, 'template']),
        message: `there is no template "${template}"`,
        advice: adviseName(template, known),
      });
    }
  };
  check(
    catalog.routes.map(({ route }) => route),
    'routes',
    'routes',
    'routes',
  );
  for (const profile of catalog.profiles.values()) check(profile.files, 'profile', profile.name, 'files');
  return problems;
}

/** A kernel may be brought later: a warning. */
async function checkImages(
  catalog: Catalog,
  inventory: CheckDeps['inventory'],
  imagesRoot: string,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const profile of catalog.profiles.values()) {
    const wanted: (readonly [string | undefined, readonly (string | number)[]])[] = [
      [profile.kernel, ['kernel']],
      ...profile.initrd.map((path, index) => [path, ['initrd', index]] as const),
    ];
    for (const [path, place] of wanted) {
      if (path === undefined || path.includes('://')) continue;
      const resource = resolve(path, {}, catalog);
      if (resource.kind === 'template' || resource.kind === 'upload') continue;
      const image = resource.kind === 'image' ? resource.image : undefined;
      const there =
        image !== undefined &&
        (await stat(join(imagesRoot, image)).then(
          (s) => s.isFile(),
          () => false,
        ));
      if (there) continue;
      problems.push({
        severity: 'warning',
        ...inventory.place('profile', profile.name, place),
        message:
          image === undefined ? `no file route leads to ${path}` : `there is no ${labelOf(join(imagesRoot, image))}`,
        advice: image === undefined ? 'Add a row for it to routes.yaml.' : 'Put the file there, or correct the path.',
      });
    }
  }
  return problems;
}

/** What a host with Secure Boot would be given and refuse. */
function checkSecureBoot(catalog: Catalog, inventory: CheckDeps['inventory']): readonly Problem[] {
  return [...catalog.hosts.values()].flatMap((host): Problem[] => {
    const { assignment } = assign(catalog, host, undefined);
    const profile = assignment.kind === 'profile' ? assignment.profile : catalog.profiles.get(host.profile ?? '');
    return judgeKernel(host, profile, catalog)
      .filter(({ good }) => !good)
      .map(({ because }) => ({
        severity: 'warning',
        ...inventory.place('host', host.name, ['secureBoot']),
        message: because,
        advice: 'Use the distribution’s signed kernel, or switch Secure Boot off in the machine and here.',
      }));
  });
}

/** A machine a file is tried for. */
interface Subject {
  readonly host?: Host;
  readonly mac: Mac;
  readonly assignment: Exclude<Assignment, { kind: 'none' }>;
}

async function checkRendering(catalog: Catalog, templates: Templates): Promise<readonly Problem[]> {
  const known = await templates.list();
  const seen = new Map<string, Problem>();
  const keep = (problems: readonly Problem[], subject: Subject) => {
    const machine = subject.host ? `host "${subject.host.name}"` : 'an unknown machine';
    for (const problem of problems) {
      const key = formatProblem(problem);
      if (!seen.has(key)) seen.set(key, { ...problem, message: `${problem.message} (for ${machine})` });
    }
  };
  for (const subject of subjectsOf(catalog)) {
    const profile = subject.assignment.kind === 'profile' ? subject.assignment.profile : undefined;
    const own = profile?.files ?? [];
    for (const route of [...own, ...catalog.routes.map((row) => row.route)]) {
      if (route.template === undefined || !known.includes(route.template)) continue;
      const captures = capturesFor(route, subject);
      if (!captures) continue;
      const parts: ContextParts = { ...subject, catalog, server: SERVER, clientIp: '192.0.2.2', captures };
      try {
        await renderFile(templates, route.template, parts, (problems) => keep(problems, subject));
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        keep(error.problems, subject);
      }
    }
  }
  return [...seen.values()];
}

/** Every host as it boots now and, when its profile still waits to be armed, as it would then; and one stranger. */
function* subjectsOf(catalog: Catalog): Generator<Subject> {
  const stranger = parseMac('02-00-00-00-00-01');
  for (const host of [...catalog.hosts.values(), undefined]) {
    const mac = host ? host.macs[0] : stranger;
    if (!mac) continue;
    const { assignment } = assign(catalog, host, undefined);
    const profile = host?.profile === undefined ? undefined : catalog.profiles.get(host.profile);
    if (assignment.kind !== 'none') yield { ...(host && { host }), mac, assignment };
    if (host && profile && (assignment.kind !== 'profile' || assignment.profile !== profile)) {
      yield { host, mac, assignment: armed(profile) };
    }
  }
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
    ip: host?.address ?? '192.0.2.2',
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
