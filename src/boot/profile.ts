/** Profiles: what a machine gets. The schema of `profiles/<name>.yaml` and how `extends` is resolved. */
import { z } from 'zod';
import { dhcpOptionsSchema, loaderSchema, nameSchema, varsSchema, virtualPathSchema } from './fields.ts';
import { pxeMenuSchema } from './pxe-menu.ts';
import { fileRouteSchema } from './routes-file.ts';

export const PROFILE_KINDS = ['install', 'live', 'menu', 'local', 'rescue', 'chain', 'device', 'phone'] as const;
export type ProfileKind = (typeof PROFILE_KINDS)[number];

/** Values a profile takes, as JSON Schema (2020-12) of an object; a `default` is the value where nobody sets one. */
const paramsSchema = z.strictObject({
  type: z.literal('object').default('object'),
  properties: z.record(z.string(), z.looseObject({ default: z.unknown().optional() })).default({}),
  required: z.array(z.string()).default([]),
});
export type Params = Readonly<z.output<typeof paramsSchema>>;

/** `profiles/<name>.yaml`: what a machine gets. */
export const profileSchema = z.strictObject({
  /**
   * Name of the profile this one begins as. What is written here wins; `vars`, `options` and `params` are merged key by
   * key, `files` rows come before the inherited ones, everything else is replaced whole.
   */
  extends: nameSchema.optional(),
  /** One line for menus and lists. */
  title: z.string().optional(),
  /** Required, unless it is inherited. */
  kind: z.enum(PROFILE_KINDS).optional(),
  /** Writes to disks. Served only to an armed deployment; never by assignment alone. Default: true for `install`. */
  destructive: z.boolean().optional(),
  /** Offered in the menu unknown machines get. */
  menu: z.boolean().default(false),
  /** Loader family; default by firmware. */
  loader: loaderSchema.optional(),
  /** Menu of BIOS firmware itself, before any loader. UEFI and iPXE never see it. */
  pxeMenu: pxeMenuSchema.optional(),
  /** Under `boot-images/`, or an absolute URL. */
  kernel: virtualPathSchema.optional(),
  initrd: z.array(virtualPathSchema).default([]),
  /** Kernel command line, one argument an item; each may use template variables. */
  args: z.array(z.string()).default([]),
  /** Script or loader a `chain` profile hands over to. */
  chain: z.string().optional(),
  /** `menu` profiles: seconds until the default (local disk) is taken. */
  timeoutSeconds: z.number().int().min(1).max(3600).default(10),
  /** Defaults for `vars`; a host's own win. */
  vars: varsSchema.default({}),
  /** What `vars` must hold for this profile; checked at load, and whole when a deployment is armed. */
  params: paramsSchema.default({ type: 'object', properties: {}, required: [] }),
  options: dhcpOptionsSchema.default({}),
  /** Rows tried before the general table in `templates/routes.yaml`. */
  files: z.array(fileRouteSchema).default([]),
});
export type ProfileDocument = z.output<typeof profileSchema>;

/** A profile with everything it inherits. */
export type Profile = Readonly<Omit<ProfileDocument, 'kind' | 'destructive' | 'extends'>> & {
  readonly name: string;
  readonly kind: ProfileKind;
  readonly destructive: boolean;
  /** Hash of what it says, inherited values included: changes when what a machine gets may have changed. */
  readonly revision: string;
};

/** A profile as its file has it; `given` are the keys that are written there. */
export interface ProfileFile {
  readonly name: string;
  readonly document: ProfileDocument;
  readonly given: ReadonlySet<string>;
}
