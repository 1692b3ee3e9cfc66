/** Two groups of one priority that say different things to one machine: nobody could tell which wins. */
import type { CatalogProblem } from './catalog.ts';
import { type Group, matches, type Selector } from './group.ts';

/** A problem for each value that two groups of equal priority set differently, unless no machine can be in both. */
export function checkGroups(groups: readonly Group[]): readonly CatalogProblem[] {
  const sorted = groups.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return sorted.flatMap((group, index) =>
    sorted.slice(0, index).flatMap((other) => {
      if (other.priority !== group.priority) return [];
      const paths = conflicts(group, other);
      if (paths.length === 0 || areDisjoint(group.select, other.select)) return [];
      return paths.map((path) => ({
        object: { kind: 'group' as const, name: group.name },
        path,
        message: `a machine can be in "${other.name}" as well, which has the same priority and another "${path.join('.')}"`,
        advice: 'Give one of them another priority, or select so that no machine is in both.',
      }));
    }),
  );
}

function conflicts(a: Group, b: Group): readonly (readonly string[])[] {
  const single = (['profile', 'loader', 'localBoot'] as const)
    .filter((key) => a[key] !== undefined && b[key] !== undefined && a[key] !== b[key])
    .map((key) => [key]);
  const merged = (['vars', 'options'] as const).flatMap((field) =>
    Object.keys(a[field])
      .filter((key) => Object.hasOwn(b[field], key) && !equal(a[field][key], b[field][key]))
      .map((key) => [field, key]),
  );
  return [...single, ...merged];
}

/** Values are plain data. */
function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Only when it is certain: one condition that no machine fulfils in both. */
function areDisjoint(a: Selector, b: Selector): boolean {
  const labels = Object.entries(a.labels ?? {}).some(
    ([key, text]) => b.labels?.[key] !== undefined && apart(text, b.labels[key]),
  );
  const smbios = Object.entries(a.smbios ?? {}).some(([key, text]) => {
    const other = b.smbios?.[key as keyof typeof b.smbios];
    return text !== undefined && other !== undefined && apart(text, other);
  });
  return (
    labels ||
    smbios ||
    none(a.networks, b.networks, (one, other) => one !== other) ||
    none(a.classes, b.classes, apart) ||
    none(a.circuits, b.circuits, apart) ||
    // A number and a target may mean one architecture.
    none(a.archs, b.archs, (one, other) => typeof one === typeof other && one !== other)
    // MAC prefixes say nothing: a host may have several cards.
  );
}

/** Both are given, and every pair of their values is apart. */
function none<T>(a: readonly T[] | undefined, b: readonly T[] | undefined, apart: (one: T, other: T) => boolean) {
  return a !== undefined && b !== undefined && a.every((one) => b.every((other) => apart(one, other)));
}

/** No text fits both: certain only where at most one has a star. */
function apart(a: string, b: string): boolean {
  if (a.includes('*')) return !b.includes('*') && !matches(a, b);
  return !matches(b, a);
}
