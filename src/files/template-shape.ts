/** What a template may name: the shape of `TemplateContext`, as data the lint can walk. */
import type { TemplateContext } from '../boot/context.ts';

/** `any` is data of the operator's own (`vars`), `text` a leaf, `list` an array, `fields` an object with these keys. */
export type Shape =
  | { readonly kind: 'any' }
  | { readonly kind: 'text' }
  | { readonly kind: 'list'; readonly item: Shape }
  | { readonly kind: 'fields'; readonly fields: Readonly<Record<string, Shape>> };

export const ANY: Shape = { kind: 'any' };
const TEXT: Shape = { kind: 'text' };
const TEXTS: Shape = { kind: 'list', item: TEXT };

const texts = (...names: string[]): Record<string, Shape> => Object.fromEntries(names.map((name) => [name, TEXT]));
const fields = (of: Record<string, Shape>): Shape => ({ kind: 'fields', fields: of });

const ENTRY = fields({ ...texts('name', 'title', 'kernel'), initrd: TEXTS, args: TEXTS });

const ROOT = {
  host: fields({ ...texts('name', 'hostname', 'known', 'uuid', 'serial', 'address'), labels: ANY }),
  profile: fields(texts('name', 'title', 'kind')),
  network: fields({ ...texts('name', 'router'), dns: TEXTS }),
  server: fields(texts('address', 'httpBase', 'tftpBase')),
  boot: fields({
    ...texts('kind', 'timeoutSeconds', 'target', 'method', 'url'),
    entry: ENTRY,
    entries: { kind: 'list', item: ENTRY },
  }),
  reason: TEXT,
  vars: ANY,
  mac: fields(texts('colon', 'hyphen', 'dot', 'raw', 'upper', 'pxelinux')),
  client: fields(
    texts(
      'ip',
      'iphex',
      'uuid',
      'target',
      'firmware',
      'vendorClass',
      'hostname',
      'circuitId',
      'manufacturer',
      'product',
      'serial',
      'asset',
    ),
  ),
  deployment: fields(texts('id', 'token')),
  path: ANY,
} satisfies Record<keyof TemplateContext, Shape>;

export const CONTEXT_SHAPE: Shape & { readonly kind: 'fields' } = { kind: 'fields', fields: ROOT };

/** Follows `parts` down from `shape`; the index of the first part that cannot exist, or where it led. */
export function followShape(shape: Shape, parts: readonly string[]): Shape | { readonly kind: 'unknown'; at: number } {
  let here = shape;
  for (const [at, part] of parts.entries()) {
    if (here.kind === 'any') return ANY;
    if (here.kind === 'list' && (part === 'length' || /^\d+$/.test(part))) {
      here = part === 'length' ? TEXT : here.item;
      continue;
    }
    const next: Shape | undefined =
      here.kind === 'fields' && Object.hasOwn(here.fields, part) ? here.fields[part] : undefined;
    if (!next) return { kind: 'unknown', at };
    here = next;
  }
  return here;
}
