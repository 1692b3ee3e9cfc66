/** Where each value a machine gets was written, and what it prevailed over: for `explain`. */
import type { Decision } from './decide.ts';
import { formatOrigin, type Layer, type Level } from './precedence.ts';

/** A place of `boot/precedence.ts`, or the quirks of its firmware. */
export interface Source {
  readonly level: Level | 'quirk';
  readonly name?: string;
}

export interface SourcedValue {
  /** `loader`, `localBoot`, `pxeMenu`, `vars.console`, `options.tftp-server-name`. */
  readonly field: string;
  readonly value: unknown;
  readonly origin: Source;
  /** Where the same was written in vain, the weakest first. */
  readonly over: readonly Source[];
}

/** In order of field. Options stand under the names they were written by. */
export function sourcesOf({ layers, quirks, host }: Pick<Decision, 'layers' | 'quirks' | 'host'>): SourcedValue[] {
  const found = new Map<string, { value: unknown; places: Source[] }>();
  const put = (field: string, value: unknown, place: Source) => {
    const before = found.get(field);
    found.set(field, { value, places: [...(before?.places ?? []), place] });
  };
  for (const layer of layers) for (const [field, value] of fieldsOf(layer)) put(field, value, layer.origin);
  // A quirk goes before all but the host's own word.
  if (quirks.actions.loader !== undefined && host?.loader === undefined) {
    put('loader', quirks.actions.loader, { level: 'quirk' });
  }
  return [...found]
    .map(([field, { value, places }]) => ({ field, value, origin: places.at(-1) as Source, over: places.slice(0, -1) }))
    .sort((a, b) => (a.field < b.field ? -1 : 1));
}

/** `vars.console = ttyS0   from host "web01", over group "rack"` */
export function formatSource({ field, value, origin, over }: SourcedValue): string {
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  const beaten = over.length === 0 ? '' : `, over ${over.map(formatPlace).join(', ')}`;
  return `${field} = ${shown}   from ${formatPlace(origin)}${beaten}`;
}

function formatPlace({ level, name }: Source): string {
  return level === 'quirk'
    ? 'the quirks of its firmware'
    : formatOrigin({ level, ...(name !== undefined && { name }) });
}

function* fieldsOf({ loader, localBoot, pxeMenu, vars, options }: Layer): Generator<readonly [string, unknown]> {
  if (loader !== undefined) yield ['loader', loader];
  if (localBoot !== undefined) yield ['localBoot', localBoot];
  if (pxeMenu !== undefined) yield ['pxeMenu', pxeMenu.items.map(({ title }) => title)];
  for (const [name, value] of Object.entries(vars ?? {})) yield [`vars.${name}`, value];
  for (const [name, value] of Object.entries(options ?? {})) yield [`options.${name}`, value];
}
