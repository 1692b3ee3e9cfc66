/** Hosts: who a machine is. The schema of `profiles/hosts/<name>.yaml`. */
import { z } from 'zod';
import {
  dhcpOptionsSchema,
  ipv4Schema,
  loaderSchema,
  macSchema,
  nameSchema,
  uuidSchema,
  varsSchema,
} from './fields.ts';
import { LOCAL_METHODS } from './local-boot.ts';

/** `profiles/hosts/<name>.yaml`: who a machine is. */
export const hostSchema = z.strictObject({
  macs: z.array(macSchema).min(1, 'a host needs at least one MAC'),
  uuid: uuidSchema.optional(),
  serial: z.string().min(1).max(64).optional(),
  /** Name of a profile; without one a group may give one, else the host boots its local disk. */
  profile: nameSchema.optional(),
  /** `auto` follows the profile; `local` always its own disk; `blocked` and `ignore` get no boot answer. */
  policy: z.enum(['auto', 'local', 'blocked', 'ignore']).default('auto'),
  /** Reserved address. */
  address: ipv4Schema.optional(),
  /** Sent as option 12; default: the host's name. */
  hostname: z.string().max(63).optional(),
  loader: loaderSchema.optional(),
  localBoot: z.enum(LOCAL_METHODS).optional(),
  /** Secure Boot is on: only signed loaders are given, and what the machine would refuse is said before. */
  secureBoot: z.boolean().optional(),
  labels: z.record(z.string(), z.string()).default({}),
  vars: varsSchema.default({}),
  options: dhcpOptionsSchema.default({}),
  notes: z.string().optional(),
});
export type HostDocument = z.output<typeof hostSchema>;
export type Host = Readonly<HostDocument> & { readonly name: string };
