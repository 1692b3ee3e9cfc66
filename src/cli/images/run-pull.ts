/** One pull with its bars, its exit code and its last line: what `pull`, `add` and `import-iso` share. */
import { isComplete, type PullReport } from '../../images/outcome.ts';
import type { PullOptions } from '../../images/pull.ts';
import type { Cli } from '../cli.ts';
import { EXIT } from '../output.ts';
import { createProgressView } from './progress.ts';

export type PullSettings = Pick<PullOptions, 'imagesRoot' | 'parallel' | 'onProgress' | 'signal' | 'mirror'>;

/** Interrupted by Ctrl-C it ends cleanly; what came so far is kept for the next time. */
export async function runPull(cli: Cli, pull: (settings: PullSettings) => Promise<PullReport>): Promise<PullReport> {
  const { config } = cli.config();
  const output = cli.output();
  const view = createProgressView(output, process.stderr, () => performance.now());
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const report = await pull({
      imagesRoot: config.paths.images,
      parallel: config.images.parallel,
      onProgress: view.show,
      signal: stop.signal,
      ...(config.images.mirror !== undefined && { mirror: config.images.mirror }),
    });
    view.end();
    if (!isComplete(report)) cli.exitWith(EXIT.failed);
    if (report.advice !== undefined) output.note(report.advice);
    return report;
  } finally {
    view.end();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

/** `24 of 24 files are there.` */
export function pullSummary({ outcomes }: PullReport): string {
  const lacking = outcomes.filter(({ kind }) => kind === 'missing' || kind === 'failed').length;
  return `${outcomes.length - lacking} of ${outcomes.length} files are there.`;
}
