/** One version of an entry for one architecture, with every name filled in; and how people refer to it. */
import { AppError } from '../errors.ts';
import { adviseName } from '../net/nearest.ts';
import { type ImageEntry, type ImageSource, type ImageVerify, imageVersion } from './entry.ts';

export interface BuildFile {
  readonly from: string;
  readonly to: string;
  readonly sha256?: string | undefined;
  readonly tree: boolean;
}

/** What can be pulled: `reference` is how it is called, `ubuntu@24.04.5/amd64`. */
export interface ImageBuild {
  readonly entry: ImageEntry;
  readonly reference: string;
  readonly name: string;
  readonly version?: string;
  readonly arch?: string;
  readonly source: ImageSource;
  readonly verify: ImageVerify;
  readonly files: readonly BuildFile[];
}

/** The entry's first version for its first architecture. */
export function defaultBuild(entry: ImageEntry): ImageBuild {
  return buildOf(entry, entry.versions[0], Object.keys(entry.architectures)[0]);
}

/** Every listed version for every architecture. */
export function listBuilds(entry: ImageEntry): readonly ImageBuild[] {
  const versions = entry.versions.length > 0 ? entry.versions : [undefined];
  const arches = Object.keys(entry.architectures).length > 0 ? Object.keys(entry.architectures) : [undefined];
  return versions.flatMap((version) => arches.map((arch) => buildOf(entry, version, arch)));
}

/**
 * `name`, `name@version`, `name/arch`, `name@version/arch`. A version that the catalogue does not list may be asked for: it
 * is newer than the catalogue; its digests come from the publisher's list all the same.
 * @throws AppError `not-found`, `request-invalid`
 */
export function findBuild(entries: readonly ImageEntry[], reference: string): ImageBuild {
  const [, name = '', version, arch] = /^([^@/]+)(?:@([^/]+))?(?:\/(.+))?$/.exec(reference) ?? [];
  const entry = entries.find((one) => one.name === name);
  if (!entry) {
    const near =
      adviseName(
        name,
        entries.map((one) => one.name),
      ) ?? '"hobnail images ls --all" lists them.';
    throw new AppError('not-found', `The catalogue has no image "${reference}". ${near}`);
  }
  if (version !== undefined && entry.versions.length === 0)
    throw new AppError('request-invalid', `"${name}" has no versions to choose from: write ${name}.`);
  if (version !== undefined && !imageVersion.safeParse(version).success)
    throw new AppError('request-invalid', `"${version}" cannot be a version: letters, digits, . _ + ~ -`);
  const arches = Object.keys(entry.architectures);
  if (arch !== undefined && !arches.includes(arch)) {
    const have = arches.length > 0 ? `it has ${arches.join(', ')}` : 'it is the same for all';
    throw new AppError('request-invalid', `"${name}" has no architecture "${arch}": ${have}.`);
  }
  return buildOf(entry, version ?? entry.versions[0], arch ?? arches[0]);
}

function buildOf(entry: ImageEntry, version: string | undefined, arch: string | undefined): ImageBuild {
  const names: Readonly<Record<string, string | undefined>> = {
    version,
    // 24.04.5 is of the series 24.04; a version of one or two parts is its own.
    series: version?.split('.').slice(0, 2).join('.'),
    arch,
    theirs: arch === undefined ? undefined : entry.architectures[arch],
  };
  const fill = (text: string) => text.replace(/\{(version|series|arch|theirs)\}/g, (all, key) => names[key] ?? all);
  const fillAll = <T extends object>(object: T): T =>
    Object.fromEntries(
      Object.entries(object).map(([key, value]) => [key, typeof value === 'string' ? fill(value) : value]),
    ) as T;
  return {
    entry,
    reference: `${entry.name}${version === undefined ? '' : `@${version}`}${arch === undefined ? '' : `/${arch}`}`,
    name: entry.name,
    ...(version !== undefined && { version }),
    ...(arch !== undefined && { arch }),
    source: fillAll(entry.source),
    verify: fillAll(entry.verify),
    files: entry.files.map((file) => fillAll(file)),
  };
}
