/** What commands share: output, settings, the way to end. */
import type { Config } from '../config.ts';
import type { ExitCode, Output } from './output.ts';

/** What a command is given. */
export interface Cli {
  /** For results; knows `-o`. */
  readonly output: () => Output;
  /** Settings of `--config`, or the first that is found, or the defaults. */
  readonly config: () => { readonly config: Config; readonly from: string };
  /** What `--server` and `--token-file` name. */
  readonly server: () => { readonly url?: string | undefined; readonly tokenFile?: string | undefined };
  /** Ends the run with this code once the command is done. */
  readonly exitWith: (code: ExitCode) => void;
}
