/** Groups: what several machines have in common. The schema of `profiles/groups/<name>.yaml` and who is in a group. */
import { z } from 'zod';
import { hasMacPrefix } from '../net/mac.ts';
import { chooseArchitecture } from './client.ts';
import { ASSET_FACTS, type AssetFact, type MachineFacts } from './facts.ts';
import { dhcpOptionsSchema, loaderSchema, macPrefixSchema, nameSchema, varsSchema } from './fields.ts';
import type { Host } from './host.ts';
import { LOCAL_METHODS } from './local-boot.ts';

/** Text to compare with, in any case; `*` stands for any run of characters. */
const glob = z.string().min(1).max(200);
const oneOf = (item: z.ZodType<string>) => z.array(item).min(1).optional();

/** All conditions that are given must hold; within one, any of its values. */
export const selectorSchema = z
  .strictObject({
    /** Labels of the host: `rack: r1`, or `rack: "*"` for any value. */
    labels: z.record(z.string(), glob).optional(),
    /** First bytes of the MAC: `b8:27:eb`. */
    macs: z.array(macPrefixSchema).min(1).optional(),
    /** Architectures by number (option 93) or by loader target (`bios`, `uefi-x64`, `uefi-arm64`). */
    archs: z
      .array(z.union([z.number().int().min(0).max(65_535), z.string()]))
      .min(1)
      .optional(),
    /** DHCP vendor class (option 60): `PXEClient*`. */
    classes: oneOf(glob),
    /** Names of networks. */
    networks: oneOf(nameSchema),
    /** Relay circuits (option 82.1), in hex or as the text they spell. */
    circuits: oneOf(glob),
    /** What SMBIOS says, as iPXE reports it. */
    smbios: z.strictObject({ manufacturer: glob, product: glob, serial: glob, asset: glob }).partial().optional(),
  })
  .refine((selector) => Object.keys(selector).length > 0, { message: 'selects nothing: give at least one condition' });
export type Selector = Readonly<z.output<typeof selectorSchema>>;

export const groupSchema = z.strictObject({
  /** The higher wins where two groups say different things. */
  priority: z.number().int().min(-1000).max(1000).default(0),
  select: selectorSchema,
  /** For members that name none themselves. Machines that are no host get it only when it writes to no disk. */
  profile: nameSchema.optional(),
  loader: loaderSchema.optional(),
  localBoot: z.enum(LOCAL_METHODS).optional(),
  vars: varsSchema.default({}),
  options: dhcpOptionsSchema.default({}),
  notes: z.string().optional(),
});
export type GroupDocument = z.output<typeof groupSchema>;
export type Group = Readonly<GroupDocument> & { readonly name: string };

/** Who is asked about: a host, or a machine nobody has described. */
export interface Member {
  readonly host?: Pick<Host, 'labels' | 'macs' | 'serial'> | undefined;
  readonly facts?: MachineFacts | undefined;
}

/** A condition on something that is not known does not hold. */
export function isMember({ select }: Pick<Group, 'select'>, { host, facts }: Member): boolean {
  const { labels, macs, archs, classes, networks, circuits, smbios } = select;
  if (labels && !Object.entries(labels).every(([key, text]) => matches(text, host?.labels[key]))) return false;
  if (macs) {
    const own = [...(host?.macs ?? []), ...(facts ? [facts.mac] : [])];
    if (!own.some((mac) => macs.some((prefix) => hasMacPrefix(mac, prefix)))) return false;
  }
  if (archs && !hasArch(archs, facts)) return false;
  if (classes && !classes.some((text) => matches(text, facts?.vendorClass))) return false;
  if (networks && !(facts?.network !== undefined && networks.includes(facts.network))) return false;
  if (circuits && !circuits.some((text) => circuitForms(facts?.circuitId).some((form) => matches(text, form)))) {
    return false;
  }
  if (!smbios) return true;
  return ASSET_FACTS.every((name) => smbios[name] === undefined || matches(smbios[name], assetOf(name, host, facts)));
}

/** Groups somebody is in, the lowest priority first; equals by name, so that the order is total. */
export function groupsOf(groups: readonly Group[], member: Member): readonly Group[] {
  return groups.filter((group) => isMember(group, member));
}

export function sortGroups(groups: readonly Group[]): readonly Group[] {
  return groups.toSorted((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1));
}

function assetOf(name: AssetFact, host: Member['host'], facts: MachineFacts | undefined): string | undefined {
  return facts?.smbios?.[name] ?? (name === 'serial' ? host?.serial : undefined);
}

function hasArch(archs: readonly (number | string)[], facts: MachineFacts | undefined): boolean {
  const arch = facts?.archCodes && chooseArchitecture(facts.archCodes, facts.mac);
  return (
    arch !== undefined && (archs.includes(arch.code) || (arch.target !== undefined && archs.includes(arch.target)))
  );
}

/** Switches write text into circuits; relays hand it on as bytes. */
function circuitForms(hex: string | undefined): readonly string[] {
  if (hex === undefined) return [];
  const text = (hex.match(/../g) ?? []).map((pair) => String.fromCharCode(Number.parseInt(pair, 16))).join('');
  return /^[\x20-\x7e]+$/.test(text) ? [hex, text] : [hex];
}

/** Linear in the text: between stars the first place that fits is the right one. */
export function matches(glob: string, text: string | undefined): boolean {
  if (text === undefined) return false;
  const parts = glob.toLowerCase().split('*');
  const subject = text.toLowerCase();
  const first = parts[0] ?? '';
  if (parts.length === 1) return subject === first;
  const last = parts.at(-1) ?? '';
  if (!subject.startsWith(first) || !subject.endsWith(last) || subject.length < first.length + last.length)
    return false;
  let from = first.length;
  const end = subject.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const at = subject.indexOf(part, from);
    if (at < 0 || at + part.length > end) return false;
    from = at + part.length;
  }
  return true;
}
