/** The menu of BIOS firmware itself (PXE 2.1 §2.2.3): what operators write of it, and what a machine is shown. */
import { z } from 'zod';
import { loaderSchema, virtualPathSchema } from './fields.ts';
import { chooseLoader, type LoaderCircumstances, type LoaderFile } from './loaders.ts';

/** Firmware shows these in its own character set. */
const lineSchema = z.string().regex(/^[\x20-\x7e]{1,60}$/, 'use 1 to 60 ASCII characters: firmware shows no others');

const itemSchema = z
  .strictObject({
    title: lineSchema,
    loader: loaderSchema.optional(),
    /** What is fetched by TFTP and started: a path as machines ask for it, at most 127 bytes. */
    file: virtualPathSchema.max(127).optional(),
    local: z.literal(true).optional(),
  })
  .refine(({ loader, file, local }) => [loader, file, local].filter((one) => one !== undefined).length === 1, {
    message: 'needs one of "loader", "file" and "local: true"',
  });

/** Bytes of option 43 that every ROM reads; longer ones would come in pieces (RFC 3396). */
const MOST_BYTES = 255;

export const pxeMenuSchema = z
  .strictObject({
    prompt: lineSchema.default('Press F8 for the menu'),
    /** Seconds until the first item is taken; 0 takes it at once, `never` shows the menu until somebody chooses. */
    timeoutSeconds: z.union([z.number().int().min(0).max(254), z.literal('never')]).default(10),
    items: z.array(itemSchema).min(1).max(16),
  })
  .superRefine((menu, context) => {
    const size = sizeOf(menu);
    if (size <= MOST_BYTES) return;
    const message = `takes ${size} bytes, and firmware reads ${MOST_BYTES}: use shorter titles or fewer items`;
    context.addIssue({ code: 'custom', message });
  });
export type PxeMenuDocument = Readonly<z.output<typeof pxeMenuSchema>>;

/** A line of the menu as a machine gets it. */
export type PxeMenuItem = { readonly type: number; readonly text: string } & (
  | { readonly boots: 'local' }
  | { readonly boots: 'loader'; readonly loader: LoaderFile }
  | { readonly boots: 'file'; readonly path: string }
);

export interface PxeMenu {
  readonly prompt: string;
  /** 255: for ever. */
  readonly timeoutSeconds: number;
  readonly items: readonly PxeMenuItem[];
}

/** 0 boots the local disk; from here on types are the vendor's own (PXE 2.1, table 2-1). */
const LOCAL_TYPE = 0;
const FIRST_TYPE = 0x8000;
const FOR_EVER = 255;

/**
 * What is left of a menu here: items whose loader is not installed fall out, and `missing` says why. An item keeps its type
 * whatever falls out, so that a machine which was shown the menu before is answered rightly.
 */
export function settlePxeMenu(
  { prompt, timeoutSeconds, items }: PxeMenuDocument,
  installed: ReadonlySet<string>,
  circumstances: LoaderCircumstances,
): { readonly menu: PxeMenu; readonly missing: readonly string[] } {
  const missing: string[] = [];
  const shown = items.flatMap(({ title: text, loader: name, file: path }, index): PxeMenuItem[] => {
    const type = FIRST_TYPE + index;
    if (path !== undefined) return [{ type, text, boots: 'file', path }];
    if (name === undefined) return [{ type: LOCAL_TYPE, text, boots: 'local' }];
    const { file: loader } = chooseLoader('bios', name, installed, circumstances);
    // Another family in its place would not be what the line says.
    if (loader?.loader === name) return [{ type, text, boots: 'loader', loader }];
    missing.push(`"${text}" is left out: no ${name} for BIOS is installed`);
    return [];
  });
  const seconds = timeoutSeconds === 'never' ? FOR_EVER : timeoutSeconds;
  return { menu: { prompt, timeoutSeconds: seconds, items: shown }, missing };
}

/** Sub-options 6, 8, 9 and 10, 71 of an answer, and the end. */
function sizeOf({
  prompt,
  items,
}: {
  readonly prompt: string;
  readonly items: readonly { title: string; local?: true | undefined }[];
}): number {
  const servers = items.filter(({ local }) => !local).length * 7;
  const lines = items.reduce((sum, { title }) => sum + 3 + title.length, 0);
  return 3 + (servers > 0 ? 2 + servers : 0) + 2 + lines + 3 + prompt.length + 1;
}
