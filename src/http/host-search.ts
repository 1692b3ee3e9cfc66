/** Finding hosts for the API: by name or MAC, by words, labels and profile, page by page. */
import type { Catalog } from '../boot/catalog.ts';
import type { Host } from '../boot/host.ts';
import { AppError } from '../errors.ts';
import { parseMac } from '../net/mac.ts';
import { findNearest } from '../net/nearest.ts';

export interface HostQuery {
  /** Part of a name, MAC, address, serial, host name, label or note; letter case does not matter. */
  readonly q?: string | undefined;
  /** `rack=a1`, or `rack` for any value; all of them must hold. */
  readonly labels?: readonly string[] | undefined;
  readonly profile?: string | undefined;
}

/** A host by its name or any of its MACs in any form. A name that looks like a MAC wins. */
export function findHostById(catalog: Catalog, id: string): Host | undefined {
  const mac = parseMac(id);
  return catalog.hosts.get(id) ?? (mac && catalog.hostByMac.get(mac));
}

export function noSuchHost(catalog: Catalog, id: string): AppError {
  const nearest = findNearest(id, catalog.hosts.keys());
  return new AppError(
    'not-found',
    `There is no host "${id}".${nearest === undefined ? '' : ` Did you mean "${nearest}"?`}`,
  );
}

/** Hosts that match, by name. */
export function searchHosts(catalog: Catalog, query: HostQuery): Host[] {
  const words = query.q?.trim().toLowerCase() ?? '';
  const mac = parseMac(words);
  return [...catalog.hosts.values()]
    .filter((host) => query.profile === undefined || host.profile === query.profile)
    .filter((host) => (query.labels ?? []).every((label) => hasLabel(host, label)))
    .filter((host) => words === '' || (mac && host.macs.includes(mac)) || textOf(host).includes(words))
    .sort(byName);
}

/** A page of named things in order of name. The cursor says after which name to go on, so edits between pages lose nothing. */
export function pageByName<T extends { readonly name: string }>(
  items: readonly T[],
  cursor: string | undefined,
  limit: number,
): { readonly items: T[]; readonly next?: string } {
  const after = cursor === undefined ? undefined : Buffer.from(cursor, 'base64url').toString();
  const rest = after === undefined ? items : items.filter((item) => item.name > after);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page,
    ...(last && rest.length > limit && { next: Buffer.from(last.name).toString('base64url') }),
  };
}

export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function hasLabel(host: Host, label: string): boolean {
  const [key = '', ...value] = label.split('=');
  const own = Object.hasOwn(host.labels, key) ? host.labels[key] : undefined;
  return value.length === 0 ? own !== undefined : own === value.join('=');
}

function textOf(host: Host): string {
  const labels = Object.entries(host.labels).map(([key, value]) => `${key}=${value}`);
  const parts = [host.name, ...host.macs, host.address, host.serial, host.uuid, host.hostname, host.notes, ...labels];
  return parts.join('\n').toLowerCase();
}
