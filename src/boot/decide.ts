/** The mind: what should this machine get, and why? Pure, synchronous, the same for every door. */

import { formatMac, type Mac } from '../net/mac.ts';
import { type Catalog, findHost } from './catalog.ts';
import { type BootClient, chooseArchitecture, formatArchitecture } from './client.ts';
import { type Deployment, isFor, mayAnswer, mayBoot } from './deployment.ts';
import { factsOf, type MachineFacts, mergeFacts, type Standing } from './facts.ts';
import type { LoaderName } from './fields.ts';
import type { Group } from './group.ts';
import type { Host } from './host.ts';
import { chooseLoader, type LoaderFile } from './loaders.ts';
import { chooseLocalMethod, LOCAL_BOOTS, type LocalMethod } from './local-boot.ts';
import type { Network } from './network.ts';
import { formatOrigin, groupsFor, type Layer, layersOf, settle, settleProfile } from './precedence.ts';
import type { Profile } from './profile.ts';
import { type PxeMenu, settlePxeMenu } from './pxe-menu.ts';
import { type SettledQuirks, settleQuirks } from './quirk.ts';
import { judgeKernel } from './secure-boot.ts';

/** What a machine is meant to run, whatever loader gets it there. */
export type Assignment =
  | { readonly kind: 'none'; readonly reason: string }
  | { readonly kind: 'local'; readonly method: LocalMethod; readonly reason: string }
  /** A stranger tells what it is (by iPXE), then goes on to its own disk. */
  | { readonly kind: 'discover'; readonly method: LocalMethod; readonly reason: string }
  | {
      readonly kind: 'profile';
      readonly profile: Profile;
      readonly reason: string;
      /** The one that lets it in; destructive profiles are never here without. */
      readonly deployment?: Deployment;
    };

/** In a few words, for lists: `profile rescue`, `local disk (exit)`. */
export function formatAssignment(assignment: Assignment): string {
  switch (assignment.kind) {
    case 'none':
      return 'no boot answer';
    case 'local':
      return `local disk (${assignment.method})`;
    case 'discover':
      return 'tells what it is, then its local disk';
    case 'profile':
      return `profile ${assignment.profile.name}`;
    default:
      return assignment satisfies never;
  }
}

/** What the next answer to this client is. */
export type BootPlan =
  /** No boot information; a DHCP server still gives an address. */
  | { readonly kind: 'ignore'; readonly reason: string }
  /** A loader for the client's firmware, by the transport that firmware takes. */
  | {
      readonly kind: 'loader';
      readonly loader: LoaderFile;
      readonly transport: 'tftp' | 'http';
      readonly reason: string;
      /** What may go wrong with it here. */
      readonly warning?: string;
      /** Shown by the firmware first; `loader` is for firmware that does not ask by it. */
      readonly menu?: PxeMenu;
    }
  /** Firmware that knows its files by name and asks for them by itself: it is told where, and takes no loader. */
  | { readonly kind: 'files'; readonly reason: string }
  /** A script for iPXE, never its own loader again. */
  | { readonly kind: 'script'; readonly path: string; readonly transport: 'tftp' | 'http'; readonly reason: string };

/** One question that was asked on the way, for `explain`. */
export interface RuleTried {
  readonly rule: string;
  readonly matched: boolean;
  readonly because: string;
}

export interface Decision {
  readonly plan: BootPlan;
  readonly assignment: Assignment;
  readonly host?: Host;
  readonly rules: readonly RuleTried[];
  /** Everything that is written for the machine, the later wins; see `boot/precedence.ts`. */
  readonly layers: readonly Layer[];
  /** What its firmware needs otherwise. */
  readonly quirks: SettledQuirks;
}

/** The profile behind `unknown: menu` when the operator has not written one. */
export const BUILT_IN_MENU: Profile = Object.freeze<Profile>({
  name: 'menu',
  title: 'Boot menu',
  kind: 'menu',
  destructive: false,
  menu: false,
  params: { type: 'object', properties: {}, required: [] },
  revision: 'built-in',
  initrd: [],
  args: [],
  timeoutSeconds: 10,
  vars: {},
  options: {},
  files: [],
});

/** Whose assignment is asked for. */
export interface AssignQuestion {
  readonly host?: Host | undefined;
  readonly network?:
    | (Pick<Network, 'name' | 'unknown' | 'vars' | 'options'> & Partial<Pick<Network, 'pxeMenu'>>)
    | undefined;
  /** The machine, where it is known: for what was seen of it. */
  readonly mac?: Mac | undefined;
  /** What it says now; default: what was seen of it. */
  readonly facts?: MachineFacts | undefined;
  /** `boot` lets a boot begin or go on; `answer` is an installer's file. Default: `boot`. */
  readonly purpose?: 'boot' | 'answer' | undefined;
}

