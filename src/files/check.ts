/** Everything `hobnail check` says: the inventory, the templates, and every file for every machine. */

import { join } from 'node:path';
import type { Catalog } from '../boot/catalog.ts';
import { assign } from '../boot/decide.ts';
import type { FileRoute } from '../boot/routes-file.ts';
import { judgeKernel } from '../boot/secure-boot.ts';
import { formatProblem, type Problem } from '../errors.ts';
import { adviseName } from '../net/nearest.ts';
import { checkAssets, readHead } from './check-assets.ts';
import { checkProcessors } from './check-processors.ts';
import { checkRendering } from './check-rendering.ts';
import type { Inventory } from './inventory.ts';
import type { Templates } from './templates.ts';

export interface CheckDeps {
  /** Reloaded already. */
  readonly inventory: Pick<Inventory, 'snapshot' | 'problems' | 'place'>;
  readonly templates: Templates;
  /** `boot-images/` */
  readonly imagesRoot: string;
  /** Of each profile at most so many hosts are rendered for; default: all. */
  readonly hostsEach?: number | undefined;
}

/** All problems at once, each said once; errors are what would fail a boot. */
export async function checkFiles(deps: CheckDeps): Promise<readonly Problem[]> {
  const { inventory, templates, imagesRoot } = deps;
  const catalog = inventory.snapshot();
  const compile = await templates.compileAll();
  const problems = [
    ...inventory.problems(),
    ...compile,
    ...(await checkRoutes(catalog, inventory, templates)),
    ...(await checkAssets(catalog, inventory, imagesRoot)),
    ...(await checkProcessors(catalog, inventory, (image) => readHead(join(imagesRoot, image)))),
    ...checkSecureBoot(catalog, inventory),
    // A template that does not compile is reported above, not once more for every host.
    ...(compile.length > 0 ? [] : await checkRendering({ ...deps, catalog })),
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

/** What a host with Secure Boot would be given and refuse, also by a profile that still waits to be armed. */
function checkSecureBoot(catalog: Catalog, inventory: CheckDeps['inventory']): readonly Problem[] {
  return [...catalog.hosts.values()].flatMap((host): Problem[] => {
    const { assignment } = assign(catalog, { host });
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
