/** Bringing images of the catalogue into `boot-images/`, whatever they come from; one failure does not stop the others. */
import { defaultBuild, findBuild, type ImageBuild } from './build.ts';
import { readCatalog } from './catalog.ts';
import type { PullOutcome, PullProgress, PullReport } from './outcome.ts';
import { createAptSource, type PackageSource } from './packages.ts';
import { adviseOn, pullPackages } from './pull-packages.ts';
import { pullRemote, type RemotePull } from './pull-remote.ts';

export interface PullOptions
  extends Partial<Pick<RemotePull, 'mirror' | 'signal' | 'fetch' | 'pauseMs' | 'stallMs' | 'runGpgv'>> {
  /** The directory `boot-images/`. Made when it is not there. */
  readonly imagesRoot: string;
  /** `name`, `name@version`, `name/arch`; without any, every entry that is marked `default`. */
  readonly references?: readonly string[];
  /** Fetch anew what is there, and overwrite files that the operator put there. Default false. */
  readonly force?: boolean;
  /** Downloads at once. Default 4. */
  readonly parallel?: number;
  /** Directory of the shipped catalogue. Default: the one that ships with the program. */
  readonly catalogDirectory?: string;
  readonly onProgress?: (progress: PullProgress) => void;
  /** Default: apt. */
  readonly packages?: PackageSource;
  readonly now?: () => number;
}

/** @throws AppError `config-invalid`, `read-failed` for the catalogue; `not-found`, `request-invalid` for a reference */
export async function pullImages(options: PullOptions): Promise<PullReport> {
  const { imagesRoot, references = [], catalogDirectory } = options;
  const entries = await readCatalog(imagesRoot, catalogDirectory);
  const builds =
    references.length > 0
      ? references.map((reference) => findBuild(entries, reference))
      : entries.filter((entry) => entry.default).map(defaultBuild);
  return pullBuilds(builds, options);
}

/** As `pullImages`, for builds that are at hand. */
export async function pullBuilds(builds: readonly ImageBuild[], options: PullOptions): Promise<PullReport> {
  const { imagesRoot, force = false, parallel = 4, onProgress: report = () => {}, now = Date.now } = options;
  const packages =
    options.packages ?? createAptSource({ onStep: (text) => report({ kind: 'step', text: `${text} …` }) });
  const outcomes: PullOutcome[] = [];
  const settle = (outcome: PullOutcome) => {
    outcomes.push(outcome);
    report({ kind: 'outcome', outcome });
  };
  const remote: RemotePull = {
    imagesRoot,
    packages,
    force,
    report,
    now,
    limit: createLimit(parallel),
    mirror: options.mirror,
    signal: options.signal,
    fetch: options.fetch,
    pauseMs: options.pauseMs,
    stallMs: options.stallMs,
    runGpgv: options.runGpgv,
  };
  const fromPackages = builds.filter(({ source }) => 'deb' in source);
  const fromElsewhere = builds.filter(({ source }) => !('deb' in source));
  await Promise.all([
    pullPackages({ imagesRoot, builds: fromPackages, packages, force, settle, now }),
    ...fromElsewhere.map(async (build) => {
      for (const outcome of await pullRemote(build, remote)) settle(outcome);
    }),
  ]);
  const advice = adviseOn(
    outcomes.filter((outcome) => outcome.kind === 'missing' && outcome.package !== undefined),
    imagesRoot,
  );
  return advice === undefined ? { outcomes } : { outcomes, advice };
}

/** At most `count` pieces of work at once; the others wait in turn. */
function createLimit(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= count) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
