/** The house without its doors, for commands that work on the files. */
import type { Config } from '../config.ts';
import { type Core, createCore } from '../core.ts';
import { AppError } from '../errors.ts';
import type { Cli } from './cli.ts';

/** Opens the core for one piece of work and closes it. */
export async function withCore<T>(cli: Cli, use: (core: Core, config: Config) => Promise<T>): Promise<T> {
  const { config } = cli.config();
  const silent = { info: () => {}, warn: () => {} };
  const core = await createCore({
    config,
    ports: { http: config.http.port, tftp: config.tftp.port },
    log: silent,
    record: () => {},
    now: Date.now,
  });
  try {
    return await use(core, config);
  } finally {
    await core.close();
  }
}

/** Decisions from half-read files would mislead; stop and show what is wrong instead. */
export function requireGoodFiles(core: Core): void {
  const problems = core.inventory.problems().filter(({ severity }) => severity === 'error');
  if (problems.length > 0) {
    throw new AppError('inventory-invalid', 'the files have problems; "hobnail check" shows them all', { problems });
  }
}
