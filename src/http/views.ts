/** What the API takes and shows of each object: schemas for the documentation, and the functions that make the values. */
import { z } from 'zod';
import { type Group, isMember } from '../boot/group.ts';
import type { Host } from '../boot/host.ts';
import type { Network } from '../boot/network.ts';
import type { Profile } from '../boot/profile.ts';
import { formatCidr } from '../net/ipv4.ts';
import { type Mac, parseMac } from '../net/mac.ts';

/** A MAC in any form, as the API takes it. */
export const macInput = z.string().transform((text, context): Mac => {
  const parsed = parseMac(text);
  if (!parsed) context.addIssue({ code: 'custom', message: `"${text}" is not a MAC address; write 52:54:00:aa:bb:cc` });
  return parsed as Mac;
});

/** Documents keep their own schema's shape; what a person wrote in YAML is shown as it stands there. */
export const hostView = z.looseObject({
  name: z.string(),
  macs: z.array(z.string()),
  profile: z.string().optional(),
  policy: z.string().optional(),
  address: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
});

/** What a host boots next. */
export const nextView = z.object({
  kind: z.string().describe('profile, local, discover or none'),
  text: z.string(),
  reason: z.string(),
});

export const profileView = z.looseObject({ name: z.string(), kind: z.string(), destructive: z.boolean() });

export const groupView = z.looseObject({
  name: z.string(),
  priority: z.number(),
  hosts: z.array(z.string()).describe('Hosts known to be in it; what a machine says of itself may add others'),
});

export const networkView = z.looseObject({
  name: z.string(),
  mode: z.string(),
  subnet: z.string().optional(),
  pools: z.array(z.string()),
});

export const leaseView = z.object({
  network: z.string(),
  address: z.string(),
  mac: z.string(),
  clientId: z.string().optional(),
  hostname: z.string().optional(),
  state: z.enum(['bound', 'released', 'declined']),
  startsAt: z.number().describe('Milliseconds since 1970'),
  expiresAt: z.number(),
  host: z.string().optional(),
});

export const eventView = z.looseObject({
  id: z.number(),
  at: z.number().describe('Milliseconds since 1970'),
  kind: z.string(),
  summary: z.string(),
});

/** One page of a list; `next` is the cursor of the page after it. */
export function pageOf<S extends z.ZodType>(item: S) {
  return z.object({ items: z.array(item), next: z.string().optional() });
}

export const pageQuery = {
  cursor: z.string().max(200).optional().describe('"next" of the page before'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
};

export function viewHost(host: Host): z.output<typeof hostView> {
  return { ...host, macs: [...host.macs] };
}

export function viewProfile(profile: Profile, hosts: number): z.output<typeof profileView> {
  return { ...profile, hosts };
}

export function viewGroup(group: Group, hosts: Iterable<Host>): z.output<typeof groupView> {
  const { select, ...rest } = group;
  const members = [...hosts].filter((host) => isMember(group, { host })).map(({ name }) => name);
  return { ...rest, select, hosts: members.sort() };
}

export function viewNetwork(network: Network): z.output<typeof networkView> {
  const { subnet, pools, ...rest } = network;
  return {
    ...rest,
    pools: pools.map((pool) => `${pool.first}-${pool.last}`),
    ...(subnet && { subnet: formatCidr(subnet) }),
  };
}