export interface Assigned {
  readonly assignment: Assignment;
  readonly rules: readonly RuleTried[];
  /** Groups the machine is in, the lowest priority first. */
  readonly groups: readonly Group[];
  /** Everything that is written for it, the later wins. */
  readonly layers: readonly Layer[];
  /** The one of the host that has not ended, whether or not it lets this request in. */
  readonly deployment?: Deployment;
}

/** Who is it, and what is it meant to run? Used by DHCP decisions and by file rendering alike. */
export function assign(catalog: Catalog, question: AssignQuestion): Assigned {
  const { host, network, mac = question.facts?.mac ?? host?.macs[0] } = question;
  const rules: RuleTried[] = [];
  const tried: Tried = (rule, matched, because) => {
    rules.push({ rule, matched, because });
    return matched;
  };
  const machine = mac && catalog.machines.find(mac);
  const seen = question.facts ? mergeFacts(machine?.facts, question.facts) : machine?.facts;
  const base = seen ?? (mac && { mac });
  const facts = base && { ...base, ...(network && { network: network.name }) };
  const groups = groupsFor(catalog.groups, { host, facts });
  if (groups.length > 0) tried('groups', true, `it is in ${groups.map(({ name }) => `"${name}"`).join(', ')}`);
  const found = host && catalog.deployments.find(host.name);
  const deployment = found && isFor(found, host) ? found : undefined;
  if (found && !deployment) {
    tried(
      'deployment',
      false,
      `deployment ${found.id} was made for ${found.macs?.join(', ')}, which this host has not`,
    );
  }
  const { defaults } = catalog;
  const upper = { defaults, network, groups, host, deployment };
  const wish = settle(layersOf({ defaults, groups, host }), 'localBoot');
  const chosen = chooseLocalMethod(wish?.value, facts?.archCodes && chooseArchitecture(facts.archCodes, facts.mac));
  if (chosen.because) tried('local boot', true, chosen.because);
  const known = { catalog, groups, deployment, tried, method: chosen.method, ...question };
  const assignment = host ? assignHost(host, known) : assignUnknown(machine?.standing ?? 'new', known);
  const profile = assignment.kind === 'profile' ? assignment.profile : undefined;
  const layers = layersOf({ ...upper, profile });
  return { assignment, rules, groups, layers, ...(deployment && { deployment }) };
}

type Tried = (rule: string, matched: boolean, because: string) => boolean;

interface Known extends AssignQuestion {
  readonly catalog: Catalog;
  readonly groups: readonly Group[];
  readonly deployment: Deployment | undefined;
  readonly tried: Tried;
  /** How it is sent to its own disk. */
  readonly method: LocalMethod;
}

function assignHost(host: Host, { catalog, groups, deployment, tried, method, purpose }: Known): Assignment {
  const local = (reason: string): Assignment => ({ kind: 'local', method, reason });
  if (tried('host policy', host.policy !== 'auto', `host "${host.name}" has policy ${host.policy}`)) {
    if (host.policy === 'local') return local(`host "${host.name}" always boots its own disk`);
    return { kind: 'none', reason: `host "${host.name}" is ${host.policy === 'ignore' ? 'ignored' : 'blocked'}` };
  }
  if (deployment && deployment.state !== 'draft') {
    const open = purpose === 'answer' ? mayAnswer(deployment) : mayBoot(deployment);
    const { profile, state } = deployment;
    if (tried('deployment', open, `deployment ${deployment.id} of profile "${profile.name}" is ${state}`)) {
      const count = `attempt ${Math.min(deployment.spent + 1, deployment.attempts)} of ${deployment.attempts}`;
      const reason = `host "${host.name}" is armed for profile "${profile.name}" (${count})`;
      return { kind: 'profile', profile, reason, deployment };
    }
    // Its own profile may be a live system; a machine that is being installed still has to start what was installed.
    return local(`deployment of profile "${profile.name}" is ${state}: no attempt is left for another boot`);
  }
  const wanted = settleProfile(host, groups);
  const from = wanted
    ? `its profile is "${wanted.value}" (${formatOrigin(wanted.origin)})`
    : 'nobody names a profile for it';
  if (!tried('profile', wanted !== undefined, from) || !wanted) return local(`host "${host.name}" has no profile`);
  const profile = catalog.profiles.get(wanted.value);
  if (!profile) return local(`profile "${wanted.value}" of host "${host.name}" does not exist`);
  if (tried('armed deployment', profile.destructive, armedText(profile))) {
    return local(`profile "${profile.name}" is destructive: assigned, not armed`);
  }
  if (profile.kind === 'local') return local(`profile "${profile.name}" is the local disk`);
  return { kind: 'profile', profile, reason: `host "${host.name}" has profile "${profile.name}"` };
}

