/** The catalog that the inventory's files make, with every problem at its file, line and column. */
import { buildCatalogInSteps, type Catalog, type CatalogParts, type CatalogProblem } from '../boot/catalog.ts';
import type { ObjectKind } from '../boot/edit.ts';
import { type ResolvedProfile, resolveProfiles } from '../boot/extends.ts';
import type { Group } from '../boot/group.ts';
import type { Host } from '../boot/host.ts';
import type { Network } from '../boot/network.ts';
import type { PeImage } from '../boot/pe.ts';
import type { Profile, ProfileFile } from '../boot/profile.ts';
import type { Quirk } from '../boot/quirk.ts';
import type { RoutesDocument } from '../boot/routes-file.ts';
import { eachInSteps, runAtOnce, type Sliced } from '../boot/sliced.ts';
import type { Problem } from '../errors.ts';
import { type LoadedFile, type LoadedFiles, revisionOf } from './inventory-files.ts';
import { checkParamsOf } from './params.ts';
import { formatPath } from './yaml.ts';
import { type DataPath, parseYaml } from './yaml-source.ts';

/** Parts of a catalog that are in no file of the inventory. */
export type LiveParts = Pick<CatalogParts, 'defaults' | 'deployments' | 'machines'>;

export interface Assembled {
  readonly catalog: Catalog;
  readonly problems: readonly Problem[];
}

/** Profiles between two pauses, each hashed whole; problems, for each of which a file is parsed again. */
const PROFILE_STEP = 16;
const PROBLEM_STEP = 4;

/** Kernels under `boot-images/` that profiles name. */
export function kernelsOf(files: LoadedFiles): readonly string[] {
  return [...files.values()].flatMap(({ object }) => {
    const kernel = object?.kind === 'profile' ? object.value.document.kernel : undefined;
    return kernel === undefined || kernel.includes('://') ? [] : [kernel];
  });
}

/** The catalog of these files, with the problems of each and of all together. */
export function assembleCatalog(
  files: LoadedFiles,
  installed: ReadonlySet<string>,
  live: LiveParts = {},
  images?: ReadonlyMap<string, PeImage>,
): Assembled {
  return runAtOnce(assembleInSteps(files, installed, live, images));
}

/** The same with pauses. Nobody may change the maps meanwhile. */
export function* assembleInSteps(
  files: LoadedFiles,
  installed: ReadonlySet<string>,
  live: LiveParts = {},
  images?: ReadonlyMap<string, PeImage>,
): Sliced<Assembled> {
  const hosts: Host[] = [];
  const groups: Group[] = [];
  const profileFiles: ProfileFile[] = [];
  const networks: Network[] = [];
  const quirks: Quirk[] = [];
  let table: RoutesDocument = { routes: [], rewrites: [], ignoreCase: false };
  const problems: Problem[] = [];
  const broken = new Set<string>();
  yield* eachInSteps(files.values(), ({ object, ref, problems: own }) => {
    problems.push(...own);
    if (object?.kind === 'host') hosts.push(object.value);
    else if (object?.kind === 'group') groups.push(object.value);
    else if (object?.kind === 'profile') profileFiles.push(object.value);
    else if (object?.kind === 'network') networks.push(object.value);
    else if (object?.kind === 'quirk') quirks.push(object.value);
    else if (object) table = object.value;
    else broken.add(keyOf(ref));
  });
  const resolved = yield* resolveProfiles(profileFiles);
  // So is a profile that cannot be resolved.
  for (const { object } of resolved.problems) broken.add(keyOf(object));
  const profiles: Profile[] = [];
  const addProfile = (profile: ResolvedProfile) =>
    profiles.push(Object.freeze({ ...profile, revision: hashOf(profile) }));
  yield* eachInSteps(resolved.profiles, addProfile, PROFILE_STEP);
  const parts = { hosts, groups, profiles, networks, quirks, ...table, installed, images, ...live };
  const built = yield* buildCatalogInSteps(parts);
  const shared = [...resolved.problems, ...built.problems, ...(yield* checkParamsOf({ hosts, profiles }))];
  problems.push(...(yield* placeAll(shared, files, broken)));
  return { catalog: built.catalog, problems };
}

/** Those that are nobody's consequence, each at its line. */
function* placeAll(
  problems: readonly CatalogProblem[],
  files: LoadedFiles,
  broken: ReadonlySet<string>,
): Sliced<readonly Problem[]> {
  // Nearly always: then nobody needs the index.
  if (problems.length === 0) return [];
  const byObject = new Map<string, LoadedFile>();
  yield* eachInSteps(files.values(), (file) => byObject.set(keyOf(file.ref), file));
  const told: Problem[] = [];
  const place = (problem: CatalogProblem) => {
    const file = byObject.get(keyOf(problem.object));
    // A name is not unknown because the file behind it has a problem: that one is reported already.
    if (!blamesBroken(problem, file, byObject, broken)) told.push(placed(problem, file));
  };
  yield* eachInSteps(problems, place, PROBLEM_STEP);
  return told;
}

function keyOf({ kind, name }: { readonly kind: ObjectKind; readonly name: string }): string {
  return `${kind} ${name}`;
}

/** Of a profile with all it inherits. */
function hashOf(profile: ResolvedProfile): string {
  return revisionOf(JSON.stringify(profile));
}

function blamesBroken(
  problem: CatalogProblem,
  file: LoadedFile | undefined,
  byObject: ReadonlyMap<string, LoadedFile>,
  broken: ReadonlySet<string>,
): boolean {
  const field = problem.path.at(-1);
  const object = file?.object;
  if (object?.kind === 'profile' && field === 'extends') {
    // There is a file of that profile, and it is not read.
    const parent = byObject.get(`profile ${object.value.document.extends}`);
    return parent !== undefined && parent.object === undefined;
  }
  if ((object?.kind === 'host' || object?.kind === 'group') && field === 'profile')
    return broken.has(`profile ${object.value.profile}`);
  if (object?.kind === 'group' && problem.path[1] === 'networks') {
    return broken.has(`network ${object.value.select.networks?.[problem.path[2] as number]}`);
  }
  if (object?.kind === 'network' && field === 'unknown') return broken.has(`profile ${object.value.unknown}`);
  return false;
}

/** Where a value of an object stands; the object's name when there is no file of it. */
export function placeOf(
  files: LoadedFiles,
  kind: ObjectKind,
  name: string,
  path: DataPath,
): Pick<Problem, 'file' | 'line' | 'column' | 'path'> {
  const found = [...files.values()].find(({ ref }) => ref.kind === kind && ref.name === name);
  return placeIn(found, name, path);
}

function placeIn(file: LoadedFile | undefined, name: string, path: DataPath) {
  if (!file) return { file: name, path: formatPath(path) };
  return { file: file.ref.label, ...parseYaml(file.ref.label, file.text).locate(path), path: formatPath(path) };
}

function placed({ object, path, message, advice }: CatalogProblem, file: LoadedFile | undefined): Problem {
  return { severity: 'error', ...placeIn(file, object.name, path), message, advice };
}
