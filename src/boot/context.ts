/** The object a template sees. Everything in it is plain data; what a client says of itself stays under `client`. */

import { ipv4ToHex, parseIpv4 } from '../net/ipv4.ts';
import { formatMac, type Mac } from '../net/mac.ts';
import type { Catalog } from './catalog.ts';
import { chooseArchitecture } from './client.ts';
import type { Assignment } from './decide.ts';
import type { MachineFacts } from './facts.ts';
import type { Vars } from './fields.ts';
import type { Host } from './host.ts';
import { chooseLocalMethod } from './local-boot.ts';
import type { Network } from './network.ts';
import { type Layer, layersOf, settle, settleVars, withProfile } from './precedence.ts';
import type { Profile } from './profile.ts';
import type { Captures } from './route.ts';

/** Where machines fetch from, as seen by this requester. */
export interface ServerIdentity {
  readonly address: string;
  /** `http://10.77.0.1:8080`, without a trailing slash. */
  readonly httpBase: string;
  /** `tftp://10.77.0.1`. */
  readonly tftpBase: string;
}

/** A kernel and what belongs to it, each path as the client fetches it. */
export interface BootEntry {
  readonly name: string;
  readonly title: string;
  /** Virtual paths (`debian/linux`) or absolute URLs as the profile has them. */
  readonly kernel: string;
  readonly initrd: readonly string[];
  readonly args: readonly string[];
}

/** What the loader has to do. */
export type BootView =
  | { readonly kind: 'kernel'; readonly entry: BootEntry }
  /** `method` is for its entry "Local disk". */
  | {
      readonly kind: 'menu';
      readonly timeoutSeconds: number;
      readonly entries: readonly BootEntry[];
      readonly method: string;
    }
  | { readonly kind: 'chain'; readonly target: string }
  /** `method` is one of `boot/local-boot.ts`; a loader that has no such way of its own ends. */
  | { readonly kind: 'local'; readonly method: string }
  /** iPXE reports what the machine is to `url`, then all go on to the disk by `method`. */
  | { readonly kind: 'discover'; readonly method: string; readonly url: string };

