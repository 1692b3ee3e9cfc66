/** The kinds of value people write in `profiles/`: names, addresses, paths, variables. Shared by every schema. */
import { z } from 'zod';
import { type IpNetwork, parseIpNetwork } from '../net/ip-network.ts';
import { type Cidr, type Ipv4, type Ipv4Range, parseCidr, parseIpv4, parseRange } from '../net/ipv4.ts';
import { type Mac, type MacPrefix, parseMac, parseMacPrefix } from '../net/mac.ts';

/** Names of hosts, groups, profiles and networks: they are file names and URL parts. */
export const nameSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/, 'use lower-case letters, digits, dots, hyphens; at most 63');

export const macSchema = z.string().transform((text, context): Mac => {
  const parsed = parseMac(text);
  if (!parsed) context.addIssue({ code: 'custom', message: `"${text}" is not a MAC address; write 52:54:00:aa:bb:cc` });
  return parsed as Mac;
});

export const ipv4Schema = z.string().transform((text, context): Ipv4 => {
  const parsed = parseIpv4(text);
  if (!parsed) context.addIssue({ code: 'custom', message: `"${text}" is not an IPv4 address; write 10.77.0.5` });
  return parsed as Ipv4;
});

export const cidrSchema = z.string().transform((text, context): Cidr => {
  const parsed = parseCidr(text);
  if (!parsed) context.addIssue({ code: 'custom', message: `"${text}" is not a network; write 10.77.0.0/24` });
  return parsed as Cidr;
});

export const rangeSchema = z.string().transform((text, context): Ipv4Range => {
  const parsed = parseRange(text);
  if (!parsed) context.addIssue({ code: 'custom', message: `"${text}" is not a range; write 10.77.0.100-10.77.0.200` });
  return parsed as Ipv4Range;
});

/** Values a template sees as `vars`: plain YAML data. */
export type Vars = Readonly<Record<string, unknown>>;
export const varsSchema = z.record(z.string(), z.unknown());

/** Custom DHCP options: by name (`tftp-server-name`, `tftpServer`) or by number; checked against the option catalogue at load. */
export const dhcpOptionsSchema = z.record(z.string(), z.unknown());

/** A path as a client asks for it: `/`-separated, without `..`. */
export const virtualPathSchema = z
  .string()
  .min(1)
  .refine((path) => !path.split('/').includes('..'), 'must not contain ".."');

/** SMBIOS UUID, in lower case. */
export const uuidSchema = z
  .string()
  .regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'write it as 77777777-0000-4000-8000-000000000001')
  .transform((text) => text.toLowerCase());

/** Loader families; `boot/loaders.ts` says which file each is per firmware. */
export const LOADER_NAMES = ['ipxe', 'pxelinux', 'lpxelinux', 'grub', 'shim', 'ipxe-native'] as const;
export type LoaderName = (typeof LOADER_NAMES)[number];
export const loaderSchema = z.enum(LOADER_NAMES);

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
