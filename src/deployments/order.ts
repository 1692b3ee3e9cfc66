/** What an operator ordered, as a draft: pinned to the profile, and to the templates, as they are at that moment. */
import { randomBytes } from 'node:crypto';
import { type Armable, findArmable, hasOwnAnswer } from '../boot/arm.ts';
import type { Catalog } from '../boot/catalog.ts';
import { DEPLOYMENT_DEFAULTS, type Deployment, draft, type Pinned } from '../boot/deployment.ts';
import type { Profile } from '../boot/profile.ts';
import type { TemplateSet } from '../boot/template-set.ts';
import { AppError, type Problem } from '../errors.ts';
import type { ArmOrder } from '../http/api-deps.ts';

/** What arming asks of the files. */
export interface ArmingFiles {
  snapshot(): Catalog;
  /** What is wrong with a profile's parameters for a machine. */
  check(profile: Profile, vars: Readonly<Record<string, unknown>>): readonly Pick<Problem, 'path' | 'message'>[];
  /**
   * The texts of templates; default: they are not pinned.
   * @param own a template of these that is broken or missing cannot be armed; of `general` it is left out
   * @throws AppError `template-missing`, `template-invalid`
   */
  pin?(own: readonly string[], general: readonly string[]): Promise<TemplateSet>;
}

/** A deployment with the texts it is pinned to. */
export interface Pinning {
  readonly pinned: Pinned;
  readonly templates: TemplateSet | undefined;
}

/** @throws AppError `not-found`, `deployment-refused`, as `DeploymentAccess.arm` */
export async function pin(files: ArmingFiles, order: ArmOrder): Promise<Pinning> {
  const catalog = files.snapshot();
  const { host, profile } = armable(catalog, order, files);
  const named = (routes: readonly { readonly template?: string | undefined }[]) =>
    routes.flatMap(({ template }) => template ?? []);
  const general = catalog.routes.map(({ route }) => route);
  try {
    const templates = await files.pin?.(named(profile.files), named(general));
    return { templates, pinned: { profile, macs: host.macs, ...(templates && { templates: templates.hash }) } };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const advice = 'Mend it first: what is armed is what will be installed.';
    const words = `A template of profile "${profile.name}" cannot be served: ${error.message} ${advice}`;
    throw new AppError('deployment-refused', words, { problems: error.problems, cause: error });
  }
}

/** @param at milliseconds since 1970 */
export function makeDraft(order: ArmOrder, { profile, ...pinned }: Pinned, by: string, at: number): Deployment {
  const minutes = order.minutes ?? DEPLOYMENT_DEFAULTS.deadlineMinutes;
  return draft({
    id: `${at.toString(36).padStart(9, '0')}-${randomBytes(4).toString('hex')}`,
    host: order.host,
    ...pinned,
    profile,
    attempts: order.attempts ?? DEPLOYMENT_DEFAULTS.attempts,
    spendOn: order.spendOn ?? (hasOwnAnswer(profile) ? 'answer' : 'callback'),
    deadline: at + minutes * 60_000,
    loop: order.loop ?? DEPLOYMENT_DEFAULTS.loop,
    vars: order.vars ?? {},
    createdAt: at,
    createdBy: by,
  });
}

function armable(
  catalog: Catalog,
  order: ArmOrder,
  { check }: Pick<ArmingFiles, 'check'>,
): Extract<Armable, { kind: 'armable' }> {
  const found = findArmable(catalog, order);
  if (found.kind === 'absent') throw new AppError('not-found', found.reason);
  if (found.kind === 'refused') throw new AppError('deployment-refused', found.reason);
  const { host, profile, vars } = found;
  const faults = check(profile, vars);
  if (faults.length === 0) return found;
  const file = `vars of host "${host.name}"`;
  const problems = faults.map((fault): Problem => ({ severity: 'error', file, ...fault }));
  const said = faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
  throw new AppError('deployment-refused', `Profile "${profile.name}" needs other values: ${said}.`, { problems });
}
