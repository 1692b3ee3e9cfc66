/** Pulls that run in the appliance, with their progress, for the API. In memory: what was pulled is on the disk. */
import { randomUUID } from 'node:crypto';
import { messageOf } from '../errors.ts';
import { isComplete, type PullOutcome, type PullProgress, type PullReport } from './outcome.ts';

export interface FileProgress {
  readonly image: string;
  readonly file: string;
  readonly phase: 'fetch' | 'check' | 'extract';
  readonly done: number;
  readonly total?: number;
}

export interface ImageJob {
  readonly id: string;
  readonly references: readonly string[];
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt?: number;
  /** Files under way or done, newest state of each. */
  readonly files: readonly FileProgress[];
  readonly outcomes: readonly PullOutcome[];
  /** What is being done that has no bytes to count. */
  readonly step?: string;
  readonly fault?: string;
}

export interface JobsDeps {
  readonly pull: (
    references: readonly string[],
    options: {
      readonly force: boolean;
      readonly signal: AbortSignal;
      readonly onProgress: (event: PullProgress) => void;
    },
  ) => Promise<PullReport>;
  readonly now: () => number;
  readonly onEnd?: (job: ImageJob) => void;
}

export interface ImageJobs {
  /** The job that pulls these already, or a new one. */
  start(references: readonly string[], force: boolean): ImageJob;
  list(): readonly ImageJob[];
  get(id: string): ImageJob | undefined;
  /** What came so far is kept, for the next time. */
  stop(id: string): ImageJob | undefined;
  /** Stops all and waits for them. */
  close(): Promise<void>;
}

/** Ended jobs that are remembered. */
const KEPT = 50;

export function createImageJobs({ pull, now, onEnd = () => {} }: JobsDeps): ImageJobs {
  const jobs = new Map<string, { job: ImageJob; stop: AbortController; ended: Promise<void> }>();

  function start(references: readonly string[], force: boolean): ImageJob {
    const same = [...jobs.values()].find(
      ({ job }) => job.state === 'running' && job.references.join(' ') === references.join(' '),
    );
    if (same) return same.job;
    const id = randomUUID();
    const stop = new AbortController();
    const files = new Map<string, FileProgress>();
    const change = (part: Partial<ImageJob>) => {
      const held = jobs.get(id);
      if (held) held.job = { ...held.job, ...part };
    };
    const onProgress = (event: PullProgress) => {
      if (event.kind === 'step') return change({ step: event.text });
      if (event.kind === 'outcome') return change({ outcomes: [...(jobs.get(id)?.job.outcomes ?? []), event.outcome] });
      const { image, file, phase, done, total } = event;
      files.set(`${image} ${file}`, { image, file, phase, done, ...(total !== undefined && { total }) });
      change({ files: [...files.values()] });
    };
    const run = async () => {
      try {
        const report = await pull(references, { force, signal: stop.signal, onProgress });
        const state = stop.signal.aborted ? 'stopped' : isComplete(report) ? 'done' : 'failed';
        change({ state, outcomes: report.outcomes, endedAt: now(), ...(report.advice && { fault: report.advice }) });
      } catch (error) {
        change({ state: stop.signal.aborted ? 'stopped' : 'failed', fault: messageOf(error), endedAt: now() });
      }
      const ended = jobs.get(id);
      if (ended) onEnd(ended.job);
    };
    const job: ImageJob = { id, references, state: 'running', startedAt: now(), files: [], outcomes: [] };
    jobs.set(id, { job, stop, ended: Promise.resolve() });
    const held = jobs.get(id);
    if (held) held.ended = run();
    forget();
    return jobs.get(id)?.job ?? job;
  }

  function forget(): void {
    const ended = [...jobs.values()].filter(({ job }) => job.state !== 'running');
    for (const { job } of ended.slice(0, Math.max(0, ended.length - KEPT))) jobs.delete(job.id);
  }

  return {
    start,
    list: () => [...jobs.values()].map(({ job }) => job).reverse(),
    get: (id) => jobs.get(id)?.job,
    stop(id) {
      jobs.get(id)?.stop.abort();
      return jobs.get(id)?.job;
    },
    async close() {
      for (const { stop } of jobs.values()) stop.abort();
      await Promise.all(Array.from(jobs.values(), ({ ended }) => ended));
    },
  };
}
