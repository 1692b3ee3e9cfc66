/** The object a template sees. Everything in it is plain data; what a client says of itself stays under `client`. */

import { ipv4ToHex, parseIpv4 } from '../net/ipv4.ts';
import { formatMac, type Mac } from '../net/mac.ts';
import type { Catalog } from './catalog.ts';
import type { Assignment } from './decide.ts';
import type { Host, Network, Profile, Vars } from './host.ts';
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
  | { readonly kind: 'menu'; readonly timeoutSeconds: number; readonly entries: readonly BootEntry[] }
  | { readonly kind: 'chain'; readonly target: string }
  | { readonly kind: 'local'; readonly method: string };

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
  /** Network, then profile, then host: the later wins. */
  readonly vars: Vars;
  readonly mac?: { readonly [form: string]: string };
  readonly client: { readonly ip: string; readonly iphex?: string };
  /** What the file route captured, as it was asked. */
  readonly path: Readonly<Record<string, string>>;
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
}

/** Where a value of `vars` came from, for `explain` and error texts. */
export type VarOrigin = 'network' | 'profile' | 'host';

/** Merges variables in precedence order and remembers the origin of each. */
export function mergeVars(
  network: Network | undefined,
  profile: Profile | undefined,
  host: Host | undefined,
): { readonly vars: Vars; readonly origins: Readonly<Record<string, VarOrigin>> } {
  const merged = new Map<string, { value: unknown; origin: VarOrigin }>();
  const layers: readonly [VarOrigin, Vars | undefined][] = [
    ['network', network?.vars],
    ['profile', profile?.vars],
    ['host', host?.vars],
  ];
  for (const [origin, layer] of layers) {
    for (const [name, value] of Object.entries(layer ?? {})) merged.set(name, { value, origin });
  }
  // fromEntries makes own properties of every name, `__proto__` included.
  return {
    vars: Object.fromEntries([...merged].map(([name, { value }]) => [name, value])),
    origins: Object.fromEntries([...merged].map(([name, { origin }]) => [name, origin])),
  };
}

export function buildContext(parts: ContextParts): TemplateContext {
  const { assignment, host, network, mac } = parts;
  const profile = assignment.kind === 'profile' ? assignment.profile : undefined;
  const ipv4 = parseIpv4(parts.clientIp);
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
    boot: viewOf(assignment, parts.catalog),
    reason: assignment.reason,
    vars: mergeVars(network, profile, host).vars,
    client: {
      ip: parts.clientIp,
      ...(ipv4 && { iphex: ipv4ToHex(ipv4) }),
    },
    path: parts.captures.text,
    ...(mac && { mac: macForms(mac) }),
  };
}

/** What the loader has to do for an assignment. */
export function viewOf(assignment: Exclude<Assignment, { kind: 'none' }>, catalog: Catalog): BootView {
  if (assignment.kind === 'local') return { kind: 'local', method: assignment.method };
  const { profile } = assignment;
  switch (profile.kind) {
    case 'install':
    case 'live':
    case 'rescue': {
      const entry = entryOf(profile);
      return entry ? { kind: 'kernel', entry } : { kind: 'local', method: 'exit' };
    }
    case 'menu':
      return { kind: 'menu', timeoutSeconds: profile.timeoutSeconds, entries: menuEntries(catalog) };
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