function assignUnknown(standing: Standing, { catalog, groups, network, tried, method }: Known): Assignment {
  const where = network ? `on network "${network.name}"` : 'here';
  const local = (reason: string): Assignment => ({ kind: 'local', method, reason });
  if (tried('inbox', standing !== 'new', `the inbox has it as ${standing}`)) {
    return { kind: 'none', reason: `this unknown machine is ${standing}` };
  }
  const wanted = settleProfile(undefined, groups);
  // A network nobody described serves the menu, whose default is the local disk.
  const policy = wanted?.value ?? network?.unknown ?? (catalog.networks.size > 0 ? 'local' : 'menu');
  const by = wanted ? formatOrigin(wanted.origin) : `unknown machines ${where}`;
  tried('unknown machines', true, `${by}: ${policy}`);
  if (!wanted) {
    if (policy === 'ignore') return { kind: 'none', reason: `unknown machines ${where} are ignored` };
    if (policy === 'local') return local(`unknown machines ${where} boot locally`);
    if (policy === 'discover') {
      return { kind: 'discover', method, reason: `unknown machines ${where} tell what they are, then boot locally` };
    }
  }
  const profile = catalog.profiles.get(policy) ?? (policy === 'menu' ? BUILT_IN_MENU : undefined);
  // Checked at load as well; a snapshot that slipped through must still never wipe a stranger.
  if (!profile || profile.destructive) return local(`"${policy}" cannot be given to unknown machines`);
  if (profile.kind === 'local') return local(`unknown machine: profile "${profile.name}" is the local disk`);
  return { kind: 'profile', profile, reason: `unknown machine, ${where} it gets "${profile.name}"` };
}

/** The answer to a boot client on `network`. */
export function decide(client: BootClient, catalog: Catalog, network: Network): Decision {
  const rules: RuleTried[] = [];
  const found = findHost(catalog, client);
  const host = found?.host;
  rules.push({
    rule: 'known host',
    matched: host !== undefined,
    because: found ? `host "${found.host.name}" by its ${found.by}` : `no host has ${client.mac}`,
  });
  const facts = factsOf(client, network.name);
  const { assignment, rules: assignRules, layers } = assign(catalog, { host, network, mac: client.mac, facts });
  rules.push(...assignRules);
  const quirks = settleQuirks(catalog.quirks, mergeFacts(catalog.machines.find(client.mac)?.facts, facts));
  if (quirks.names.length > 0) rules.push({ rule: 'quirks', matched: true, because: quirksText(quirks) });
  const plan = planFor(client, { assignment, layers, host, catalog, network, rules, quirks });
  const profile = assignment.kind === 'profile' ? assignment.profile : undefined;
  for (const { good, because } of judgeKernel(host, profile, catalog)) {
    rules.push({ rule: 'Secure Boot', matched: good, because });
  }
  return { plan, assignment, rules, layers, quirks, ...(host && { host }) };
}

/** Path of a machine's iPXE script. */
export function scriptPath(mac: Mac): string {
  return `ipxe/${formatMac(mac, 'hyphen')}.ipxe`;
}

interface Planning {
  readonly assignment: Assignment;
  readonly layers: readonly Layer[];
  readonly host: Host | undefined;
  readonly catalog: Catalog;
  readonly network: Network;
  readonly rules: RuleTried[];
  readonly quirks: SettledQuirks;
}

function quirksText({ names, actions }: SettledQuirks): string {
  const said = Object.entries(actions).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return `${names.map((name) => `"${name}"`).join(', ')}: ${said.join(', ')}`;
}

function planFor(client: BootClient, planning: Planning): BootPlan {
  const { assignment, host, rules, quirks } = planning;
  if (quirks.actions.ignore) return { kind: 'ignore', reason: 'a quirk says that it is not answered' };
  if (assignment.kind === 'none') return { kind: 'ignore', reason: assignment.reason };
  if (client.kind === 'other')
    return { kind: 'ignore', reason: 'not a boot client (no PXEClient, HTTPClient or iPXE)' };
  if (assignment.kind === 'local' && assignment.method === 'no-offer') {
    return { kind: 'ignore', reason: `${assignment.reason}; no boot offer, so its firmware goes on to the disk` };
  }
  if (assignment.kind === 'profile' && (assignment.profile.kind === 'phone' || assignment.profile.kind === 'device')) {
    return { kind: 'ignore', reason: `profile "${assignment.profile.name}" is for a ${assignment.profile.kind}` };
  }
  if (client.kind === 'ipxe') {
    rules.push({ rule: 'iPXE asks', matched: true, because: 'iPXE gets its script and never its loader again' });
    const transport = client.ipxe === undefined || client.ipxe.http ? 'http' : 'tftp';
    // A card that was found by its machine's UUID: the file must be found by a MAC of the host.
    const mac = host === undefined || host.macs.includes(client.mac) ? client.mac : (host.macs[0] ?? client.mac);
    return { kind: 'script', path: scriptPath(mac), transport, reason: assignment.reason };
  }
  return loaderPlan(client, planning);
}

