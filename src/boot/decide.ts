/** The mind: what should this machine get, and why? Pure, synchronous, the same for every door. */

import { formatMac, type Mac } from '../net/mac.ts';
import { type Catalog, findHost } from './catalog.ts';
import type { BootClient } from './client.ts';
import { formatArchitecture } from './client.ts';
import type { Host, LocalMethod, Network, Profile } from './host.ts';
import { chooseLoader, type LoaderFile } from './loaders.ts';
import { judgeKernel } from './secure-boot.ts';

/** What a machine is meant to run, whatever loader gets it there. */
export type Assignment =
  | { readonly kind: 'none'; readonly reason: string }
  | { readonly kind: 'local'; readonly method: LocalMethod; readonly reason: string }
  | { readonly kind: 'profile'; readonly profile: Profile; readonly reason: string };

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
    }
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
}

/** The profile behind `unknown: menu` when the operator has not written one. */
export const BUILT_IN_MENU: Profile = Object.freeze({
  name: 'menu',
  title: 'Boot menu',
  kind: 'menu',
  destructive: false,
  menu: false,
  initrd: [],
  args: [],
  timeoutSeconds: 10,
  vars: {},
  options: {},
  files: [],
});

/** Who is it, and what is it meant to run? Used by DHCP decisions and by file rendering alike. */
export function assign(
  catalog: Catalog,
  host: Host | undefined,
  network: Pick<Network, 'name' | 'unknown'> | undefined,
): { readonly assignment: Assignment; readonly rules: readonly RuleTried[] } {
  const rules: RuleTried[] = [];
  const tried = (rule: string, matched: boolean, because: string) => {
    rules.push({ rule, matched, because });
    return matched;
  };
  const done = (assignment: Assignment) => ({ assignment, rules });

  if (!host) return done(assignUnknown(catalog, network, tried));

  if (tried('host policy', host.policy !== 'auto', `host "${host.name}" has policy ${host.policy}`)) {
    if (host.policy === 'local') return done(local(host, `host "${host.name}" always boots its own disk`));
    return done({ kind: 'none', reason: `host "${host.name}" is ${host.policy === 'ignore' ? 'ignored' : 'blocked'}` });
  }
  if (!tried('host profile', host.profile !== undefined, profileText(host))) {
    return done(local(host, `host "${host.name}" has no profile`));
  }
  const profile = catalog.profiles.get(host.profile ?? '');
  if (!profile) return done(local(host, `profile "${host.profile}" of host "${host.name}" does not exist`));
  if (tried('armed deployment', !profile.destructive, armedText(profile))) {
    if (profile.kind === 'local') return done(local(host, `profile "${profile.name}" is the local disk`));
    return done({ kind: 'profile', profile, reason: `host "${host.name}" has profile "${profile.name}"` });
  }
  return done(local(host, `profile "${profile.name}" is destructive: assigned, not armed`));
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
  const { assignment, rules: assignRules } = assign(catalog, host, network);
  rules.push(...assignRules);
  const plan = planFor(client, assignment, host, catalog, network, rules);
  const profile = assignment.kind === 'profile' ? assignment.profile : undefined;
  for (const { good, because } of judgeKernel(host, profile, catalog)) {
    rules.push({ rule: 'Secure Boot', matched: good, because });
  }
  return { plan, assignment, rules, ...(host && { host }) };
}

/** Path of a machine's iPXE script. */
export function scriptPath(mac: Mac): string {
  return `ipxe/${formatMac(mac, 'hyphen')}.ipxe`;
}

function planFor(
  client: BootClient,
  assignment: Assignment,
  host: Host | undefined,
  catalog: Catalog,
  network: Network,
  rules: RuleTried[],
): BootPlan {
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
  return loaderPlan(client, assignment, host, catalog, network, rules);
}

function loaderPlan(
  client: BootClient,
  assignment: Exclude<Assignment, { kind: 'none' }>,
  host: Host | undefined,
  catalog: Catalog,
  network: Network,
  rules: RuleTried[],
): BootPlan {
  const arch = client.arch;
  if (!arch) {
    const said = client.archCodes.length > 0 ? client.archCodes.map(formatArchitecture).join(', ') : 'nothing';
    return { kind: 'ignore', reason: `cannot tell its architecture (it said ${said}), so no loader is safe to send` };
  }
  if (!arch.target) return { kind: 'ignore', reason: `no loader exists for ${formatArchitecture(arch.code)}` };
  const wish = host?.loader ?? (assignment.kind === 'profile' ? assignment.profile.loader : undefined);
  // HTTPClient takes nothing but a URL and PXEClient nothing but a path, whatever architecture they claim.
  const transport = client.kind === 'http' ? 'http' : 'tftp';
  const choice = chooseLoader(arch.target, wish, catalog.installed, {
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
  if (choice.warning !== undefined) rules.push({ rule: 'loader fits', matched: false, because: choice.warning });
  const { file: loader, warning } = choice;
  return { kind: 'loader', loader, transport, reason: assignment.reason, ...(warning !== undefined && { warning }) };
}

function assignUnknown(
  catalog: Catalog,
  network: Pick<Network, 'name' | 'unknown'> | undefined,
  tried: (rule: string, matched: boolean, because: string) => boolean,
): Assignment {
  const policy = network?.unknown ?? 'menu';
  const where = network ? `on network "${network.name}"` : 'here';
  tried('unknown machines', true, `unknown machines ${where}: ${policy}`);
  if (policy === 'ignore') return { kind: 'none', reason: `unknown machines ${where} are ignored` };
  if (policy === 'local')
    return { kind: 'local', method: 'no-offer', reason: `unknown machines ${where} boot locally` };
  const profile = catalog.profiles.get(policy) ?? (policy === 'menu' ? BUILT_IN_MENU : undefined);
  // Checked at load as well; a snapshot that slipped through must still never wipe a stranger.
  if (!profile || profile.destructive) {
    return { kind: 'local', method: 'no-offer', reason: `"${policy}" cannot be given to unknown machines` };
  }
  return { kind: 'profile', profile, reason: `unknown machine, ${where} it gets "${profile.name}"` };
}

function local(host: Host, reason: string): Assignment {
  return { kind: 'local', method: host.localBoot ?? 'no-offer', reason };
}

function profileText(host: Host): string {
  return host.profile === undefined ? `host "${host.name}" has no profile` : `its profile is "${host.profile}"`;
}

function armedText(profile: Profile): string {
  return profile.destructive
    ? `profile "${profile.name}" writes to disks and needs an armed deployment`
    : `profile "${profile.name}" writes to no disk, so it needs no deployment`;
}
