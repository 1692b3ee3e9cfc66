/** Profiles, groups and networks as rows of a table, from what the API shows of them. */
import type { ListedKind } from './house.ts';

export const COLUMNS: Readonly<Record<ListedKind, readonly string[]>> = {
  profile: ['name', 'kind', 'writes to disks', 'hosts', 'title'],
  group: ['name', 'priority', 'profile', 'selects by'],
  network: ['name', 'mode', 'interface', 'unknown machines get'],
};

export function rowOf(kind: ListedKind, view: object): readonly string[] {
  const { name, ...one } = view as Readonly<Record<string, unknown>>;
  const text = (value: unknown, absent = '-') => (value === undefined ? absent : String(value));
  switch (kind) {
    case 'profile': {
      const wipes = one.destructive === true ? 'yes, only when armed' : 'no';
      return [text(name), text(one.kind), wipes, text(one.hosts), text(one.title, '')];
    }
    case 'group':
      return [text(name), text(one.priority), text(one.profile), Object.keys(one.select as object).join(', ')];
    case 'network':
      return [text(name), text(one.mode), text(one.interface), text(one.unknown)];
    default:
      return kind satisfies never;
  }
}
