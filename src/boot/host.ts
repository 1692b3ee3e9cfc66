/** Hosts, profiles, networks and file routes: the types and schemas of everything under `profiles/`. */
import { z } from 'zod';
import { type IpNetwork, parseIpNetwork } from '../net/ip-network.ts';
import { type Cidr, type Ipv4, type Ipv4Range, parseCidr, parseIpv4, parseRange } from '../net/ipv4.ts';
import { type Mac, type MacPrefix, parseMac, parseMacPrefix } from '../net/mac.ts';
import { UPLOAD_POLICIES } from './upload.ts';

const name = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/, 'use lower-case letters, digits, dots, hyphens; at most 63');

const mac = z.string().transform((text, context): Mac => {
  const parsed = parseMac(text);
  if (!parsed) context.addIssue({ code: 'custom', message: `"${text}" is not a MAC address; write 52:54:00:aa:bb:cc` });
  return parsed as Mac;
});

const ipv4 = z.string().transform((text, context): Ipv4 => {
  const parsed = parseIpv4(text);
  if (!parsed) context.addIssue({ code: 'custom', message: `"${text}" is not an IPv4 address; write 10.77.0.5` });
  return parsed as Ipv4;
});

const cidr = z.string().transform((text, context): Cidr => {
  const parsed = parseCidr(text);
  if (!parsed) context.addIssue({ code: 'custom', message: `"${text}" is not a network; write 10.77.0.0/24` });
  return parsed as Cidr;
});

const range = z.string().transform((text, context): Ipv4Range => {
  const parsed = parseRange(text);
  if (!parsed) context.addIssue({ code: 'custom', message: `"${text}" is not a range; write 10.77.0.100-10.77.0.200` });
  return parsed as Ipv4Range;
});

/** Values a template sees as `vars`: plain YAML data. */
export type Vars = Readonly<Record<string, unknown>>;
const vars = z.record(z.string(), z.unknown());

/** Custom DHCP options: by name (`tftp-server-name`, `tftpServer`) or by number; checked against the option catalogue at load. */
const dhcpOptions = z.record(z.string(), z.unknown());

/** A path as a client asks for it: `/`-separated, without `..`. */
const virtualPath = z
  .string()
  .min(1)
  .refine((path) => !path.split('/').includes('..'), 'must not contain ".."');

/** How a machine is sent on to its own disk. `no-offer` leaves it to the firmware's next boot entry. */
export const LOCAL_METHODS = ['no-offer', 'exit', 'sanboot', 'poweroff'] as const;
export type LocalMethod = (typeof LOCAL_METHODS)[number];

/** Loader families; `boot/loaders.ts` says which file each is per firmware. */
export const LOADER_NAMES = ['ipxe', 'pxelinux', 'lpxelinux', 'grub', 'shim', 'ipxe-native'] as const;
export type LoaderName = (typeof LOADER_NAMES)[number];
const loader = z.enum(LOADER_NAMES);

interface UploadFields {
  readonly policy?: unknown;
  readonly maxBytes?: unknown;
  readonly readable?: unknown;
  readonly from?: unknown;
}

const ofUpload = (route: UploadFields) => [route.policy, route.maxBytes, route.readable, route.from];

// One row of the file-route table. `path` is a pattern: `:mac`, `:uuid`, `:iphex`, `:ip`, `:serial` capture that kind of
// value in any spelling (`:mac` is always tried as canonical MAC), any other `:name` captures within one segment, a
// trailing `*name` captures the rest of the path, and a leading `**/` stands for any directories, also none.
export const fileRouteSchema = z
  .strictObject({
    path: virtualPath,
    /** Template under `templates/`, with its `.hbs`. */
    template: virtualPath.optional(),
    /** File under `boot-images/`; may use the captures (`debian/*rest`). */
    image: virtualPath.optional(),
    /** Of an image: our address, as the machine reaches us, is written where the image keeps a place for it. */
    fill: z.literal('server').optional(),
    /** Where a file written to this path goes under the root of uploads; may use the captures (`backups/:mac/*name`). */
    upload: virtualPath.optional(),
    /** Of an upload. Default: `versions`. */
    policy: z.enum(UPLOAD_POLICIES).optional(),
    /** Largest upload in bytes; default: the settings'. */
    maxBytes: z.number().int().min(1).optional(),
    /** Networks an upload may come from; default: anywhere. */
    from: z.array(cidr).min(1).optional(),
    /** Whether what was uploaded can be read under the same path; of versions the newest. */
    readable: z.boolean().optional(),
    /** Sent by HTTP; by default from the extension under `.hbs`. */
    contentType: z.string().optional(),
  })
  .refine((route) => [route.template, route.image, route.upload].filter((one) => one !== undefined).length === 1, {
    message: 'needs exactly one of "template", "image" and "upload"',
  })
  .refine((route) => route.fill === undefined || route.image !== undefined, { message: '"fill" belongs to "image"' })
  .refine((route) => route.upload !== undefined || ofUpload(route).every((value) => value === undefined), {
    message: 'policy, maxBytes, from and readable belong to "upload"',
  });
