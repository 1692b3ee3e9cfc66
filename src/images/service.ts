/** Images for the operator's API: the stock, and pulls that run as jobs. */
import type { BootEvent, RecordEvent } from '../boot/event.ts';
import { findBuild } from './build.ts';
import { readCatalog } from './catalog.ts';
import { createImageJobs, type ImageJob, type ImageJobs } from './jobs.ts';
import { type PullOptions, pullImages } from './pull.ts';
import { listImages, removeImage, type StockedImage, type Verified, verifyImages } from './stock.ts';

export interface ImageServiceDeps {
  readonly imagesRoot: string;
  readonly settings: { readonly mirror?: string | undefined; readonly parallel: number };
  /** Files came or went. */
  readonly onChange: () => void;
  readonly record: RecordEvent;
  readonly now: () => number;
  /** For tests: packages, sockets. */
  readonly pullOptions?: Partial<PullOptions>;
}

export interface ImageService {
  list(): Promise<readonly StockedImage[]>;
  /** @throws AppError `not-found`, `request-invalid`, `config-invalid` */
  pull(references: readonly string[], force: boolean): Promise<ImageJob>;
  jobs: ImageJobs['list'];
  job: ImageJobs['get'];
  stop: ImageJobs['stop'];
  verify(references: readonly string[]): Promise<readonly Verified[]>;
  remove(reference: string, force: boolean): ReturnType<typeof removeImage>;
  /** Stops running pulls; what came so far is kept. */
  close(): Promise<void>;
}

export function createImageService(deps: ImageServiceDeps): ImageService {
  const { imagesRoot, settings, onChange, record, now, pullOptions = {} } = deps;
  const { catalogDirectory } = pullOptions;
  const catalog = catalogDirectory === undefined ? {} : { catalogDirectory };
  const jobs = createImageJobs({
    pull: (references, options) =>
      pullImages({
        imagesRoot,
        references,
        parallel: settings.parallel,
        ...(settings.mirror !== undefined && { mirror: settings.mirror }),
        ...options,
        ...pullOptions,
      }),
    now,
    onEnd: (job) => {
      for (const line of summariesOf(job)) record({ at: now(), ...line });
      onChange();
    },
  });
  return {
    list: () => listImages({ imagesRoot, ...catalog }),
    async pull(references, force) {
      // A name that is not there is the asker's fault, and said at once.
      const entries = await readCatalog(imagesRoot, catalogDirectory);
      for (const reference of references) findBuild(entries, reference);
      return jobs.start(references, force);
    },
    jobs: jobs.list,
    job: jobs.get,
    stop: jobs.stop,
    verify: (references) => verifyImages(imagesRoot, references),
    async remove(reference, force) {
      const result = await removeImage(imagesRoot, reference, force);
      record({ at: now(), kind: 'image.removed', summary: `${reference}: ${result.removed.length} files removed` });
      onChange();
      return result;
    },
    close: jobs.close,
  };
}

/** One event an image: what came, or why not. */
function summariesOf(job: ImageJob): readonly Pick<BootEvent, 'kind' | 'summary'>[] {
  if (job.outcomes.length === 0 && job.fault !== undefined) return [{ kind: 'image.failed', summary: job.fault }];
  const images = [...new Set(job.outcomes.map(({ image }) => image))];
  return images.flatMap((image): Pick<BootEvent, 'kind' | 'summary'>[] => {
    const mine = job.outcomes.filter((outcome) => outcome.image === image);
    const bad = mine.find((outcome) => outcome.kind === 'failed' || outcome.kind === 'missing');
    if (bad && 'reason' in bad) return [{ kind: 'image.failed', summary: `${image}: ${bad.reason}` }];
    const placed = mine.find((outcome) => outcome.kind === 'placed');
    return placed ? [{ kind: 'image.pulled', summary: `${image} was pulled (${placed.proof})` }] : [];
  });
}
