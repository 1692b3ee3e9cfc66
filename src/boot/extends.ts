/** `extends` of profiles: each with everything it inherits, or the problem that keeps it from that. */
import type { CatalogProblem } from './catalog.ts';
import { PROFILE_KINDS, type Profile, type ProfileDocument, type ProfileFile, type ProfileKind } from './profile.ts';
import { coversRow } from './route-cover.ts';
import { eachInSteps, type Sliced } from './sliced.ts';

/** A profile before anybody has hashed it. */
export type ResolvedProfile = Omit<Profile, 'revision'>;

/** Keys that are merged key by key; all others are replaced whole. */
const MERGED = ['vars', 'options'] as const;

export interface ResolvedProfiles {
  readonly profiles: readonly ResolvedProfile[];
  readonly problems: readonly CatalogProblem[];
}

/** Profiles in a circle, or that begin as one that is not there, are left out and reported. */
export function* resolveProfiles(files: readonly ProfileFile[]): Sliced<ResolvedProfiles> {
  const byName = new Map(files.map((file) => [file.name, file]));
  const problems: CatalogProblem[] = [];
  const profiles: ResolvedProfile[] = [];
  yield* eachInSteps(files, (file) => {
    const report = (path: string, message: string, advice: string) =>
      problems.push({ object: { kind: 'profile', name: file.name }, path: [path], message, advice });
    const chain = chainOf(file, byName);
    if (chain.kind === 'circle') {
      const advice = 'Remove "extends" from one of them.';
      report('extends', `"extends" goes in a circle: ${chain.names.join(' → ')}`, advice);
    } else if (chain.kind === 'absent') {
      // Only the one that names it is to blame; those that extend that one inherit the fault.
      if (chain.of === file.name) {
        const known = [...byName.keys()].filter((name) => name !== file.name).sort();
        report('extends', `there is no profile "${chain.name}"`, `Known: ${known.join(', ')}.`);
      }
    } else {
      const document = chain.files.map(({ document }) => document).reduceRight(inherit(chain.files));
      if (document.kind === undefined) {
        const inherited = chain.files.length > 1 ? ', and no profile it extends has one' : '';
        report('kind', `is missing${inherited}`, `Known: ${PROFILE_KINDS.toSorted().join(', ')}.`);
      } else {
        const installs = chain.files.some(({ document }) => document.kind === 'install');
        profiles.push(finish(file.name, document, document.kind, installs));
      }
    }
  });
  return { profiles, problems };
}

type Chain =
  | { readonly kind: 'whole'; readonly files: readonly ProfileFile[] }
  | { readonly kind: 'circle'; readonly names: readonly string[] }
  | { readonly kind: 'absent'; readonly of: string; readonly name: string };

/** The file and what it extends, nearest first. */
function chainOf(first: ProfileFile, byName: ReadonlyMap<string, ProfileFile>): Chain {
  const files = [first];
  for (let at = first; at.document.extends !== undefined; ) {
    const name = at.document.extends;
    if (files.some((file) => file.name === name)) {
      return { kind: 'circle', names: [...files.map((file) => file.name), name] };
    }
    const next = byName.get(name);
    if (!next) return { kind: 'absent', of: at.name, name };
    files.push(next);
    at = next;
  }
  return { kind: 'whole', files };
}

/** For `reduceRight`: from the root of the chain down to the profile itself. */
function inherit(files: readonly ProfileFile[]) {
  return (parent: ProfileDocument, own: ProfileDocument, index: number): ProfileDocument => {
    const given = files[index]?.given ?? new Set();
    const merged: Record<string, unknown> = { ...parent };
    for (const [key, value] of Object.entries(own)) if (given.has(key)) merged[key] = value;
    for (const key of MERGED) merged[key] = { ...parent[key], ...own[key] };
    // A row of its own for the same paths replaces the inherited one.
    const inherited = parent.files.filter((row) => !own.files.some((mine) => coversRow(mine, row)));
    merged.files = [...own.files, ...inherited];
    merged.params = {
      type: 'object',
      properties: { ...parent.params.properties, ...own.params.properties },
      required: [...new Set([...parent.params.required, ...own.params.required])],
    };
    return merged as ProfileDocument;
  };
}

/** `install` profiles write to disks unless they say otherwise; so does what extends one, by whatever kind it goes. */
function finish(
  name: string,
  { extends: _, ...document }: ProfileDocument,
  kind: ProfileKind,
  installs: boolean,
): ResolvedProfile {
  return { ...document, name, kind, destructive: document.destructive ?? installs };
}