export interface TemplateContext {
  readonly host: {
    readonly name: string;
    readonly hostname: string;
    readonly known: boolean;
    readonly uuid?: string | undefined;
    readonly serial?: string | undefined;
    readonly address?: string | undefined;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly profile: { readonly name: string; readonly title: string; readonly kind: string };
  readonly network: { readonly name: string; readonly router?: string | undefined; readonly dns: readonly string[] };
  readonly server: ServerIdentity;
  readonly boot: BootView;
  /** Why the machine gets this, for a comment at the top of the file. */
  readonly reason: string;
  /** Merged by `boot/precedence.ts`. */
  readonly vars: Vars;
  readonly mac?: { readonly [form: string]: string };
  /** What the client says of itself; nothing else is here, and nothing of it is anywhere else. */
  readonly client: ClientView;
  /** The one that lets the machine in. Its token makes URLs (`boot/token-path.ts`). */
  readonly deployment?: DeploymentView;
  /** What the file route captured, as it was asked. */
  readonly path: Readonly<Record<string, string>>;
}

export interface ClientView {
  readonly ip: string;
  readonly iphex?: string;
  readonly uuid?: string;
  /** Option 93, the one that was chosen, by loader target: `uefi-x64`. */
  readonly target?: string;
  readonly firmware?: string;
  readonly vendorClass?: string;
  readonly hostname?: string;
  readonly circuitId?: string;
  readonly manufacturer?: string;
  readonly product?: string;
  readonly serial?: string;
  readonly asset?: string;
}

export interface DeploymentView {
  readonly id: string;
  /** Good for this machine and this boot; absent in previews. */
  readonly token?: string | undefined;
}

export interface ContextParts {
  readonly assignment: Exclude<Assignment, { kind: 'none' }>;
  readonly catalog: Catalog;
  readonly host?: Host | undefined;
  readonly network?: Network | undefined;
  readonly mac?: Mac | undefined;
  readonly server: ServerIdentity;
  readonly clientIp: string;
  readonly captures: Captures;
  /** What is written for the machine, from `assign`; default: defaults, profile, network and host. */
  readonly layers?: readonly Layer[] | undefined;
  /** What was seen of the machine. */
  readonly facts?: MachineFacts | undefined;
  /** Of the deployment in the assignment. */
  readonly token?: string | undefined;
}

/** Variables as the templates of a profile see them. */
export function varsOf(parts: ContextParts, profile: Profile | undefined): Vars {
  const { catalog, network, host, layers } = parts;
  const all = layers ? withProfile(layers, profile) : layersOf({ defaults: catalog.defaults, profile, network, host });
  // fromEntries makes own properties of every name, `__proto__` included.
  return Object.fromEntries([...settleVars(all)].map(([name, { value }]) => [name, value]));
}

export function buildContext(parts: ContextParts): TemplateContext {
  const { assignment, host, network, mac } = parts;
  const profile = assignment.kind === 'profile' ? assignment.profile : undefined;
  const deployment = assignment.kind === 'profile' ? assignment.deployment : undefined;
  const name = host?.name ?? (mac ? formatMac(mac, 'hyphen') : 'unknown');
  return {
    host: defined({
      name,
      hostname: host?.hostname ?? name,
      known: host !== undefined,
      uuid: host?.uuid,
      serial: host?.serial,
      address: host?.address,
      labels: host?.labels ?? {},
    }),
    profile: {
      name: profile?.name ?? 'local',
      title: profile?.title ?? profile?.name ?? 'Local disk',
      kind: profile?.kind ?? 'local',
    },
    network: defined({ name: network?.name ?? '', router: network?.router, dns: network?.dns ?? [] }),
    server: parts.server,
    boot: viewOf(parts),
    reason: assignment.reason,
    vars: varsOf(parts, profile),
    client: clientView(parts),
    path: parts.captures.text,
    ...(mac && { mac: macForms(mac) }),
    ...(deployment && { deployment: defined({ id: deployment.id, token: parts.token }) }),
  };
}

function clientView({ clientIp, facts }: ContextParts): ClientView {
  const ipv4 = parseIpv4(clientIp);
  const arch = facts?.archCodes && chooseArchitecture(facts.archCodes, facts.mac);
  return defined({
    ip: clientIp,
    iphex: ipv4 && ipv4ToHex(ipv4),
    uuid: facts?.uuid,
    target: arch?.target,
    firmware: arch?.firmware,
    vendorClass: facts?.vendorClass,
    hostname: facts?.hostname,
    circuitId: facts?.circuitId,
    ...facts?.smbios,
  }) as ClientView;
}

/** What the loader has to do for an assignment. */
function viewOf({ assignment, layers, facts, catalog, host, network, server, mac }: ContextParts): BootView {
  if (assignment.kind === 'local') return { kind: 'local', method: assignment.method };
  if (assignment.kind === 'discover') {
    const url = `${server.httpBase}/discover/${mac ? formatMac(mac, 'hyphen') : ''}`;
    return { kind: 'discover', method: assignment.method, url };
  }
  const { profile } = assignment;
  switch (profile.kind) {
    case 'install':
    case 'live':
    case 'rescue': {
      const entry = entryOf(profile);
      return entry ? { kind: 'kernel', entry } : { kind: 'local', method: 'exit' };
    }
    case 'menu':
      return {
        kind: 'menu',
        timeoutSeconds: profile.timeoutSeconds,
        entries: menuEntries(catalog),
        method: chooseLocalMethod(
          settle(layers ?? layersOf({ defaults: catalog.defaults, profile, network, host }), 'localBoot')?.value,
          chooseArchitecture(facts?.archCodes ?? []),
        ).method,
      };
    case 'chain':
      return profile.chain === undefined ? { kind: 'local', method: 'exit' } : { kind: 'chain', target: profile.chain };
    case 'local':
    case 'device':
    case 'phone':
      return { kind: 'local', method: 'exit' };
    default:
      return profile.kind satisfies never;
  }
}

/** Everything that may be offered to anybody: in the menu, with a kernel, and writing to no disk. */
function menuEntries(catalog: Catalog): readonly BootEntry[] {
  return [...catalog.profiles.values()]
    .filter((profile) => profile.menu && !profile.destructive)
    .map(entryOf)
    .filter((entry) => entry !== undefined)
    .sort((a, b) => (a.title < b.title ? -1 : 1));
}

function entryOf(profile: Profile): BootEntry | undefined {
  if (profile.kernel === undefined) return undefined;
  return {
    name: profile.name,
    title: profile.title ?? profile.name,
    kernel: profile.kernel,
    initrd: profile.initrd,
    args: profile.args,
  };
}

function macForms(mac: Mac): { readonly [form: string]: string } {
  return {
    colon: mac,
    hyphen: formatMac(mac, 'hyphen'),
    dot: formatMac(mac, 'dot'),
    raw: formatMac(mac, 'raw'),
    upper: formatMac(mac, 'upper'),
    pxelinux: formatMac(mac, 'pxelinux'),
  };
}

/** Leaves unset keys out, so that a strict template names them as missing instead of writing nothing. */
function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
