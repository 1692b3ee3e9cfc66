/** What arming a host would pin: the profile it is to get and the variables that profile will see. */
import type { Catalog } from './catalog.ts';
import type { SpendPoint } from './deployment.ts';
import type { Vars } from './fields.ts';
import type { Host } from './host.ts';
import { groupsFor, layersOf, settleProfile, settleVars } from './precedence.ts';
import type { Profile } from './profile.ts';
import type { FileRoute } from './routes-file.ts';

export type Armable =
  | { readonly kind: 'armable'; readonly host: Host; readonly profile: Profile; readonly vars: Vars }
  | { readonly kind: 'absent'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string };

const SPEND_ADVICE =
  'Arm it with spendOn "callback", and let the installer call back; or serve its answer file by a row of "files" with a template.';

/** Whether fetching a file of the profile's own says that an installation begins: the rows that `spendOn: answer` waits for. */
export function hasOwnAnswer(profile: Pick<Profile, 'files'>): boolean {
  return profile.files.some((route) => route.template !== undefined && route.stage !== 'script');
}

/** Of the general table, where only a row that says so is one. */
function isAnswer({ template, stage }: FileRoute): boolean {
  return template !== undefined && stage === 'answer';
}

/** Looks at the snapshot only; parameters are checked by the caller, against `vars`. */
export function findArmable(
  catalog: Catalog,
  order: {
    readonly host: string;
    readonly profile?: string | undefined;
    readonly vars?: Vars | undefined;
    readonly spendOn?: SpendPoint | undefined;
  },
): Armable {
  const host = catalog.hosts.get(order.host);
  if (!host) return { kind: 'absent', reason: `There is no host "${order.host}".` };
  if (host.policy !== 'auto') {
    const reason = `Host "${host.name}" has policy "${host.policy}": it would not boot the profile. Set it to "auto" first.`;
    return { kind: 'refused', reason };
  }
  const facts = host.macs.map((mac) => catalog.machines.find(mac)?.facts).find((one) => one !== undefined);
  const groups = groupsFor(catalog.groups, { host, facts });
  const name = order.profile ?? settleProfile(host, groups)?.value;
  if (name === undefined) {
    return { kind: 'refused', reason: `Host "${host.name}" has no profile. Assign one, or name one when arming.` };
  }
  const profile = catalog.profiles.get(name);
  if (!profile) return { kind: 'absent', reason: `There is no profile "${name}".` };
  if (profile.kernel === undefined && profile.chain === undefined) {
    return { kind: 'refused', reason: `Profile "${name}" (${profile.kind}) boots nothing: there is nothing to arm.` };
  }
  if (order.spendOn === 'answer' && !hasOwnAnswer(profile) && !catalog.routes.some(({ route }) => isAnswer(route))) {
    const reason = `Profile "${name}" has no answer file: with spendOn "answer" no attempt would ever be used up, and each reboot would install again.`;
    return { kind: 'refused', reason: `${reason} ${SPEND_ADVICE}` };
  }
  const [only, ...more] = catalog.networks.values();
  const network = catalog.networks.get(facts?.network ?? '') ?? (more.length === 0 ? only : undefined);
  const layers = layersOf({ defaults: catalog.defaults, profile, network, groups, host });
  const vars = Object.fromEntries([...settleVars(layers)].map(([key, { value }]) => [key, value]));
  return { kind: 'armable', host, profile, vars: { ...vars, ...order.vars } };
}