function loaderPlan(client: BootClient, planning: Planning): BootPlan {
  const { assignment, host, catalog, network, rules } = planning;
  const arch = client.arch;
  if (!arch) {
    const said = client.archCodes.length > 0 ? client.archCodes.map(formatArchitecture).join(', ') : 'nothing';
    return { kind: 'ignore', reason: `cannot tell its architecture (it said ${said}), so no loader is safe to send` };
  }
  if (arch.firmware === 'rpi' && client.kind === 'pxe') return raspberryPiPlan(assignment);
  if (!arch.target) return { kind: 'ignore', reason: `no loader exists for ${formatArchitecture(arch.code)}` };
  // HTTPClient takes nothing but a URL and PXEClient nothing but a path, whatever architecture they claim.
  const transport = client.kind === 'http' ? 'http' : 'tftp';
  const choice = chooseLoader(arch.target, loaderWish(planning), catalog.installed, {
    transport,
    proxy: network.mode === 'proxy',
    secureBoot: host?.secureBoot ?? false,
  });
  for (const because of choice.tried) rules.push({ rule: 'loader', matched: false, because });
  const last = rules.pop();
  if (last) rules.push({ ...last, matched: choice.file !== undefined });
  if (!choice.file) {
    const kind = host?.secureBoot ? 'signed loader' : 'loader';
    return {
      kind: 'ignore',
      reason: `no ${kind} for ${formatArchitecture(arch.code)} is installed; run "hobnail images pull"`,
    };
  }
  const { file: loader, warning } = choice;
  if (warning !== undefined) rules.push({ rule: 'loader fits', matched: false, because: warning });
  const said = { transport, reason: assignment.reason, ...(warning !== undefined && { warning }) } as const;
  const menu = client.kind === 'pxe' && arch.firmware === 'bios' ? pxeMenuFor(planning) : undefined;
  const [only, another] = menu?.items ?? [];
  // Nobody is asked where there is nothing to choose.
  if (only?.boots === 'loader' && !another) return { kind: 'loader', loader: only.loader, ...said };
  return { kind: 'loader', loader, ...said, ...(menu && (another ?? only?.boots === 'file') && { menu }) };
}

/** The firmware's own menu, where one is written and the machine may be asked. */
function pxeMenuFor({ assignment, layers, catalog, network, rules }: Planning): PxeMenu | undefined {
  const wanted = settle(layers, 'pxeMenu');
  if (!wanted) return undefined;
  const armed = assignment.kind === 'profile' && assignment.deployment !== undefined;
  const circumstances = { transport: 'tftp', proxy: network.mode === 'proxy', secureBoot: false } as const;
  const { menu, missing } = settlePxeMenu(wanted.value, catalog.installed, circumstances);
  const because = armed
    ? `${formatOrigin(wanted.origin)} has one, but an armed deployment is not to wait for anybody`
    : [`${formatOrigin(wanted.origin)} has one`, ...missing].join('; ');
  rules.push({ rule: 'PXE menu', matched: !armed && menu.items.length > 1, because });
  return armed ? undefined : menu;
}

/** No loader of ours runs on it, so none can lead it back to its card: it is answered only where it has something to boot. */
function raspberryPiPlan(assignment: Assignment): BootPlan {
  const { kind, reason } = assignment;
  return kind === 'profile'
    ? { kind: 'files', reason: `${reason}; a Raspberry Pi asks for its files by itself` }
    : { kind: 'ignore', reason: `${reason}; without an answer a Raspberry Pi goes on to its own card` };
}

/** A way to the disk that only one family knows decides; else whoever has the last word. */
function loaderWish({ assignment, layers, host, quirks }: Planning): LoaderName | undefined {
  const wish = host?.loader ?? quirks.actions.loader ?? settle(layers, 'loader')?.value;
  if (assignment.kind === 'discover') return 'ipxe';
  if (assignment.kind !== 'local') return wish;
  const { loaders } = LOCAL_BOOTS[assignment.method];
  return wish !== undefined && (loaders === undefined || loaders.includes(wish)) ? wish : (loaders?.[0] ?? wish);
}

function armedText(profile: Profile): string {
  return profile.destructive
    ? `profile "${profile.name}" writes to disks and needs an armed deployment`
    : `profile "${profile.name}" writes to no disk, so it needs no deployment`;
}
