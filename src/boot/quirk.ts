/** Quirks: what some firmware needs otherwise. The schema of `profiles/quirks/<name>.yaml`, and which of them hold for a machine. */
import { z } from 'zod';
import type { MachineFacts } from './facts.ts';
import { loaderSchema } from './fields.ts';
import { isMember, selectorSchema } from './group.ts';

/** Options a reply cannot be without. */
const NEEDED = [1, 51, 53, 54, 82];

export const quirkActionsSchema = z
  .strictObject({
    /** Never answered. */
    ignore: z.boolean(),
    /** As a proxy: `a` names no file in the offer and gives it on port 4011, `b` gives it in the offer (43.6 = 8). */
    proxyStrategy: z.enum(['a', 'b']),
    /** Milliseconds an answer is kept back: some firmware misses one that comes at once. */
    delayMs: z.number().int().min(0).max(5000),
    /** Answered by broadcast, whatever its flag says. */
    broadcast: z.boolean(),
    /** Whether its client identifier (61) is repeated; default true (RFC 6842). */
    echoClientId: z.boolean(),
    /** Whether options 66 and 67 end with NUL; by default 67 does for PXE firmware. */
    nul66: z.boolean(),
    nul67: z.boolean(),
    /** Where the boot file is named; default `both`, header and options. */
    bootFields: z.enum(['both', 'header', 'options']),
    /** Options left out, by number. */
    omit: z
      .array(
        z
          .number()
          .int()
          .min(1)
          .max(254)
          .refine((code) => !NEEDED.includes(code), `no answer works without options ${NEEDED.join(', ')}`),
      )
      .min(1),
    /** Loader family; a host's own wins. */
    loader: loaderSchema,
  })
  .partial();
export type QuirkActions = Readonly<z.output<typeof quirkActionsSchema>>;

export const quirkSchema = z.strictObject({
  /** The higher wins where two quirks say different things. */
  priority: z.number().int().min(-1000).max(1000).default(0),
  /** Conditions as of a group; all that are given must hold. */
  match: selectorSchema.refine((match) => match.labels === undefined, 'labels are of hosts: a quirk is of firmware'),
  actions: quirkActionsSchema.refine(
    (actions) => Object.keys(actions).length > 0,
    'does nothing: give at least one action',
  ),
  notes: z.string().optional(),
});
export type QuirkDocument = z.output<typeof quirkSchema>;
export type Quirk = Readonly<QuirkDocument> & { readonly name: string };

/** What holds for a machine, put together. */
export interface SettledQuirks {
  readonly actions: QuirkActions;
  /** Names of the quirks that hold, the strongest last. */
  readonly names: readonly string[];
}

export const NO_QUIRKS: SettledQuirks = Object.freeze({ actions: {}, names: [] });

/** The lowest priority first; equals by name, so that the order is total. */
export function sortQuirks(quirks: readonly Quirk[]): readonly Quirk[] {
  return quirks.toSorted((a, b) => a.priority - b.priority || (a.name < b.name ? 1 : -1));
}

/** @param quirks sorted */
export function settleQuirks(quirks: readonly Quirk[], facts: MachineFacts): SettledQuirks {
  if (quirks.length === 0) return NO_QUIRKS;
  const held = quirks.filter(({ match }) => isMember({ select: match }, { facts }));
  if (held.length === 0) return NO_QUIRKS;
  return { actions: Object.assign({}, ...held.map(({ actions }) => actions)), names: held.map(({ name }) => name) };
}