export type FileRoute = Readonly<z.output<typeof fileRouteSchema>>;

export const PROFILE_KINDS = ['install', 'live', 'menu', 'local', 'rescue', 'chain', 'device', 'phone'] as const;
export type ProfileKind = (typeof PROFILE_KINDS)[number];

/** `profiles/<name>.yaml`: what a machine gets. */
export const profileSchema = z.strictObject({
  /** One line for menus and lists. */
  title: z.string().optional(),
  kind: z.enum(PROFILE_KINDS),
  /** Writes to disks. Served only to an armed deployment; never by assignment alone. Default: true for `install`. */
  destructive: z.boolean().optional(),
  /** Offered in the menu unknown machines get. */
  menu: z.boolean().default(false),
  /** Loader family; default by firmware. */
  loader: loader.optional(),
  /** Under `boot-images/`, or an absolute URL. */
  kernel: virtualPath.optional(),
  initrd: z.array(virtualPath).default([]),
  /** Kernel command line, one argument an item; each may use template variables. */
  args: z.array(z.string()).default([]),
  /** Script or loader a `chain` profile hands over to. */
  chain: z.string().optional(),
  /** `menu` profiles: seconds until the default (local disk) is taken. */
  timeoutSeconds: z.number().int().min(1).max(3600).default(10),
  /** Defaults for `vars`; a host's own win. */
  vars: vars.default({}),
  options: dhcpOptions.default({}),
  /** Rows tried before the general table in `templates/routes.yaml`. */
  files: z.array(fileRouteSchema).default([]),
});
export type ProfileDocument = z.output<typeof profileSchema>;
export type Profile = Readonly<ProfileDocument> & { readonly name: string; readonly destructive: boolean };

/** `profiles/hosts/<name>.yaml`: who a machine is. */
export const hostSchema = z.strictObject({
  macs: z.array(mac).min(1, 'a host needs at least one MAC'),
  uuid: z
    .string()
    .regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'write it as 77777777-0000-4000-8000-000000000001')
    .transform((text) => text.toLowerCase())
    .optional(),
  serial: z.string().min(1).max(64).optional(),
  /** Name of a profile; without one the host boots its local disk. */
  profile: name.optional(),
  /** `auto` follows the profile; `local` always its own disk; `blocked` and `ignore` get no boot answer. */
  policy: z.enum(['auto', 'local', 'blocked', 'ignore']).default('auto'),
  /** Reserved address. */
  address: ipv4.optional(),
  /** Sent as option 12; default: the host's name. */
  hostname: z.string().max(63).optional(),
  loader: loader.optional(),
  localBoot: z.enum(LOCAL_METHODS).optional(),
  /** Secure Boot is on: only signed loaders are given, and what the machine would refuse is said before. */
  secureBoot: z.boolean().optional(),
  labels: z.record(z.string(), z.string()).default({}),
  vars: vars.default({}),
  options: dhcpOptions.default({}),
  notes: z.string().optional(),
});
export type HostDocument = z.output<typeof hostSchema>;
export type Host = Readonly<HostDocument> & { readonly name: string };

export const NETWORK_MODES = ['server', 'responder', 'proxy', 'observe', 'off'] as const;
export type NetworkMode = (typeof NETWORK_MODES)[number];

/** Whether machines may get an address there: then the leases of the network are kept. */
export function givesAddresses(mode: NetworkMode): boolean {
  return mode === 'server' || mode === 'responder';
}

