/** Leases in order of network and address, a page at a time: a million of them as objects would hold up every machine for a second. */
import type { Lease, LeaseQuery } from '../boot/lease.ts';
import { ipv4ToNumber } from '../net/ipv4.ts';
import type { LeaseEntries } from './lease-entries.ts';

/** Of one network: those behind an address. */
export interface LeasePageQuery extends Pick<LeaseQuery, 'active' | 'now' | 'limit'> {
  /** Default: from the first. */
  readonly after?: number | undefined;
}

export type LeasePages = (query: LeasePageQuery) => readonly Lease[];

export function pageOfEntries(
  entries: Pick<LeaseEntries, 'eachLease' | 'get'>,
  { active, now, after = -1, limit }: LeasePageQuery,
): readonly Lease[] {
  let found: number[] = [];
  let most = Number.POSITIVE_INFINITY;
  const keepLeast = () => {
    found = found.sort((a, b) => a - b).slice(0, limit);
    if (found.length === limit) most = found.at(-1) ?? most;
  };
  entries.eachLease((address, until, isBound) => {
    if (address <= after || address > most) return;
    if (active !== undefined && active !== (isBound && until > now)) return;
    found.push(address);
    if (found.length >= 2 * limit) keepLeast();
  });
  keepLeast();
  return found.flatMap((address) => entries.get(address)?.lease ?? []);
}

/** @param pages of each network, by name */
export function listLeases(pages: ReadonlyMap<string, LeasePages>, query: LeaseQuery): readonly Lease[] {
  const { network, after, limit } = query;
  const names = [...pages.keys()].filter((name) => network === undefined || name === network).sort();
  const found: Lease[] = [];
  for (const name of names) {
    if (after && name < after.network) continue;
    const behind = after?.network === name ? ipv4ToNumber(after.address) : undefined;
    found.push(...(pages.get(name)?.({ ...query, after: behind, limit: limit - found.length }) ?? []));
    if (found.length >= limit) break;
  }
  return found;
}
