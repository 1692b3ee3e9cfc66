/** Rows of the file-route table and rewrite rules: the schemas of `templates/routes.yaml` and of a profile's `files:`. */
import { z } from 'zod';
import { cidrSchema, ipNetworkSchema, macPrefixSchema, virtualPathSchema } from './fields.ts';
import { UPLOAD_POLICIES } from './upload.ts';

export const ROUTE_STAGES = ['script', 'answer'] as const;
export type RouteStage = (typeof ROUTE_STAGES)[number];

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
    path: virtualPathSchema,
    /** Template under `templates/`, with its `.hbs`. */
    template: virtualPathSchema.optional(),
    /** File under `boot-images/`; may use the captures (`debian/*rest`). */
    image: virtualPathSchema.optional(),
    /** Of an image: our address, as the machine reaches us, is written where the image keeps a place for it. */
    fill: z.literal('server').optional(),
    /** Where a file written to this path goes under the root of uploads; may use the captures (`backups/:mac/*name`). */
    upload: virtualPathSchema.optional(),
    /** Of an upload. Default: `versions`. */
    policy: z.enum(UPLOAD_POLICIES).optional(),
    /** Largest upload in bytes; default: the settings'. */
    maxBytes: z.number().int().min(1).optional(),
    /** Networks an upload may come from; default: anywhere. */
    from: z.array(cidrSchema).min(1).optional(),
    /** Whether what was uploaded can be read under the same path; of versions the newest. */
    readable: z.boolean().optional(),
    /**
     * What fetching a template under this path says of an installation: `script` is what a loader runs, `answer` what an
     * installer reads. Default: `answer` for a profile's own rows, `script` for the general table.
     */
    stage: z.enum(ROUTE_STAGES).optional(),
    /** Of a template: also the answer to a POST, for installers that tell what they are and get their answers back. */
    post: z.boolean().optional(),
    /** Sent by HTTP; by default from the extension under `.hbs`. */
    contentType: z.string().optional(),
  })
  .refine((route) => [route.template, route.image, route.upload].filter((one) => one !== undefined).length === 1, {
    message: 'needs exactly one of "template", "image" and "upload"',
  })
  .refine((route) => route.fill === undefined || route.image !== undefined, { message: '"fill" belongs to "image"' })
  .refine((route) => route.post === undefined || route.template !== undefined, {
    message: '"post" belongs to "template"',
  })
  .refine((route) => route.upload !== undefined || ofUpload(route).every((value) => value === undefined), {
    message: 'policy, maxBytes, from and readable belong to "upload"',
  });
export type FileRoute = Readonly<z.output<typeof fileRouteSchema>>;

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
