/** Every file for every machine: rendered, read as the machine will read it, its URLs followed. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog } from '../boot/catalog.ts';
import { resolve } from '../boot/resolve.ts';
import type { Captures } from '../boot/route.ts';
import { parseTokenPath } from '../boot/token-path.ts';
import { AppError, formatProblem, type Problem } from '../errors.ts';
import { CLIENT_IP, filesOf, partsFor, SERVER, type Subject, subjectsOf } from './host-files.ts';
import type { Inventory } from './inventory.ts';
import { labelOf } from './label.ts';
import { lintRendered, TARGETS, targetOf, unknownTarget } from './lint/targets.ts';
import { ownUrls } from './lint/urls.ts';
import { traceFile } from './render.ts';
import type { TracedPlace } from './template-trace.ts';
import type { Templates } from './templates.ts';

export interface RenderingDeps {
  readonly catalog: Catalog;
  readonly templates: Templates;
  readonly inventory: Pick<Inventory, 'place'>;
  readonly imagesRoot: string;
  /** Of each profile at most so many hosts, those whose own values differ most; default: all. */
  readonly hostsEach?: number | undefined;
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
    for (const { template, captures } of filesOf(catalog, subject)) {
      if (known.has(template)) keep(await checkFile(deps, template, subject, captures));
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
  const parts = partsFor(catalog, subject, captures);
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
    problems.push(...(await checkUrls(text, at, subject, catalog, imagesRoot)));
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
  { mac, assignment }: Subject,
  catalog: Catalog,
  imagesRoot: string,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const reported = profilePaths(catalog);
  // A profile that waits to be armed has its rows all the same.
  const own = assignment.kind === 'profile' ? (catalog.profileRoutes.get(assignment.profile.name) ?? []) : [];
  for (const { path, line, column } of ownUrls(text, [SERVER.httpBase, SERVER.tftpBase])) {
    const signed = parseTokenPath(path);
    if (signed && signed.kind !== 'file') continue;
    const wanted = signed?.path ?? path;
    // Installers put a name behind a directory.
    if (wanted.endsWith('/') || reported.has(wanted) || own.some(({ route, match }) => route.template && match(wanted)))
      continue;
    const resource = resolve(wanted, { mac, ip: CLIENT_IP }, catalog);
    if (resource.kind === 'absent' || resource.kind === 'refused') {
      const advice = 'Add a row for it to routes.yaml or to the profile, or correct the path.';
      problems.push({
        severity: 'error',
        ...at(line, column),
        message: `nothing is served under ${wanted}: ${resource.reason}`,
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