/** `profiles/networks/<name>.yaml`: a wire we serve. */
export const networkSchema = z
  .strictObject({
    /** Interface name; or leave it out and the interface with an address in `subnet` is taken. */
    interface: z.string().min(1).max(15).optional(),
    subnet: cidr.optional(),
    /**
     * `server` gives addresses; `responder` those of its hosts only, and hears nobody else; `proxy` gives boot information
     * beside another DHCP server; `observe` answers nothing and records what it sees; `off` does not listen.
     */
    mode: z.enum(NETWORK_MODES),
    pools: z.array(range).default([]),
    router: ipv4.optional(),
    dns: z.array(ipv4).default([]),
    domain: z.string().optional(),
    ntp: z.array(ipv4).default([]),
    leaseSeconds: z.number().int().min(60).max(31_536_000).default(3600),
    /** Leases for firmware and loaders: short, so that they do not fill the pool. */
    bootLeaseSeconds: z.number().int().min(60).max(86_400).default(600),
    /** NAK clients that ask for addresses we know nothing of. */
    authoritative: z.boolean().default(false),
    /** Address machines are told to fetch from; default: the interface's own. */
    serverAddress: ipv4.optional(),
    /** What a machine that is no host gets: `ignore`, `local`, `menu`, or the name of a non-destructive profile. */
    unknown: z.string().default('menu'),
    options: dhcpOptions.default({}),
    vars: vars.default({}),
  })
  .refine((network) => network.interface !== undefined || network.subnet !== undefined, {
    message: 'needs "interface" or "subnet", to know which wire it is',
  });
export type NetworkDocument = z.output<typeof networkSchema>;
export type Network = Readonly<NetworkDocument> & { readonly name: string };

/** Networks of either family, `10.77.0.0/16` or `fd00::/8`; one address alone is itself. */
export const ipNetworkSchema = z.string().transform((text, context): IpNetwork => {
  const parsed = parseIpNetwork(text);
  if (!parsed) context.addIssue({ code: 'custom', message: `"${text}" is not a network; write 10.77.0.0/24` });
  return parsed as IpNetwork;
});

export const macPrefixSchema = z.string().transform((text, context): MacPrefix => {
  const parsed = parseMacPrefix(text);
  if (!parsed) context.addIssue({ code: 'custom', message: `"${text}" does not begin a MAC; write b8:27:eb` });
  return parsed as MacPrefix;
});

/** One rule of `rewrites:`; rules see paths in normal form: `/` between segments, none in front. */
export const rewriteSchema = z
  .strictObject({
    /** What logs and `hobnail route` call it; default: its pattern. */
    title: z.string().min(1).max(100).optional(),
    /** Regular expression, anywhere in the path; default: every path. */
    match: z.string().min(1).max(256).optional(),
    ignoreCase: z.boolean().default(false),
    /** The rule applies to paths that do not match; it then replaces the whole path. */
    invert: z.boolean().default(false),
    /** In place of what was found: `$1`, `${lower:1}`, `:ip`, `:iphex`, `:mac`. */
    replace: z.string().max(256).optional(),
    /** Every match, not only the first. */
    global: z.boolean().default(false),
    /** Then the whole path in one case. */
    case: z.enum(['lower', 'upper']).optional(),
    only: z.enum(['read', 'write']).optional(),
    /** Only for machines there. */
    networks: z.array(ipNetworkSchema).min(1).optional(),
    /** Only for machines whose MAC begins so. */
    macs: z.array(macPrefixSchema).min(1).optional(),
    /** Only when nothing is there under the name the other rules give. */
    whenAbsent: z.boolean().default(false),
    /** After the rule applied: `restart` begins again with the first. */
    next: z.enum(['continue', 'stop', 'restart']).default('continue'),
    /** Refuses the request, with this text for the client. */
    deny: z.string().min(1).max(100).optional(),
  })
  .refine(
    (rule) => rule.deny !== undefined || rule.replace !== undefined || rule.case !== undefined || rule.next === 'stop',
    { message: 'does nothing: give "replace", "case", "deny" or "next: stop"' },
  )
  .refine((rule) => rule.deny === undefined || (rule.replace ?? rule.case) === undefined, {
    message: 'a path that is denied is not rewritten: remove "replace" and "case", or "deny"',
  });
export type RewriteRule = Readonly<z.output<typeof rewriteSchema>>;

/** `templates/routes.yaml`: the general file-route table, tried in order after the profile's own rows. */
export const routesSchema = z.strictObject({
  routes: z.array(fileRouteSchema),
  /** Tried on every path before the routes. */
  rewrites: z.array(rewriteSchema).default([]),
  /** Files of `boot-images/` are found in any case, when there is none in the case asked for. */
  ignoreCase: z.boolean().default(false),
});
export type RoutesDocument = Readonly<z.output<typeof routesSchema>>;

/** `install` profiles write to disks unless they say otherwise. */
export function isDestructive(profile: ProfileDocument): boolean {
  return profile.destructive ?? profile.kind === 'install';
}

/** Names of hosts, profiles and networks: they are file names and URL parts. */
export const nameSchema = name;
